"""Checks of effects: recomputed from counts, inside their interval, and the interval one that the counts can give."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from limus.evidence.consistency.counts import counts_of
from limus.evidence.consistency.judgement import Consistency, Judgement
from limus.evidence.consistency.printed import Printed
from limus.evidence.consistency.reported import Contrast, Reported
from limus.kernel.statistics.pooling import BinaryMeasure, TwoByTwo, binary_effects
from limus.kernel.statistics.proportions import ContrastScale, two_proportion_intervals

__all__ = ["check_effect", "check_inside", "check_reachable", "counts_of_contrast", "point_estimate"]

_BINARY = ("RR", "OR", "RD")
_OTHER_LEVELS = (90.0, 97.5, 99.0)
_MOST_TABLES = 400
_NEAR = 1.5  # units of the last place: rounding of what went in


def counts_of_contrast(contrast: Contrast) -> tuple[tuple[int, int, int, int], ...]:
    """Return the two-by-two tables that a contrast may stand for; empty where its arms are not printed.

    Parameters
    ----------
    contrast : Contrast

    Returns
    -------
    tuple of (events_1, n_1, events_2, n_2)
    """
    if len(contrast.arms) != 2:
        return ()
    pairs = itertools.product(*(counts_of(arm) for arm in contrast.arms))
    return tuple((*one, *two) for one, two in itertools.islice(pairs, _MOST_TABLES))


def point_estimate(measure: str, counts: tuple[int, int, int, int]) -> float:
    """Return the effect of arm 1 against arm 2; NaN where it has none.

    Parameters
    ----------
    measure : str
        RR, OR or RD.
    counts : tuple of int

    Returns
    -------
    float
        A difference as a fraction.
    """
    effect = float(binary_effects(TwoByTwo.create(*[[x] for x in counts]), BinaryMeasure(measure)).effect[0])
    return effect if measure == "RD" else math.exp(effect)


def _point_estimates(measure: str, counts: tuple[int, int, int, int]) -> list[tuple[str, float]]:
    """The effect as the counts have it, and with 0.5 added where a cell is zero; without those that there are not."""
    a, n1, c, n2 = counts
    corrected = point_estimate(measure, counts)
    if measure == "RD" or 0 not in (a, c, n1 - a, n2 - c):
        return [] if math.isnan(corrected) else [("", corrected)]
    plain = {"RR": (a * n2, c * n1), "OR": (a * (n2 - c), c * (n1 - a))}[measure]
    found = [("", plain[0] / plain[1])] if plain[1] else []
    return found + ([] if math.isnan(corrected) else [(" with 0.5 added", corrected)])


def _turned(counts: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return counts[2], counts[3], counts[0], counts[1]


def _candidates(contrast: Contrast) -> list[tuple[str, tuple[int, int, int, int]]]:
    """Tables of arm 1 against arm 2, and of arm 2 against arm 1 where the estimate has that direction."""
    found = [("", counts) for counts in counts_of_contrast(contrast)]
    estimate = contrast.estimate
    if not found or estimate is None:
        return found
    factor = _factor(contrast)

    def away(counts: tuple[int, int, int, int]) -> float:
        value = factor * point_estimate(contrast.measure, counts)
        if math.isnan(value):
            return math.inf
        return (
            abs(math.log(value / estimate.value))
            if contrast.is_ratio and estimate.value > 0
            else abs(value - estimate.value)
        )

    turned = [(" (arm 2 against arm 1)", _turned(counts)) for _, counts in found]
    # rows may stand in either order; the printed direction is the one whose best table is nearer
    return turned if min(away(c) for _, c in turned) < min(away(c) for _, c in found) else found


def _factor(contrast: Contrast) -> float:
    return 100.0 if contrast.measure == "RD" and contrast.percent else 1.0


def _said(counts: tuple[int, int, int, int], contrast: Contrast) -> str:
    text = f"{counts[0]}/{counts[1]} against {counts[2]}/{counts[3]}"
    if contrast.arms and any(arm.events is None for arm in contrast.arms):
        text += " (counts worked out from the percentages)"
    return text


def check_effect(reported: Reported) -> Iterator[Judgement]:
    """RR, OR or RD is the one of its counts, rounded as printed."""
    for contrast in reported.contrasts:
        if contrast.estimate is None or not contrast.arms:
            continue
        if contrast.measure in ("MD",) and all(arm.mean for arm in contrast.arms):
            yield _mean_difference(contrast)
            continue
        if contrast.measure not in _BINARY:
            continue
        candidates = _candidates(contrast)
        if not candidates:
            continue
        estimate = contrast.estimate
        values = [
            (_factor(contrast) * value, f"{note}{how}", c)
            for note, c in candidates
            for how, value in _point_estimates(contrast.measure, c)
        ]
        if not values:
            continue
        value, note, counts = min(values, key=lambda item: abs(item[0] - estimate.value))
        said = f"{contrast.measure} of {_said(counts, contrast)} is {value:.4g}{note}; printed {estimate.text}"
        if estimate.agrees(value):
            verdict = Consistency.CONSISTENT
        elif estimate.agrees(value, places=_NEAR):
            verdict, said = Consistency.IMPRECISE, f"{said}: one unit of the last place off"
        else:
            verdict = Consistency.INCONSISTENT
        yield Judgement("effect-from-counts", contrast.where, verdict, said)


def _mean_difference(contrast: Contrast) -> Judgement:
    one, two = (arm.mean for arm in contrast.arms)
    assert one is not None
    assert two is not None
    assert contrast.estimate is not None
    spread = (one.place + two.place) / 2
    value, estimate = one.value - two.value, contrast.estimate
    away = min(abs(value - estimate.value), abs(value + estimate.value))
    verdict = Consistency.CONSISTENT if away <= spread + estimate.place / 2 + 1e-9 else Consistency.INCONSISTENT
    why = f"{one.text} - {two.text} is {value:.4g}; printed {estimate.text}"
    return Judgement("effect-from-counts", contrast.where, verdict, why)


def check_inside(reported: Reported) -> Iterator[Judgement]:
    """An estimate stands inside its interval, whose lower end comes first."""
    for contrast in reported.contrasts:
        if not (contrast.estimate and contrast.low and contrast.high):
            continue
        low, value, high = contrast.low, contrast.estimate, contrast.high
        # rounding keeps the order of numbers with the same places: 0.8 is never inside 0.9 to 1.6
        inside = low.value <= high.value and not _above(low, value) and not _above(value, high)
        positive = not contrast.is_ratio or low.value >= 0
        verdict = Consistency.CONSISTENT if inside and positive else Consistency.INCONSISTENT
        why = f"{value.text} in {low.text} to {high.text}" + ("" if positive else ": a ratio below zero")
        yield Judgement("estimate-inside-interval", contrast.where, verdict, why)


def _above(one: Printed, other: Printed) -> bool:
    """Whether a number is above another whatever was rounded away."""
    if one.place == other.place:
        return one.value > other.value
    return one.lowest > other.highest


def check_reachable(reported: Reported) -> Iterator[Judgement]:
    """A printed interval is the one that the printed counts give by some usual method, which is named."""
    for contrast in reported.contrasts:
        if contrast.low is None or contrast.high is None:
            continue
        if contrast.measure not in _BINARY or not counts_of_contrast(contrast):
            why = f"{contrast.said}: no counts of two arms that can be are printed with it"
            yield Judgement("interval-from-counts", contrast.where, Consistency.NOT_JUDGED, why)
            continue
        yield _reach(contrast, contrast.low, contrast.high)


def _reach(contrast: Contrast, low: Printed, high: Printed) -> Judgement:
    check, scale, factor = "interval-from-counts", ContrastScale(contrast.measure), _factor(contrast)
    candidates = _candidates(contrast)
    nearest, nearest_text, elsewhere = math.inf, "", ""
    for level in (contrast.level_percent, *_OTHER_LEVELS):
        reached: list[str] = []
        near: list[str] = []
        for note, counts in candidates:
            said = f"{_said(counts, contrast)}{note}"
            for name, ends in two_proportion_intervals(scale, counts, level).items():
                a, b = factor * ends[0], factor * ends[1]
                text = f"{name} gives {a:.4g} to {b:.4g} from {said}"
                if low.agrees(a) and high.agrees(b):
                    reached.append(text)
                elif low.agrees(a, places=_NEAR) and high.agrees(b, places=_NEAR):
                    near.append(text)
                if level == contrast.level_percent:
                    away = max(abs(a - low.value) / low.place, abs(b - high.value) / high.place)
                    nearest, nearest_text = min((nearest, nearest_text), (away, text))
        if level != contrast.level_percent:
            elsewhere = elsewhere or (f"; at {level:g} % {reached[0]}" if reached else "")
        elif reached:
            why = f"{contrast.said}: {'; '.join(reached[:4])}"
            return Judgement(check, contrast.where, Consistency.CONSISTENT, why)
        elif near:
            why = f"{contrast.said}: one unit of the last place off; {'; '.join(near[:3])}"
            return Judgement(check, contrast.where, Consistency.IMPRECISE, why)
    kind = f"; the row says {contrast.kind}, whose interval counts alone do not give" if contrast.kind else ""
    methods = ", ".join(two_proportion_intervals(scale, candidates[0][1]))
    why = (
        f"{contrast.said} does not follow from the counts at {contrast.level_percent:g} % by any of {methods}; "
        f"nearest: {nearest_text}{elsewhere}{kind}"
    )
    return Judgement(check, contrast.where, Consistency.INCONSISTENT, why)
