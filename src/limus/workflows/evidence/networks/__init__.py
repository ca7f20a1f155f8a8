"""What ``limus evidence network`` does: the analysis of each component, its JSON, its figures and its report."""
