"""Dose-response curves: read, fitted many at once, doses with intervals, models compared."""
