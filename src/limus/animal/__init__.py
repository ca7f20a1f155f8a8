"""Dosing solutions, scaling, scores and counts over time. An empty room until the animal issue."""
