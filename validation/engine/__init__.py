"""The proof that the simulation engine is right: problems, SUNDIALS CVODE in an environment of its own, figures."""
