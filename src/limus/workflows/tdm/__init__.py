"""``limus tdm ...``: drug monitoring, one file for each question."""
