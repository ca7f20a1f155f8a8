"""What stands in each well, read from layout files and checked before any signal is read."""
