"""``limus trial ...``: one file for each command; what a report of a trial says is in ``analysis``."""
