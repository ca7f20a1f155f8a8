"""The fast engine: a model as machine code over vectors of trajectories, integrated by Rodas5P."""
