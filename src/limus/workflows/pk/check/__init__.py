"""The check of a model against measured levels, as rows and a report."""
