"""``limus assay ...``: one file for each assay; its report stands beside it."""
