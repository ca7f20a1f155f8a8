"""What a bench produces: plates, curve formulae, phosphatase, ELISA, cytometry, images.

An empty room until the bench issues.
"""
