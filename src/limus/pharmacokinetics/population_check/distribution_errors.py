r"""Normalised prediction distribution errors (npde): where each level stands in what the model says of it.

Levels of a subject are made uncorrelated, those measured and those of the K simulated replicates. Of a decorrelated
level, r simulated ones of K are lower; its prediction distribution error is :math:`(r + 1/2)/(K + 1)`, which under the
model is uniform whatever the distribution, and npde is the normal deviate of it. Under the model npde have mean 0,
variance 1 and a normal distribution, and no trend against time or prediction.

A level known only to lie below a limit is first given a level: a uniform share u of the simulated ones below the limit,
and of these the quantile (the method "cdf" of Nguyen, Comets and Mentre, J Pharmacokinet Pharmacodyn 2012;39:499).

Brendel et al, Pharm Res 2006;23:2036; Comets, Brendel and Mentre, Comput Methods Programs Biomed 2008;90:154. There
the error is r/K, with 0 and 1 moved inwards; the form here is exact for exchangeable replicates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution, spawn_generators
from limus.pharmacokinetics.population_check.decorrelation import decorrelate, levels_by_subject
from limus.pharmacokinetics.population_check.observed_levels import ObservedLevels
from limus.pharmacokinetics.population_check.simulated_levels import SimulatedLevels

__all__ = ["DistributionErrors", "NormalityTests", "find_distribution_errors", "normality_tests"]

Floats = NDArray[np.float64]
_FEWEST = 3  # npde, for a test
_MOST_SHAPIRO = 5_000  # beyond, its p-values are not known to hold


@dataclass(frozen=True, slots=True)
class NormalityTests:
    """Tests that npde are standard normal; p-values are NaN where ``status`` is not 'ok'.

    Attributes
    ----------
    n : int
    mean, variance, skewness, excess_kurtosis : float
    p_mean : float
        Wilcoxon's signed-rank test of median 0.
    p_variance : float
        Two-sided chi-squared test of variance 1.
    p_normal : float
        Shapiro and Wilk's test; with more than 5,000, Kolmogorov and Smirnov's against the standard normal.
    p_all : float
        Three times the smallest, at most 1 (Bonferroni).
    status : str
    """

    n: int
    mean: float
    variance: float
    skewness: float
    excess_kurtosis: float
    p_mean: float
    p_variance: float
    p_normal: float
    p_all: float
    status: str


@dataclass(frozen=True, eq=False)
class DistributionErrors:
    """npde of M levels.

    Attributes
    ----------
    error : (M,) array
        Prediction distribution errors, between 0 and 1; NaN for levels that are not used.
    npde : (M,) array
    level : (M,) array
        Levels that went in: below a limit, those drawn.
    left_out : (M,) array of bool
        No dose before, or a covariance without an inverse.
    tests : NormalityTests
    """

    error: Floats
    npde: Floats
    level: Floats
    left_out: NDArray[np.bool_]
    tests: NormalityTests


def find_distribution_errors(
    seen: ObservedLevels,
    simulated: SimulatedLevels,
    *,
    on_logarithm: bool = False,
    execution: Execution | None = None,
) -> DistributionErrors:
    """Find the npde of levels.

    Parameters
    ----------
    seen : ObservedLevels
    simulated : SimulatedLevels
        Of the same levels.
    on_logarithm : bool
        Whether levels are made uncorrelated on logarithms; then they must be above 0.
    execution : Execution, optional
        Its seed draws levels in place of those below a limit.

    Returns
    -------
    DistributionErrors

    Raises
    ------
    ValueRangeError
        Too few replicates for a subject's number of levels.
    """
    from scipy.special import ndtri  # noqa: PLC0415

    execution = execution or Execution(workers=1)
    level = _filled(seen, simulated, execution)
    used = np.isfinite(seen.after_dose_h) & (simulated.typical > 0) & np.isfinite(level)
    y, x = level, simulated.measured
    if on_logarithm:
        used &= level > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            y, x = np.log(y), np.log(x)
    error = np.full(len(seen), np.nan)
    replicates = len(x)
    for levels in levels_by_subject(seen, y, x, used):
        measured, replicas = decorrelate(levels)
        lower = (replicas < measured).sum(axis=0)
        error[levels.rows] = np.where(np.isnan(measured), np.nan, (lower + 0.5) / (replicates + 1.0))
    npde = ndtri(error)
    return DistributionErrors(error, npde, level, np.isnan(error), normality_tests(npde))


def _filled(seen: ObservedLevels, simulated: SimulatedLevels, execution: Execution) -> Floats:
    """Levels; those below a limit drawn from what the model has below it."""
    level = seen.value.copy()
    generator = spawn_generators(execution.seed, 1, stream="levels below the limit")[0]
    for row in np.flatnonzero(seen.censored).tolist():
        ordered = np.sort(simulated.measured[:, row])
        below = int(np.searchsorted(ordered, seen.limit[row]))
        share = generator.uniform()
        # the model may have none below: then its lowest is the nearest to what was seen
        level[row] = ordered[min(int(share * below), len(ordered) - 1)] if below else ordered[0]
    return level


def normality_tests(npde: Floats) -> NormalityTests:
    """Test whether npde are standard normal.

    Parameters
    ----------
    npde : (M,) array
        NaN is left out.

    Returns
    -------
    NormalityTests
    """
    from scipy import stats  # noqa: PLC0415

    z = npde[np.isfinite(npde)]
    n, nothing = len(z), float("nan")
    if n < _FEWEST or not np.ptp(z) > 0:
        return NormalityTests(n, *(nothing,) * 8, status=f"{n} different values, too few for a test")
    variance = float(z.var(ddof=1))
    lower = float(stats.chi2.cdf((n - 1) * variance, n - 1))
    p_variance = 2.0 * min(lower, 1.0 - lower)
    p_mean = float(stats.wilcoxon(z).pvalue)
    normal = stats.shapiro(z) if n <= _MOST_SHAPIRO else stats.kstest(z, "norm")
    p_normal = float(normal.pvalue)
    return NormalityTests(
        n=n,
        mean=float(z.mean()),
        variance=variance,
        skewness=float(stats.skew(z)),
        excess_kurtosis=float(stats.kurtosis(z)),
        p_mean=p_mean,
        p_variance=p_variance,
        p_normal=p_normal,
        p_all=min(1.0, 3.0 * min(p_mean, p_variance, p_normal)),
        status="ok",
    )
