"""The reports of the survival commands."""
