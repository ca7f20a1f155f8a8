"""``limus pk ...``: one file for each question to a population model."""
