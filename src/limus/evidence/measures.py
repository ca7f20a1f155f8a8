r"""Effect measures, and the effect of each study of a comparison on the scale on which it is pooled.

Ratios (RR, OR, HR) are pooled as natural logarithms and shown as ratios; differences (RD, AS, MD, SMD) as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from limus.evidence.comparison import Comparison, Study
from limus.evidence.study_table import TableForm
from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError, LimusError, NothingSucceededError
from limus.kernel.statistics.pooling import (
    BinaryMeasure,
    Correction,
    Effects,
    EffectStatus,
    TwoByTwo,
    TwoMeans,
    binary_effects,
    interval_asymmetry,
    mean_differences,
    normal_quantile,
    ratio_from_interval,
    ratio_from_log_rank,
    ratio_from_p,
    standardised_mean_differences,
)

__all__ = ["MEASURE_WORDS", "Measure", "StudyEffects", "compute_effects", "tables_of"]

Floats = NDArray[np.float64]

_MOST_ASYMMETRY = 0.1  # of the half-width: more is not the rounding of a Wald interval


class Measure(StrEnum):
    """What is compared between the two sides."""

    RR = "RR"
    OR = "OR"
    RD = "RD"
    AS = "AS"
    MD = "MD"
    SMD = "SMD"
    HR = "HR"

    @property
    def is_ratio(self) -> bool:
        """Whether it is pooled as a logarithm."""
        return self in (Measure.RR, Measure.OR, Measure.HR)

    @property
    def null(self) -> float:
        """The value of no difference, on the scale that is shown."""
        return 1.0 if self.is_ratio else 0.0

    def shown(self, effect: float) -> float:
        """Return an effect as it is shown.

        Parameters
        ----------
        effect : float
            On the scale of pooling.

        Returns
        -------
        float
        """
        return float(np.exp(effect)) if self.is_ratio else float(effect)


MEASURE_WORDS: Mapping[Measure, str] = {
    Measure.RR: "risk ratio",
    Measure.OR: "odds ratio",
    Measure.RD: "risk difference",
    Measure.AS: "arcsine difference",
    Measure.MD: "mean difference",
    Measure.SMD: "standardised mean difference (Hedges' g)",
    Measure.HR: "hazard ratio",
}
_ALLOWED: Mapping[TableForm, tuple[Measure, ...]] = {
    TableForm.EVENTS: (Measure.RR, Measure.OR, Measure.RD, Measure.AS),
    TableForm.MEANS: (Measure.MD, Measure.SMD),
    TableForm.CONTRASTS: tuple(Measure),
    TableForm.ESTIMATES: tuple(Measure),
    TableForm.LOG_RANK: (Measure.HR,),
}


@dataclass(frozen=True, slots=True, eq=False)
class StudyEffects:
    """Effects of the studies that can be pooled.

    Attributes
    ----------
    studies : tuple of Study
        Those with an effect.
    effect, variance : (K,)
        On the scale of pooling.
    status : mapping of str to str
        For every compared study: ``pooled``, ``corrected``, ``variance_corrected``, or why it is left out.
    findings : tuple of Finding
    """

    studies: tuple[Study, ...]
    effect: Floats
    variance: Floats
    status: Mapping[str, str]
    findings: tuple[Finding, ...]


def tables_of(studies: tuple[Study, ...]) -> TwoByTwo:
    """Return the two-by-two tables of studies.

    Parameters
    ----------
    studies : tuple of Study
        Of a comparison by events.

    Returns
    -------
    TwoByTwo

    Raises
    ------
    ValueRangeError
        A count that is not possible.
    """
    return TwoByTwo.create(*([s.numbers[key] for s in studies] for key in ("events_1", "n_1", "events_2", "n_2")))


def compute_effects(
    comparison: Comparison,
    measure: Measure,
    *,
    correction: Correction = Correction.CONSTANT,
    keep_double_zero: bool = False,
    peto: bool = False,
) -> StudyEffects:
    """Compute the effect of each study.

    Parameters
    ----------
    comparison : Comparison
    measure : Measure
    correction : Correction
        For zero cells where the measure cannot bear them.
    keep_double_zero : bool
        Whether studies without events in either arm are corrected rather than left out.
    peto : bool
        Whether odds ratios are Peto's.

    Returns
    -------
    StudyEffects

    Raises
    ------
    InputError
        The measure cannot be had from this form of table.
    NothingSucceededError
        No study has an effect.
    """
    allowed = _ALLOWED[comparison.form]
    if measure not in allowed:
        got = f"{measure} from a table of {comparison.form}"
        raise InputError("--measure", got, ", ".join(allowed), "choose another measure")
    studies = comparison.compared
    findings: list[Finding] = []
    if comparison.form is TableForm.EVENTS:
        kind = BinaryMeasure.PETO if peto else BinaryMeasure(measure)
        found = binary_effects(tables_of(studies), kind, correction=correction, keep_double_zero=keep_double_zero)
    elif comparison.form is TableForm.MEANS:
        found = _of_means(studies, measure)
    else:
        found, findings = _each(comparison, _CONTRAST_READERS[comparison.form], measure)
    there = np.isfinite(found.effect) & np.isfinite(found.variance)
    status = {}
    for study, state, good in zip(studies, found.status, there, strict=True):
        status[study.name] = str(state) if state is not EffectStatus.OK else "pooled" if good else "unreadable-effect"
        findings += _said(comparison, study, state)
    if comparison.form is TableForm.ESTIMATES and measure.is_ratio:
        findings += _asymmetric(comparison, studies)
    if not there.any():
        reasons = "; ".join(f"{name}: {state.replace('_', ' ')}" for name, state in status.items())
        raise NothingSucceededError(f"{measure} of {comparison.name}", reasons, "a study with an effect", "choose RD")
    kept = tuple(study for study, good in zip(studies, there, strict=True) if good)
    return StudyEffects(kept, found.effect[there], found.variance[there], status, tuple(findings))


_FINDINGS: Mapping[EffectStatus, tuple[Severity, str, str]] = {
    EffectStatus.CORRECTED: (Severity.NOTE, "a zero cell", "corrected, to have an effect and a variance"),
    EffectStatus.VARIANCE_CORRECTED: (Severity.NOTE, "0 or 100 % in both arms", "only the variance is corrected"),
    EffectStatus.NO_EVENTS: (Severity.WARNING, "no event in either arm", "left out: it says nothing of a ratio"),
    EffectStatus.ONLY_EVENTS: (Severity.WARNING, "nothing but events", "left out: it says nothing of a ratio"),
    EffectStatus.ZERO_CELL: (Severity.WARNING, "a zero cell", "left out, as no correction is wanted"),
}


def _said(comparison: Comparison, study: Study, state: EffectStatus) -> list[Finding]:
    if state not in _FINDINGS:
        return []
    severity, got, allowed = _FINDINGS[state]
    return [
        Finding(f"zero-cells-{state}".replace("_", "-"), severity, f"{comparison.name}, {study.name}", got, allowed)
    ]


def _of_means(studies: tuple[Study, ...], measure: Measure) -> Effects:
    keys = ("mean_1", "sd_1", "n_1", "mean_2", "sd_2", "n_2")
    arms = TwoMeans.create(*([study.numbers[key] for study in studies] for key in keys))
    effect, variance = mean_differences(arms) if measure is Measure.MD else standardised_mean_differences(arms)
    return Effects(effect, variance, (EffectStatus.OK,) * len(studies))


def _each(
    comparison: Comparison, read: Callable[[Mapping[str, float], Measure], tuple[float, float]], measure: Measure
) -> tuple[Effects, list[Finding]]:
    effects, variances, findings = [], [], []
    for study in comparison.compared:
        try:
            effect, variance = read(study.numbers, measure)
        except LimusError as error:
            effect, variance = np.nan, np.nan
            where = f"{comparison.name}, {study.name}: left out"
            said = (error.got, error.allowed, error.do)
            findings.append(Finding("unreadable-effect", Severity.WARNING, where, *said))
        effects.append(-effect if study.numbers["turned"] else effect)
        variances.append(variance)
    return Effects(np.array(effects), np.array(variances), (EffectStatus.OK,) * len(effects)), findings


def _of_contrast(numbers: Mapping[str, float], _: Measure) -> tuple[float, float]:
    se = numbers["se"]
    return numbers["effect"], numbers["variance"] if np.isnan(se) else se**2


def _of_estimate(numbers: Mapping[str, float], measure: Measure) -> tuple[float, float]:
    estimate, low, high = (numbers.get(key, np.nan) for key in ("estimate", "ci_low", "ci_high"))
    by_interval = not (np.isnan(low) or np.isnan(high))
    if measure.is_ratio:
        found = ratio_from_interval(estimate, low, high) if by_interval else ratio_from_p(estimate, numbers["p"])
        return float(found[0][0]), float(found[1][0])
    if by_interval:
        return estimate, ((high - low) / (2 * normal_quantile(95))) ** 2
    if estimate == 0:
        raise InputError("estimate", "0 with a p-value", "its interval", "give ci_low and ci_high")
    return estimate, (estimate / normal_quantile(100 * (1 - numbers["p"]))) ** 2


def _of_log_rank(numbers: Mapping[str, float], _: Measure) -> tuple[float, float]:
    keys = ("p", "events", "n_1", "n_2", "sign")
    effect, variance = ratio_from_log_rank(*(numbers[key] for key in keys))
    return float(effect[0]), float(variance[0])


_CONTRAST_READERS: Mapping[TableForm, Callable[[Mapping[str, float], Measure], tuple[float, float]]] = {
    TableForm.CONTRASTS: _of_contrast,
    TableForm.ESTIMATES: _of_estimate,
    TableForm.LOG_RANK: _of_log_rank,
}


def _asymmetric(comparison: Comparison, studies: tuple[Study, ...]) -> list[Finding]:
    findings = []
    for study in studies:
        numbers = [np.array([study.numbers.get(key, np.nan)]) for key in ("estimate", "ci_low", "ci_high")]
        readable = bool(np.all(np.array(numbers) > 0))
        share = float(interval_asymmetry(*numbers)[0]) if readable else 0.0
        if share > _MOST_ASYMMETRY:
            got = f"the estimate stands {100 * share:.0f} % of the half-width off the interval's geometric middle"
            do = "look whether the interval is Wald's; its width gives the standard error used"
            place = f"{comparison.name}, {study.name}"
            findings.append(Finding("interval-not-wald", Severity.WARNING, place, got, "symmetric as logarithms", do))
    return findings
