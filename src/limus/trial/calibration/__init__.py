"""Totals fitted to published arms, clinicians' habits to published troughs, and the other trials predicted."""
