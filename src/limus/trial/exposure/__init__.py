"""Doses, troughs and decisions of every subject: titration to target in the loop."""
