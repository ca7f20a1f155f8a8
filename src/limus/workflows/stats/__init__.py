"""``limus stats ...``: survival analysis, one file for each question."""
