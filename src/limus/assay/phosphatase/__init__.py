"""Calcineurin phosphatase by malachite green: from a plate to activities, IC50s and constants."""
