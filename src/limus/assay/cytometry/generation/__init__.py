"""Generations of a division dye: peaks fitted to a histogram, intervals, indices."""
