"""Scales, gates as values, gates that rules propose, and Gating-ML 2.0."""
