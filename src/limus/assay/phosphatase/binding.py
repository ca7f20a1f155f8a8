r"""The inhibition constant of a drug-immunophilin complex from a phosphatase plate, or why there is none.

The tight-binding fit needs the concentrations of active enzyme and immunophilin and the affinity of drug and
immunophilin. Where one of them is not known the fit is refused, with the reason: an IC50 near the enzyme's
concentration says how much enzyme there was, and a constant made from it would be a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.inhibition import MISFIT_AT, chi_squared_tail
from limus.assay.phosphatase.conditions import Affinity, PhosphataseConditions, find_affinity
from limus.assay.phosphatase.inhibition import InhibitionCurve
from limus.assay.phosphatase.series import percent_of_control, point_weights, series_blocks
from limus.assay.phosphatase.standard import StandardCurve
from limus.assay.phosphatase.tight_binding import (
    BindingModel,
    HalfEnzyme,
    compare_with_half_enzyme,
    inhibition_constant,
)
from limus.assay.phosphatase.tight_binding_fit import Titration, fit_tight_binding, upper_limit
from limus.assay.plate.uncertainty import NOT_KNOWN, Carried, Estimate, InputBlock, carry
from limus.kernel.inference import FitStatus
from limus.molecule.equilibrium import bind

__all__ = ["TightBinding", "fit_binding"]

Floats = NDArray[np.float64]
_RISE_95, _BETTER_95 = 2.706, 3.841  # of chi-squared with one degree of freedom: one-sided and two-sided 95 %
_APART = 1.1  # factor from which the two models are said to differ


@dataclass(frozen=True, eq=False)
class TightBinding:
    """An inhibition constant of the drug-immunophilin complex.

    Attributes
    ----------
    status : str
        ``ok``; ``upper_limit_only``: the data are as well explained by stoichiometric titration, so only ``upper`` of
        the estimates is known; ``no_effect``; ``not_converged``; ``refused``: see ``reason``.
    reason : str
        Why the fit was refused or what restricts it; empty where nothing does.
    ki_nM : Estimate
        Morrison's equation on the preformed complex, after Cheng and Prusoff where the inhibitor competes.
    ki_equilibrium_nM : Estimate
        The same with drug, immunophilin and enzyme in one equilibrium.
    apparent_nM : Estimate
        Before Cheng and Prusoff.
    affinity : Affinity
        Of drug and immunophilin.
    residual_percent : float
        Activity left with all enzyme held; 0 where it is not fitted.
    misfit_p : float
    half_enzyme : HalfEnzyme or None
        How the IC50 stands to half the enzyme; None where enzyme or IC50 are not known.
    complex_nM : (D,) numpy.ndarray
        Preformed complex at each dose; empty where it is not known.
    """

    status: str
    reason: str
    ki_nM: Estimate  # noqa: N815
    ki_equilibrium_nM: Estimate  # noqa: N815
    apparent_nM: Estimate  # noqa: N815
    affinity: Affinity
    residual_percent: float
    misfit_p: float
    half_enzyme: HalfEnzyme | None
    complex_nM: Floats  # noqa: N815

    @property
    def models_differ(self) -> bool:
        """Whether the two models give constants more than 10 % apart."""
        if not (self.ki_nM.known and self.ki_equilibrium_nM.known):
            return False
        ratio = self.ki_nM.value / self.ki_equilibrium_nM.value
        return max(ratio, 1 / ratio) > _APART

    def as_dict(self) -> dict[str, Any]:
        """Part of one row of the result."""
        return {
            "ki_nM": self.ki_nM.value,
            "ki_ci": self.ki_nM.interval,
            "ki_equilibrium_nM": self.ki_equilibrium_nM.value,
            "ki_equilibrium_ci": self.ki_equilibrium_nM.interval,
            "ki_apparent_nM": self.apparent_nM.value,
            "ki_status": self.status,
            "ki_reason": self.reason,
            "ki_misfit_p": self.misfit_p,
            "residual_activity_percent": self.residual_percent,
            "dissociation_constant_nM": self.affinity.value_nM,
            "dissociation_constant_origin": self.affinity.origin,
            "dissociation_constant_kind": "" if self.affinity.kind is None else str(self.affinity.kind),
            "ic50_against_half_enzyme": "" if self.half_enzyme is None else str(self.half_enzyme),
        }


def fit_binding(
    inhibition: InhibitionCurve, curve: StandardCurve, conditions: PhosphataseConditions, *, level: float = 0.95
) -> TightBinding:
    """Fit the inhibition constant of a series, or refuse with a reason.

    Parameters
    ----------
    inhibition : InhibitionCurve
    curve : StandardCurve
    conditions : PhosphataseConditions
    level : float
        Of the intervals, a fraction.

    Returns
    -------
    TightBinding
    """
    series = inhibition.series
    affinity = find_affinity(series.written, conditions) if conditions.immunophilin else Affinity()
    ic50 = inhibition.fit.ic50_absolute
    half = None
    if conditions.enzyme_nM is not None and ic50.known:
        half = compare_with_half_enzyme(ic50.value, ic50.upper, conditions.enzyme_nM)
    refusal = _refusal(inhibition, conditions, affinity)
    enzyme, protein, constant = conditions.enzyme_nM, conditions.immunophilin_nM, affinity.value_nM
    if refusal or enzyme is None or protein is None or constant is None:
        return _without("refused", refusal, affinity, half)
    blocks = series_blocks(series, curve)
    weights, known = point_weights(series, curve)
    centre = np.concatenate([block.values for block in blocks])[np.newaxis]
    percent = percent_of_control(centre, series, len(curve.coefficients))

    def titrate(y: Floats, protein_nm: Any, enzyme_nm: Any, model: BindingModel, residual: bool) -> Titration:
        return Titration.create(
            series.doses_nM,
            y,
            weights,
            immunophilin_nM=protein_nm,
            enzyme_nM=enzyme_nm,
            dissociation_constant_nM=constant,
            model=model,
            residual_activity=residual,
        )

    plain, bottomed = (
        fit_tight_binding(titrate(percent, protein, enzyme, "preformed", residual)) for residual in (False, True)
    )
    better = float(plain.sum_of_squares[0] - bottomed.sum_of_squares[0]) > _BETTER_95
    residual = better and float(bottomed.bottom[0]) > 0
    best = bottomed if residual else plain
    freedom = len(weights) - (3 if residual else 2)
    misfit = float(best.sum_of_squares[0])
    misfit_p = chi_squared_tail(misfit, freedom) if known else math.nan
    complexes = _complexes(series.doses_nM[1:], protein, constant)
    if best.status[0] is not FitStatus.CONVERGED:
        limit = upper_limit(titrate(percent, protein, enzyme, "preformed", residual), misfit, _RISE_95)
        status = "upper_limit_only" if math.isfinite(limit) else "no_effect"
        return _limited(status, limit, affinity, half, complexes, misfit_p, conditions)

    def outputs(inputs: Floats) -> Floats:
        measured, scale = inputs[:, :-2], np.exp(inputs[:, -2:])
        y = percent_of_control(measured, series, len(curve.coefficients))
        models: tuple[BindingModel, ...] = ("preformed", "equilibrium")
        fits = [
            fit_tight_binding(titrate(y, protein * scale[:, 0], enzyme * scale[:, 1], model, residual))
            for model in models
        ]
        return np.stack([fit.log_constant for fit in fits], axis=1)

    spread = (conditions.immunophilin_cv_percent, conditions.enzyme_cv_percent)
    carried = carry(outputs, [*blocks, *(InputBlock.create(0.0, (cv / 100.0) ** 2) for cv in spread)])
    if misfit_p < MISFIT_AT:
        carried = replace(carried, covariance=carried.covariance * misfit / freedom)
    rise = _RISE_95 * (max(1.0, misfit / freedom) if misfit_p < MISFIT_AT else 1.0)
    if known and float(best.at_zero[0]) - misfit < rise:
        limit = upper_limit(titrate(percent, protein, enzyme, "preformed", residual), misfit, rise)
        return _limited("upper_limit_only", limit, affinity, half, complexes, misfit_p, conditions)
    return _fitted(carried, known, conditions, affinity, half, complexes, misfit_p, float(best.bottom[0]), level)


def _fitted(
    carried: Carried,
    known: bool,
    conditions: PhosphataseConditions,
    affinity: Affinity,
    half: HalfEnzyme | None,
    complexes: Floats,
    misfit_p: float,
    bottom: float,
    level: float,
) -> TightBinding:
    logs = [carried.estimate(k, level) if known else Estimate(float(carried.values[k])) for k in (0, 1)]
    apparent, whole = (Estimate(*np.exp([one.value, one.lower, one.upper]).tolist()) for one in logs)
    return TightBinding(
        status="ok",
        reason=_caveat(conditions),
        ki_nM=_corrected(apparent, conditions),
        ki_equilibrium_nM=_corrected(whole, conditions),
        apparent_nM=apparent,
        affinity=affinity,
        residual_percent=bottom,
        misfit_p=misfit_p,
        half_enzyme=half,
        complex_nM=complexes,
    )


def _refusal(inhibition: InhibitionCurve, conditions: PhosphataseConditions, affinity: Affinity) -> str:
    """Why the fit cannot be made; empty where it can."""
    lacking = [
        words
        for words, value in (
            ("the concentration of active enzyme (enzyme_concentration)", conditions.enzyme_nM),
            ("the immunophilin (immunophilin)", conditions.immunophilin or None),
            ("the immunophilin's concentration (immunophilin_concentration)", conditions.immunophilin_nM),
        )
        if value is None
    ]
    if lacking:
        return "the layout does not give " + " and ".join(lacking)
    if affinity.refused:
        return affinity.refused
    if conditions.mechanism == "competitive" and conditions.substrate_over_km is None:
        return "mechanism is competitive, but substrate_concentration and michaelis_constant are not both given"
    if not inhibition.series.controls:
        return "the series has no controls"
    return "fewer than four usable doses" if inhibition.fit.relative_status == "too_few_doses" else ""


def _caveat(conditions: PhosphataseConditions) -> str:
    if conditions.mechanism == "not stated":
        return "the mechanism is not stated, so the constant is the apparent one: no correction for the substrate"
    return ""


def _corrected(apparent: Estimate, conditions: PhosphataseConditions) -> Estimate:
    numbers = inhibition_constant([apparent.value, apparent.lower, apparent.upper], conditions.substrate_over_km)
    return Estimate(*(float(x) for x in numbers))


def _complexes(doses: Floats, protein: float, constant: float) -> Floats:
    return bind(doses, protein, constant).complex


def _limited(
    status: str,
    limit: float,
    affinity: Affinity,
    half: HalfEnzyme | None,
    complexes: Floats,
    misfit_p: float,
    conditions: PhosphataseConditions,
) -> TightBinding:
    upper = limit if math.isfinite(limit) else math.nan
    apparent = Estimate(math.nan, math.nan, upper)
    reason = "stoichiometric titration explains the data as well; only an upper limit (one-sided 95 %) is known"
    if status == "no_effect":
        reason = "the data do not limit the constant"
    found = _corrected(apparent, conditions)
    return TightBinding(status, reason, found, NOT_KNOWN, apparent, affinity, math.nan, misfit_p, half, complexes)


def _without(status: str, reason: str, affinity: Affinity, half: HalfEnzyme | None) -> TightBinding:
    return TightBinding(
        status, reason, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, affinity, math.nan, math.nan, half, np.empty(0)
    )
