"""``limus evidence ...``: one file for each question to published studies and texts."""
