"""Claims with provenance, consistency checks, meta-analysis and network. An empty room until the evidence issue."""
