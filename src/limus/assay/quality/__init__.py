"""How good a plate is: controls, noise of replicates, position effects, and the limits it is judged by."""
