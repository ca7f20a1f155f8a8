"""Simulated plates: what a stated truth would give as FCS files."""
