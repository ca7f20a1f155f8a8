r"""Effects of two arms that report means: mean difference and standardised mean difference.

With m1, s1, n1 of arm 1, m2, s2, n2 of arm 2 (the reference), f = n1 + n2 - 2 and sp^2 = ((n1-1)s1^2 + (n2-1)s2^2)/f

::

    MD    m1 - m2                 s1^2/n1 + s2^2/n2
    SMD   g = J(f) (m1 - m2)/sp   1/n1 + 1/n2 + g^2/(2 (n1 + n2))

J(f) = Gamma(f/2)/(sqrt(f/2) Gamma((f-1)/2)) takes out the bias (Hedges 1981, exact); 1 - 3/(4 f - 1) is his
approximation, which many programs use. g differs by less than 0.1 % from f = 10 on.

Arms are combined (for a study with several arms of one treatment) as if their participants were one group.

Source: Hedges 1981, J Educ Stat 6:107; Hedges and Olkin 1985; Cochrane Handbook 6.5.2.10 (combining arms).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["TwoMeans", "combine_means", "hedges_correction", "mean_differences", "standardised_mean_differences"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TwoMeans:
    """Means, standard deviations and participants of K studies with two arms; arm 2 is the reference.

    Attributes
    ----------
    mean_1, sd_1, n_1, mean_2, sd_2, n_2 : (K,)
    """

    mean_1: Floats
    sd_1: Floats
    n_1: Floats
    mean_2: Floats
    sd_2: Floats
    n_2: Floats

    @classmethod
    def create(
        cls, mean_1: ArrayLike, sd_1: ArrayLike, n_1: ArrayLike, mean_2: ArrayLike, sd_2: ArrayLike, n_2: ArrayLike
    ) -> TwoMeans:
        """Check the arms and make the record.

        Parameters
        ----------
        mean_1, sd_1, n_1, mean_2, sd_2, n_2 : (K,) array_like

        Returns
        -------
        TwoMeans

        Raises
        ------
        ValueRangeError
            A mean is not finite, a standard deviation not positive, or an arm has fewer than two participants.
        """
        parts = [np.atleast_1d(np.asarray(x, dtype=float)) for x in (mean_1, sd_1, n_1, mean_2, sd_2, n_2)]
        for mean, sd, n in (parts[:3], parts[3:]):
            bad = ~(np.isfinite(mean) & (sd > 0) & np.isfinite(sd) & (n >= 2) & (n == np.floor(n)))
            if bad.any():
                at = int(np.flatnonzero(bad)[0])
                got = f"mean {mean[at]:g}, sd {sd[at]:g}, n {n[at]:g}"
                allowed = "a finite mean, a positive standard deviation, at least two participants"
                raise ValueRangeError(f"study {at + 1}", got, allowed, "correct or leave out the study")
        return cls(*parts)


def mean_differences(arms: TwoMeans) -> tuple[Floats, Floats]:
    """Return the mean differences and their variances; the arms' variances are not assumed equal.

    Parameters
    ----------
    arms : TwoMeans

    Returns
    -------
    tuple of two (K,) arrays
        In the unit of the means, and its square.
    """
    return arms.mean_1 - arms.mean_2, arms.sd_1**2 / arms.n_1 + arms.sd_2**2 / arms.n_2


def standardised_mean_differences(arms: TwoMeans, *, exact: bool = True) -> tuple[Floats, Floats]:
    """Return Hedges' g and its variance.

    Parameters
    ----------
    arms : TwoMeans
    exact : bool
        Whether the exact correction is used, or its approximation.

    Returns
    -------
    tuple of two (K,) arrays
        In standard deviations.
    """
    degrees = arms.n_1 + arms.n_2 - 2
    pooled = np.sqrt(((arms.n_1 - 1) * arms.sd_1**2 + (arms.n_2 - 1) * arms.sd_2**2) / degrees)
    g = hedges_correction(degrees, exact=exact) * (arms.mean_1 - arms.mean_2) / pooled
    return g, 1 / arms.n_1 + 1 / arms.n_2 + g**2 / (2 * (arms.n_1 + arms.n_2))


def hedges_correction(degrees_of_freedom: Floats, *, exact: bool = True) -> Floats:
    """Return Hedges' factor against the bias of a standardised mean difference.

    Parameters
    ----------
    degrees_of_freedom : (K,) array
        At least 2.
    exact : bool

    Returns
    -------
    (K,) array
        Below 1.

    Examples
    --------
    >>> import numpy as np
    >>> [round(float(hedges_correction(np.array([10.0]), exact=e)[0]), 4) for e in (True, False)]
    [0.9227, 0.9231]
    """
    from scipy.special import gammaln  # noqa: PLC0415

    f = np.asarray(degrees_of_freedom, dtype=float)
    if not exact:
        return 1 - 3 / (4 * f - 1)
    return np.asarray(np.exp(gammaln(f / 2) - gammaln((f - 1) / 2)) / np.sqrt(f / 2))


def combine_means(mean: Floats, sd: Floats, n: Floats) -> tuple[float, float, float]:
    """Return mean, standard deviation and size of several groups taken as one.

    Parameters
    ----------
    mean, sd, n : (G,) array

    Returns
    -------
    tuple of three floats

    Examples
    --------
    >>> import numpy as np
    >>> combine_means(np.array([1.0, 3.0]), np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    (2.0, 1.4142135623730951, 4.0)
    """
    total = float(n.sum())
    centre = float(n @ mean / total)
    squares = float(((n - 1) * sd**2 + n * (mean - centre) ** 2).sum())
    return centre, float(np.sqrt(squares / (total - 1))), total
