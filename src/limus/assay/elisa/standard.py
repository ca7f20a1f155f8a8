r"""The standard curve of an ELISA: weighting by back-calculated error, 4PL or 5PL by AICc, range by a stated rule.

Each weighting (variance constant, proportional to the signal, to its square, or to a fitted power of it) is fitted with
the four-parameter logistic and every standard level is read back off its own curve. The weighting with the smallest
root mean square of the relative errors ``100 (read / nominal - 1)`` over the levels above zero is taken; a level that
the curve cannot read counts as 100 %. With it, the five-parameter curve is taken where its AICc, with the variance
model's likelihood, is smaller.

The range is the longest run of neighbouring levels that are accurate and precise: error and coefficient of variation
of the wells read back within the limits of :mod:`limus.assay.quality.rules`, wider at the two ends. Its ends are the
lower and the upper limit of quantification (LLOQ, ULOQ), so both are levels that were measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.fit import CurveFits, CurveStatus, fit_curves, read_curve
from limus.assay.curve.quality import akaike
from limus.kernel.errors import InputError

__all__ = ["ElisaStandard", "StandardLevel", "Weighting", "fit_elisa_standard"]

Floats = NDArray[np.float64]
WEIGHTINGS = ("none", "1/y", "1/y2", "power")
_FEWEST_LEVELS = 5
_UNREADABLE = 100.0


@dataclass(frozen=True, slots=True)
class StandardLevel:
    """A standard level read back off the curve.

    Attributes
    ----------
    concentration, read : float
        Nominal, and read off the curve at the mean signal; NaN where the curve does not have it.
    error_percent, cv_percent : float
        Of the mean; of the wells read back one by one. NaN where there is none.
    signal : float
        Mean.
    n : int
        Usable wells.
    in_range : bool
        Whether the level lies from LLOQ to ULOQ.
    """

    concentration: float
    read: float
    error_percent: float
    cv_percent: float
    signal: float
    n: int
    in_range: bool


@dataclass(frozen=True, slots=True)
class Weighting:
    """A weighting that was tried: its name and the root mean square of the levels' errors, per cent."""

    name: str
    error_percent: float
    chosen: bool


@dataclass(frozen=True, eq=False)
class ElisaStandard:
    """A fitted ELISA standard curve.

    Attributes
    ----------
    fits : CurveFits
        One curve.
    unit : str
        Of all concentrations.
    levels : tuple of StandardLevel
        Above zero, ascending.
    weightings : tuple of Weighting
    criteria : mapping of str to float
        AICc by model.
    lloq, uloq : float
        In ``unit``.
    range_passes : bool
        False where no two neighbouring levels pass; the limits are then the lowest and the highest level.
    concentrations, signals : (N,) numpy.ndarray
        The wells that were fitted.
    """

    fits: CurveFits
    unit: str
    levels: tuple[StandardLevel, ...]
    weightings: tuple[Weighting, ...]
    criteria: Mapping[str, float]
    lloq: float
    uloq: float
    range_passes: bool
    concentrations: Floats
    signals: Floats

    @property
    def parameters(self) -> Floats:
        """Parameters of the curve, (P,)."""
        return np.asarray(self.fits.parameters[0])

    @property
    def covariance(self) -> Floats:
        """Covariance of the parameters, (P, P); what is held by a bound counts as known."""
        return np.nan_to_num(self.fits.covariance[0], nan=0.0, posinf=0.0)

    @property
    def rising(self) -> bool:
        """Whether the signal rises with the concentration (a sandwich assay)."""
        return float(self.signals[np.argmax(self.concentrations)]) > float(self.signals[np.argmin(self.concentrations)])

    def as_dict(self) -> dict[str, Any]:
        """Model, parameters, limits and the table of levels."""
        return {
            "model": self.fits.model.name,
            "weighting": self.fits.weighting,
            "variance_power": self.fits.exponent,
            "unit": self.unit,
            "parameters": dict(zip(self.fits.model.parameters, map(float, self.parameters), strict=True)),
            "status": str(self.fits.status[0]),
            "lloq": self.lloq,
            "uloq": self.uloq,
            "range_passes": self.range_passes,
            "levels": [{name: getattr(one, name) for name in one.__slots__} for one in self.levels],
            "weightings": [{name: getattr(one, name) for name in one.__slots__} for one in self.weightings],
            "aicc": dict(self.criteria),
        }


def fit_elisa_standard(
    concentrations: Floats,
    signals: Floats,
    unit: str,
    rules: Mapping[str, float],
    *,
    model: str = "auto",
    weighting: str = "auto",
    where: str = "standards",
) -> ElisaStandard:
    """Fit the standard curve.

    Parameters
    ----------
    concentrations, signals : (N,) array
        Of the usable standard wells; zero included.
    unit : str
        Of the concentrations.
    rules : mapping of str to float
        Limits, per cent; see :func:`limus.assay.quality.rules.rule_values`.
    model : {"auto", "ll4", "ll5"}
    weighting : {"auto", "none", "1/y", "1/y2", "power"}
    where : str
        Named in errors.

    Returns
    -------
    ElisaStandard

    Raises
    ------
    InputError
        Fewer than five levels above zero, or no curve can be fitted.
    """
    levels = np.unique(concentrations[concentrations > 0])
    if len(levels) < _FEWEST_LEVELS:
        got = f"{len(levels)} usable levels above zero" if len(levels) else "no standards"
        raise InputError(where, got, f"{_FEWEST_LEVELS} or more", "name wells with role = standard")
    names = WEIGHTINGS if weighting == "auto" else (weighting,)
    first = "ll5" if model == "ll5" else "ll4"
    tried = {name: fit_curves(concentrations, signals, model=first, weights=name) for name in names}
    errors = {name: _root_mean_square(concentrations, signals, fit) for name, fit in tried.items()}
    best = min(names, key=lambda name: errors[name])
    candidates = {first: tried[best]}
    if model == "auto":
        candidates["ll5"] = fit_curves(concentrations, signals, model="ll5", weights=best)
    criteria = {name: float(akaike(fit)[1][0]) if fit.usable[0] else math.inf for name, fit in candidates.items()}
    fits = candidates[min(criteria, key=lambda name: criteria[name])]
    if not fits.usable[0]:
        got = f"a curve that is {str(fits.status[0]).replace('_', ' ')}"
        raise InputError(where, got, "standards that rise or fall with the dose", "check layout and plate")
    found = _levels(concentrations, signals, fits)
    low, high = _range(found, rules)
    passes = math.isfinite(low)
    if not passes:
        low, high = found[0].concentration, found[-1].concentration
    marked = tuple(_mark(one, low, high) for one in found)
    return ElisaStandard(
        fits=fits,
        unit=unit,
        levels=marked,
        weightings=tuple(Weighting(name, errors[name], name == best) for name in names),
        criteria=criteria,
        lloq=low,
        uloq=high,
        range_passes=passes,
        concentrations=concentrations,
        signals=signals,
    )


def _levels(concentrations: Floats, signals: Floats, fits: CurveFits) -> list[StandardLevel]:
    found = []
    for level in np.unique(concentrations[concentrations > 0]).tolist():
        own = signals[concentrations == level]
        mean = float(np.mean(own))
        read = float(read_curve(fits, [mean]).dose[0])
        wells = read_curve(fits, own).dose
        cv = math.nan
        if len(own) > 1:
            cv = 100.0 * float(np.std(wells, ddof=1) / np.mean(wells)) if np.isfinite(wells).all() else math.inf
        found.append(StandardLevel(level, read, 100.0 * (read / level - 1.0), cv, mean, len(own), False))
    return found


def _root_mean_square(concentrations: Floats, signals: Floats, fits: CurveFits) -> float:
    if fits.status[0] in (CurveStatus.TOO_FEW_DOSES, CurveStatus.FLAT, CurveStatus.NOT_CONVERGED):
        return math.inf
    errors = [one.error_percent for one in _levels(concentrations, signals, fits)]
    return float(
        np.sqrt(np.mean([min(abs(e), _UNREADABLE) ** 2 if math.isfinite(e) else _UNREADABLE**2 for e in errors]))
    )


def _range(levels: Sequence[StandardLevel], rules: Mapping[str, float]) -> tuple[float, float]:
    """The longest run of levels that pass, with wider limits at its two ends; the lower one where two are as long."""
    best: tuple[int, float, float] = (0, math.nan, math.nan)
    for i in range(len(levels)):
        for j in range(i + 1, len(levels)):
            inside = all(_passes(levels[k], rules, k in (i, j)) for k in range(i, j + 1))
            if inside and j - i + 1 > best[0]:
                best = (j - i + 1, levels[i].concentration, levels[j].concentration)
    return best[1], best[2]


def _passes(level: StandardLevel, rules: Mapping[str, float], at_limit: bool) -> bool:
    place = "_at_limits" if at_limit else ""
    accurate = abs(level.error_percent) <= rules[f"accuracy{place}_percent"]
    precise = math.isnan(level.cv_percent) or level.cv_percent <= rules[f"precision{place}_percent"]
    return accurate and precise


def _mark(level: StandardLevel, low: float, high: float) -> StandardLevel:
    return StandardLevel(
        level.concentration, level.read, level.error_percent, level.cv_percent, level.signal, level.n,
        low <= level.concentration <= high,
    )  # fmt: skip
