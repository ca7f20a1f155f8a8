"""The reports of bench assays: what they have in common, ELISA, phosphatase."""
