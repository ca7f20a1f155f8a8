r"""A test of proportional hazards: does a coefficient of a Cox regression change with time.

The score test of theta = 0 in beta(t) = b + theta g(t), at the estimate b. With s_i = x_i - m_i the Schoenfeld residual
of event i, V_i the covariance of the covariates in its risk set, and g centred at its mean over the events::

    U = (0, sum g_i s_i),   I = [[sum V_i, sum g_i V_i], [sum g_i V_i, sum g_i^2 V_i]],   chi2 = U' I^-1 U

for one covariate with its own theta only, or for all. g is 1 - S(t-) of the Kaplan-Meier curve, so that each event
moves g by about the same.

Source: Grambsch and Therneau 1994, Biometrika 81:515; Therneau, survival 3.0 (the score form, without the approximation
of a constant V).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.cox import CoxFit, CoxStatus, CoxTest
from limus.kernel.statistics.survival.cox_design import CoxDesign
from limus.kernel.statistics.survival.cox_likelihood import event_means, sum_later, tied_sums
from limus.kernel.statistics.survival.kaplan_meier import kaplan_meier

__all__ = ["ProportionalHazards", "proportional_hazards"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ProportionalHazards:
    """Tests that coefficients are constant in time.

    Attributes
    ----------
    names : tuple of str
        Covariates tested; aliased ones are left out.
    each : tuple of CoxTest
    all : CoxTest
    """

    names: tuple[str, ...]
    each: tuple[CoxTest, ...]
    all: CoxTest


def proportional_hazards(fit: CoxFit) -> ProportionalHazards:
    """Test each covariate of a Cox regression, and all together.

    Parameters
    ----------
    fit : CoxFit
        With finite coefficients.

    Returns
    -------
    ProportionalHazards

    Raises
    ------
    ValueRangeError
        The fit did not converge, or a coefficient is infinite.
    """
    from scipy.special import chdtrc  # noqa: PLC0415

    if fit.status is not CoxStatus.OK:
        raise ValueRangeError("fit", fit.status.value, "a fit with finite coefficients", "leave the covariate out")
    design, found = fit.position.design, fit.position.found
    count = len(design.x)
    event = np.zeros(len(design.time))
    event[design.deaths] = 1
    curve = kaplan_meier(design.time, event, weights=np.where(design.weight > 0, design.weight, 0.0))
    before = np.concatenate([[1.0], curve.survival[:-1]])
    g = 1 - before[np.searchsorted(curve.time, design.time[design.deaths])]
    g = g - g.mean()
    means, hazard = event_means(design, found)
    average = np.add.reduceat(means, design.death_start, axis=1)
    average = (average / np.diff(np.concatenate([design.death_start, [len(g)]])))[:, design.death_block]
    w = design.weight[design.deaths]
    score = (design.x[:, design.deaths] - average) @ (w * g)
    first, second = (_covariances(design, found.risk, means, hazard, g**power) for power in (1, 2))
    plain = found.information
    whole = np.block([[plain, first], [first, second]])
    tests = []
    for chosen in [*[[i] for i in range(count)], list(range(count))]:
        rows = [*range(count), *[count + i for i in chosen]]
        u = np.concatenate([np.zeros(count), score[chosen]])
        chi_square = float(u @ np.linalg.solve(whole[np.ix_(rows, rows)], u))
        tests.append(CoxTest(chi_square, len(chosen), float(chdtrc(len(chosen), chi_square))))
    names = tuple(name for name, free in zip(fit.names, fit.position.free, strict=True) if free)
    return ProportionalHazards(names, tuple(tests[:-1]), tests[-1])


def _covariances(design: CoxDesign, risk: Floats, means: Floats, hazards: Floats, weight: Floats) -> Floats:
    """Sum the risk sets' covariances over the events, each times a weight; as the information where that is 1."""
    hazard = hazards * weight
    exposure = sum_later(design, np.add.reduceat(hazard, design.death_start)[None])[0]
    if len(tied := design.tied):
        exposure[design.deaths[tied]] -= tied_sums(design, (hazard[tied] * design.fraction[tied])[None])[0]
    second = (design.x * (risk * exposure)) @ design.x.T
    return second - (means * (design.mean_weight * weight)) @ means.T
