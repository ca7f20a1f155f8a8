"""FCS files: every form that the standards allow and instruments write, read and written."""
