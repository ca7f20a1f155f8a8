"""Check of a pooled row: one that the studies above it give, by common or random effects, Wald or Hartung-Knapp."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from limus.evidence.consistency.judgement import Consistency, Judgement
from limus.evidence.consistency.reported import Contrast, Reported
from limus.kernel.statistics.pooling import (
    Tau2Method,
    hartung_knapp_interval,
    normal_quantile,
    pool_effects,
    wald_interval,
)

__all__ = ["check_pool"]

_POOLED = re.compile(r"\s*(sub)?(total|overall|pooled|summary|combined|diamond)\b.*", re.IGNORECASE)
_MODELS = (("common effect", None), ("DerSimonian-Laird", Tau2Method.DL), ("REML", Tau2Method.REML))
_PLACES = 1.5  # of the last one: what was pooled is itself rounded


def check_pool(reported: Reported) -> Iterator[Judgement]:
    """A row called total, overall or pooled is what its studies give by inverse variance; the method is named."""
    groups: dict[str, list[Contrast]] = defaultdict(list)
    for contrast in reported.contrasts:
        if contrast.study and contrast.low and contrast.high and contrast.estimate:
            groups[contrast.group].append(contrast)
    for members in groups.values():
        studies = [one for one in members if not _POOLED.fullmatch(one.study)]
        for pooled in (one for one in members if _POOLED.fullmatch(one.study)):
            yield _judge(pooled, studies)


def _judge(pooled: Contrast, studies: Sequence[Contrast]) -> Judgement:
    check = "pool-from-studies"
    usable = [one for one in studies if _usable(one)]
    if len(usable) < 2 or len(usable) < len(studies):
        why = f"{pooled.said}: {len(usable)} of {len(studies)} studies have an interval that gives a standard error"
        return Judgement(check, pooled.where, Consistency.NOT_JUDGED, why)
    ratio = pooled.is_ratio
    effects, variances = zip(*(_effect(one, ratio) for one in usable), strict=True)
    found: dict[str, tuple[float, float, float]] = {}
    for name, model in _MODELS:
        fit = pool_effects(effects, variances, model)
        intervals = {"Wald": wald_interval(fit), "Hartung-Knapp": hartung_knapp_interval(fit)}
        for kind, interval in intervals.items():
            numbers = (float(fit.estimate[0]), float(interval.lower[0]), float(interval.upper[0]))
            found[f"{name}, {kind}"] = tuple(map(math.exp, numbers)) if ratio else numbers  # type: ignore[assignment]
    printed = (pooled.estimate, pooled.low, pooled.high)
    reached = [
        name
        for name, numbers in found.items()
        if all(p is not None and p.agrees(x, places=_PLACES) for p, x in zip(printed, numbers, strict=True))
    ]
    if reached:
        why = f"{pooled.said} is what {len(usable)} studies give by {'; '.join(reached)}"
        return Judgement(check, pooled.where, Consistency.CONSISTENT, why)
    said = "; ".join(f"{name} {a:.3g} ({b:.3g} to {c:.3g})" for name, (a, b, c) in found.items())
    why = f"{pooled.said} is not what its {len(usable)} studies give by inverse variance: {said}"
    return Judgement(check, pooled.where, Consistency.INCONSISTENT, why)


def _usable(one: Contrast) -> bool:
    assert one.low is not None
    assert one.high is not None
    return one.low.value < one.high.value and not (one.is_ratio and one.low.value <= 0)


def _effect(one: Contrast, ratio: bool) -> tuple[float, float]:
    assert one.estimate is not None
    assert one.low is not None
    assert one.high is not None
    numbers = (one.estimate.value, one.low.value, one.high.value)
    value, low, high = map(math.log, numbers) if ratio else numbers
    return value, ((high - low) / (2 * normal_quantile(one.level_percent))) ** 2
