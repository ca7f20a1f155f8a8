"""When a fitted constant is called prior-driven: one definition, for the account of a model and for its profiles."""

from __future__ import annotations

__all__ = ["PRIOR_DRIVEN", "is_prior_driven"]

PRIOR_DRIVEN = 0.8  # of the prior's spread: what is left has then learned at most a third of its variance


def is_prior_driven(remaining: float) -> bool:
    """Return whether the observations say little about a constant.

    One that is not prior-driven need not be determined by the observations alone: they may fix a product of constants,
    of which priors hold the others. The profile without priors says that.

    Parameters
    ----------
    remaining : float
        Spread after the fit over that of the prior, in log10: standard deviations, or widths of 95 % intervals; NaN
        where there is no fit or the interval does not end.

    Returns
    -------
    bool
        More than 0.8 of the prior's spread is left, or nothing is known of it.
    """
    return not remaining <= PRIOR_DRIVEN
