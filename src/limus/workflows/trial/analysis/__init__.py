"""What ``limus trial run`` and ``limus trial report`` share: the outcome, its JSON, and the pages of the report."""
