"""What ``limus assay curve`` finds, as rows, figures and a page."""
