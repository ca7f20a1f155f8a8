"""One file made ready: what went wrong while it was acquired, compensation, the cells of each gate."""
