"""Meta-analysis against other programs and published results: the parts of ``evidence_pooling.py``."""
