"""Statistics without pharmacology.

Pooling of studies (``pooling``), networks of studies (``network``), proportions (``proportions``), differences of risks
with tests of non-inferiority (``risk_difference``), time to an event (``survival``), linear regression
(``regression``), quantile sketches and moments.

Not here yet, and where they go: group-sequential boundaries in ``group_sequential``, adjustment for many tests in
``multiplicity``, the mixed model for repeated measures in ``regression``, Fine and Gray's regression in ``survival``.
"""
