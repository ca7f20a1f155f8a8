"""Statistics without pharmacology: so far, the pooling of studies."""
