"""A simulated exposure, as rows, a course for the figure, and a report."""
