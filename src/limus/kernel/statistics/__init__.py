"""Statistics without pharmacology: pooling of studies, networks, proportions, quantile sketches, moments."""
