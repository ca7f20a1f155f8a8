"""Made-up tables that had no part in setting the tolerances of the checks: how often a p-value is called wrong.

The tolerance of ``p-against-interval`` was set while looking at tables of ``evidence_claims.py``. Here all is
another: other seeds, sizes from 12 to 2,000, tests by Wald, Pearson, Yates and Fisher, differences of means by Welch,
hazard ratios by Cox with the p of the log-rank test, other faults. Nothing was changed after these were run.
"""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from evidence.agreement import Comparison, Part
from limus.evidence.consistency import Consistency, examine, read_reported
from limus.kernel.execution import spawn_generators
from limus.kernel.statistics.proportions import ContrastScale, two_proportion_intervals

__all__ = ["fresh_tables"]

SEEDS = (70_011, 70_012, 70_013)
ROWS = 300
HEADER = ("study", "measure", "estimate", "ci_low", "ci_high", "p")
Row = list[str]
Generator = np.random.Generator


def fresh_tables() -> Part:
    """False alarms on right rows, and what share of each fault is found."""
    kinds: dict[str, Callable[[Generator], Row | None]] = {
        "proportions": _proportions,
        "means": _means,
        "hazards": _hazards,
    }
    found: list[Comparison] = []
    rows: list[Row] = []
    for (name, make), generator in zip(kinds.items(), spawn_generators(SEEDS[0], len(kinds)), strict=True):
        mine = _many(make, generator)
        wrong = _inconsistent(mine)
        # a journal's reader can bear one false alarm in a hundred p-values
        found.append(
            Comparison(f"{name}: share of {len(mine)} right rows called wrong", len(wrong) / len(mine), 0.0, 0.01)
        )
        rows += mine
    faults: dict[str, tuple[Callable[[Row, Generator], Row], float]] = {
        "p ten times too large or too small": (_ten_times, 0.1),
        "p on the other side of 0.05, at least threefold": (_other_side, 0.2),
        "p of another row, at least fivefold off": (_of_another, 0.2),
        "p halved, as of a one-sided test (reported only)": (_halved, 1.0),
    }
    for (name, (spoil, limit)), generator in zip(faults.items(), spawn_generators(SEEDS[1], len(faults)), strict=True):
        spoilt = [spoil(row, generator) for row in rows]
        wrong = [at for at, row in enumerate(rows) if spoilt[at] != row]
        caught = _inconsistent([spoilt[at] for at in wrong])
        found.append(Comparison(f"{name}: share of {len(wrong)} found", len(caught) / len(wrong), 1.0, limit))
    return Part(
        "p-values of fresh tables: few false alarms, faults found", "seeds without part in the tolerance", tuple(found)
    )


def _inconsistent(rows: Sequence[Row]) -> set[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            named = [[f"S{at}", *row[1:]] for at, row in enumerate(rows)]
            csv.writer(file).writerows([HEADER, *named])
        judged = examine(read_reported(path))
    return {one.row for one in judged if one.check == "p-against-interval" and one.verdict is Consistency.INCONSISTENT}


def _many(make: Callable[[Generator], Row | None], generator: Generator) -> list[Row]:
    rows: list[Row] = []
    while len(rows) < ROWS:
        row = make(generator)
        rows += [row] if row is not None else []
    return rows


def _row(measure: str, numbers: Sequence[float], digits: int, p: float, generator: Generator) -> Row:
    places = int(generator.integers(2, 4))
    smallest = 10.0**-places
    printed = f"<{smallest:g}" if p < smallest else f"{p:.{places}f}"
    return ["S", measure, *(f"{number:.{digits}f}" for number in numbers), printed]


def _proportions(generator: Generator) -> Row | None:
    n1 = int(12 * (2000 / 12) ** generator.random())
    n2 = max(12, int(n1 * generator.uniform(0.7, 1.4)))
    base = generator.uniform(0.05, 0.8)
    a, c = (
        int(generator.binomial(n, min(base * ratio, 0.97))) for n, ratio in ((n1, generator.uniform(0.5, 1.4)), (n2, 1))
    )
    if not (0 < a < n1 and 0 < c < n2):
        return None
    scale = list(ContrastScale)[int(generator.integers(3))]
    intervals = two_proportion_intervals(scale, (a, n1, c, n2))
    ends = intervals[list(intervals)[int(generator.integers(len(intervals)))]]
    p1, p2 = a / n1, c / n2
    value = {"RD": 100 * (p1 - p2), "RR": p1 / p2, "OR": p1 * (1 - p2) / (p2 * (1 - p1))}[scale.value]
    factor, digits = (100, 1) if scale is ContrastScale.RD else (1, 2)
    if scale is not ContrastScale.RD and (ends[0] < 0.08 or ends[1] > 15):
        return None
    table = [[a, n1 - a], [c, n2 - c]]
    tests = {
        "wald": lambda: 2 * stats.norm.sf(abs(math.log(p1 / p2)) / math.sqrt(1 / a - 1 / n1 + 1 / c - 1 / n2)),
        "pearson": lambda: stats.chi2_contingency(table, correction=False)[1],
        "yates": lambda: stats.chi2_contingency(table, correction=True)[1],
        "fisher": lambda: stats.fisher_exact(table)[1],
    }
    p = float(tests[list(tests)[int(generator.integers(len(tests)))]]())
    return _row(scale.value, (value, factor * ends[0], factor * ends[1]), digits, p, generator)


def _means(generator: Generator) -> Row | None:
    n1, n2 = (int(12 * (400 / 12) ** generator.random()) for _ in range(2))
    sds = generator.uniform(0.7, 1.6, 2)
    x, y = generator.normal(generator.normal(0, 0.5), sds[0], n1), generator.normal(0, sds[1], n2)
    test = stats.ttest_ind(x, y, equal_var=False)
    interval = test.confidence_interval()
    return _row("MD", (x.mean() - y.mean(), interval.low, interval.high), 2, float(test.pvalue), generator)


def _hazards(generator: Generator) -> Row | None:
    n = int(24 * (400 / 24) ** generator.random())
    group = (generator.random(n) < 0.5).astype(float)
    times = generator.exponential(1, n) / np.exp(group * generator.normal(0, 0.5))
    seen = times < generator.uniform(0.3, 2.5)
    if seen.sum() < 8 or len({*group[seen]}) < 2:
        return None
    order = np.argsort(np.where(seen, times, np.inf))
    x, last = group[order], int(seen.sum())
    at_risk = np.cumsum(np.ones(n)[::-1])[::-1][:last]
    exposed = np.cumsum(x[::-1])[::-1][:last]
    beta, information = 0.0, 0.0
    for step in range(25):
        share = exposed * math.exp(beta) / (exposed * math.exp(beta) + at_risk - exposed)
        score, information = float((x[:last] - share).sum()), float((share * (1 - share)).sum())
        if step == 0:
            p = float(2 * stats.norm.sf(abs(score) / math.sqrt(information)))  # log-rank
        beta += score / information
    if not abs(beta) < 3:
        return None
    half = 1.96 / math.sqrt(information)
    return _row("HR", np.exp([beta, beta - half, beta + half]), 2, p, generator)


def _value(row: Row) -> float:
    return float(row[-1].lstrip("<")) / (2 if row[-1].startswith("<") else 1)


def _with(row: Row, p: float) -> Row:
    places = max(2, len(row[-1].partition(".")[2]))
    return [*row[:-1], f"<{10.0**-places:g}" if p < 10.0**-places else f"{p:.{places}f}"]


def _ten_times(row: Row, generator: Generator) -> Row:
    p = _value(row)
    larger = p < 0.1 and (p < 0.01 or generator.random() < 0.5)
    return _with(row, p * 10 if larger else p / 10)


def _other_side(row: Row, generator: Generator) -> Row:
    p = _value(row)
    return _with(
        row, generator.uniform(max(0.06, 3 * p), 0.9) if p < 0.05 else generator.uniform(0.0005, min(0.045, p / 3))
    )


def _of_another(row: Row, generator: Generator) -> Row:
    other = float(np.exp(generator.uniform(math.log(0.002), 0)))
    ratio = other / _value(row)
    return _with(row, other) if max(ratio, 1 / ratio) > 5 else row


def _halved(row: Row, _: Generator) -> Row:
    return row if row[-1].startswith("<") else _with(row, _value(row) / 2)
