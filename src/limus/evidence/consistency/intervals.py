"""Checks of an interval by itself: symmetric as a Wald interval is, and in agreement with its p-value."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from statistics import NormalDist

from limus.evidence.consistency.judgement import Consistency, Judgement
from limus.evidence.consistency.reported import Contrast, Reported
from limus.kernel.statistics.pooling import normal_quantile

__all__ = ["check_p_value", "check_symmetry"]

# Between the z of a Wald interval and that of a score, exact or corrected test of the same counts
_LEAST_GAP = 0.35
_SHARE_OF_Z = 0.15
_GREY_GAP = 0.65
_SMALLEST_P = 1e-12


def check_symmetry(reported: Reported) -> Iterator[Judgement]:
    """A ratio stands in the geometric middle of its interval, as it does in a Wald interval.

    Another interval (score, exact, profile likelihood, bootstrap) need not be symmetric: the verdict is then
    ``not Wald``, never ``inconsistent``.
    """
    for contrast in reported.contrasts:
        estimate, low, high = contrast.estimate, contrast.low, contrast.high
        if not (contrast.is_ratio and estimate and low and high):
            continue
        if min(estimate.value, low.value) <= 0 or not low.value < high.value:
            why = f"{contrast.said}: an end at or below zero has no logarithm"
            yield Judgement("log-symmetry", contrast.where, Consistency.NOT_JUDGED, why)
            continue
        ends = [max(low.lowest, 1e-12) * max(high.lowest, 1e-12), low.highest * high.highest]
        middle = [math.sqrt(x) for x in ends]
        symmetric = middle[0] <= estimate.highest and estimate.lowest <= middle[1]
        verdict = Consistency.CONSISTENT if symmetric else Consistency.NOT_WALD
        span = f"{middle[0]:.4g} to {middle[1]:.4g}"
        why = f"geometric middle of {low.text} and {high.text}: {span}; printed {estimate.text}"
        yield Judgement("log-symmetry", contrast.where, verdict, why)


def check_p_value(reported: Reported) -> Iterator[Judgement]:
    """A p-value and the interval beside it say the same.

    ``p = 2 (1 - Phi(|effect|/se))``, se from the width of the interval or from its side towards no difference, both
    ranging over what is rounded away.
    """
    for contrast in reported.contrasts:
        if contrast.p is None or not (contrast.estimate and contrast.low and contrast.high):
            continue
        if not 0 <= contrast.p.value <= 1:
            why = f"p {contrast.p.text} is no probability"
            yield Judgement("p-against-interval", contrast.where, Consistency.INCONSISTENT, why)
            continue
        span = _p_range(contrast)
        if span is None:
            why = f"{contrast.said}: the interval gives no standard error"
            yield Judgement("p-against-interval", contrast.where, Consistency.NOT_JUDGED, why)
            continue
        yield _compare(contrast, span)


def _p_range(contrast: Contrast) -> tuple[float, float] | None:
    estimate, low, high = contrast.estimate, contrast.low, contrast.high
    assert estimate is not None
    assert low is not None
    assert high is not None
    z = normal_quantile(contrast.level_percent)
    found = []
    for e, a, b in itertools.product(*((x.lowest, x.highest) for x in (estimate, low, high))):
        if contrast.is_ratio:
            if min(e, a, b) <= 0:
                continue
            effect, width = math.log(e), math.log(b) - math.log(a)
        else:
            effect, width = e, b - a
        # an interval that is not Wald's is told by its side towards no difference
        towards = abs(effect - (math.log(a if e > 1 else b) if contrast.is_ratio else (a if e > 0 else b)))
        errors = (error for error in (width / (2 * z), towards / z) if error > 0 and width > 0)
        found += [math.erfc(abs(effect) / error / math.sqrt(2)) for error in errors]
    null_inside = estimate.lowest <= contrast.null <= estimate.highest
    return (min(found), 1.0 if null_inside else max(found)) if found else None


def _compare(contrast: Contrast, span: tuple[float, float]) -> Judgement:
    p = contrast.p
    assert p is not None
    lowest, highest = span
    said = f"the interval gives p {lowest:.2g} to {highest:.2g} by Wald; printed {p.text}"
    from_p, to_p = (
        (0.0, p.value) if p.relation == "<" else (p.value, 1.0) if p.relation == ">" else (p.lowest, p.highest)
    )
    if from_p <= highest and lowest <= to_p:
        return Judgement("p-against-interval", contrast.where, Consistency.CONSISTENT, said)
    gap = _quantile(to_p) - _quantile(highest) if to_p < lowest else _quantile(lowest) - _quantile(from_p)
    if gap <= max(_LEAST_GAP, _SHARE_OF_Z * _quantile(lowest if from_p > highest else to_p)):
        why = f"{said}: within what a test other than Wald's may give"
        return Judgement("p-against-interval", contrast.where, Consistency.CONSISTENT, why)
    if gap <= _GREY_GAP:
        why = f"{said}: further off than most other tests, as happens with small arms"
        return Judgement("p-against-interval", contrast.where, Consistency.IMPRECISE, why)
    level = 1 - contrast.level_percent / 100
    sides = to_p < level < lowest or highest < level < from_p
    why = said + (": on the other side of significance" if sides else "")
    return Judgement("p-against-interval", contrast.where, Consistency.INCONSISTENT, why)


def _quantile(p: float) -> float:
    """The z of a two-sided p-value."""
    return NormalDist().inv_cdf(1 - max(p, _SMALLEST_P) / 2)
