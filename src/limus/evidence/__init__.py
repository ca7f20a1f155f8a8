"""Published evidence: tables of studies, pooling, networks, claims, consistency checks, diagrams from text."""
