"""The report of a proliferation plate, and predictions laid over it."""
