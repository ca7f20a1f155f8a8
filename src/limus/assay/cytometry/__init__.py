"""Flow cytometry: FCS files, compensation, scales, gates, and the generations of a division dye."""
