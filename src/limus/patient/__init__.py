"""Covariates, drug monitoring, skin and disease scores. An empty room until the patient issues."""
