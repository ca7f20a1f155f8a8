"""Pathway models and their readouts, and pathway graphs derived from the models."""
