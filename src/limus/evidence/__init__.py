"""Published evidence: tables of studies and their pooling."""
