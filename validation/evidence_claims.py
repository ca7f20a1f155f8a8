"""The consistency checks on tables that are right and on tables that are wrong.

``python validation/evidence_claims.py [DIR]`` makes two-arm studies at random, prints percentages, effects, intervals
(by each usual method in turn), p-values and concentrations with the
usual digits, and counts how often a check calls a right row inconsistent (false positives) and how often it finds one
planted error. It also looks at the tables of reference data that were retyped by hand. Exit status 0 only if all holds.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from evidence.agreement import Comparison, Part
from evidence.fresh_tables import fresh_tables
from limus.evidence.consistency import Consistency, examine, read_reported
from limus.kernel.execution import spawn_generators
from limus.kernel.statistics.proportions import ContrastScale, two_proportion_intervals
from limus.molecule.catalogue import find_compound
from limus.molecule.conversion import convert_for_compound

HERE = Path(__file__).parent
STUDIES = 240
SPOILT = 8  # one row in so many
HEADER = ("study", "measure", "estimate", "ci_low", "ci_high", "p", "events_1", "n_1", "events_2", "n_2")
ARMS = ("study", "arm", "n", "events", "percent", "outcome")
UNITS = ("compound", "value_printed", "unit_printed", "value_nM")
Row = list[str]
Generator = np.random.Generator


def judged(header: Sequence[str], rows: Sequence[Row]) -> list[tuple[str, int, Consistency]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        found = examine(read_reported(path))
    numbers = [one.row.split(",")[0].removeprefix("row ").split()[0] for one in found]
    return [(one.check, int(n) if n.isdigit() else 0, one.verdict) for one, n in zip(found, numbers, strict=True)]


def arms(generator: Generator, count: int) -> list[Row]:
    rows = []
    for at in range(count):
        n = int(generator.integers(8, 1200))
        events = int(generator.integers(0, n + 1))
        share = f"{100 * events / n:.{int(generator.integers(0, 3))}f}"
        rows.append([f"S{at}", "x", str(n), str(events), share, "response"])
    return rows


def effects(generator: Generator, count: int) -> list[Row]:
    rows = []
    while len(rows) < count:
        n1, n2 = (int(generator.integers(20, 900)) for _ in range(2))
        a, c = (int(generator.binomial(n, generator.uniform(0.05, 0.95))) for n in (n1, n2))
        if not (2 < a < n1 - 2 and 2 < c < n2 - 2):
            continue
        scale = list(ContrastScale)[int(generator.integers(3))]
        intervals = two_proportion_intervals(scale, (a, n1, c, n2))
        method = list(intervals)[int(generator.integers(len(intervals)))]
        p1, p2 = a / n1, c / n2
        ratio = {"RR": p1 / p2, "OR": p1 * (1 - p2) / (p2 * (1 - p1))}
        factor, digits = (100, 1) if scale is ContrastScale.RD else (1, 2)
        value = (p1 - p2) if scale is ContrastScale.RD else ratio[scale.value]
        ends = intervals[method]
        if scale is not ContrastScale.RD and (ends[0] < 0.05 or ends[1] > 20):
            continue  # two decimals would hide what is printed
        numbers = [f"{factor * x:.{digits}f}" for x in (value, *ends)]
        pooled = (a + c) / (n1 + n2)
        z = (p1 - p2) / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        p = math.erfc(abs(z) / math.sqrt(2))
        rows.append(
            [f"S{len(rows)}", scale.value, *numbers, "<0.001" if p < 0.001 else f"{p:.3f}", *map(str, (a, n1, c, n2))]
        )
    return rows


def units(generator: Generator, count: int) -> list[Row]:
    rows: list[Row] = []
    while len(rows) < count:
        compound = find_compound(("tacrolimus", "ciclosporin", "sirolimus")[int(generator.integers(3))])
        value = float(f"{10 ** generator.uniform(-2, 3):.3g}")
        amount = convert_for_compound(value, "ng/mL", "nM", compound)
        row = [compound.name, f"{value:g}", "ng/mL", f"{amount:.3g}"]
        rows += [row] if row not in rows else []
    return rows


def moved(text: str, generator: Generator, places: int) -> str:
    """A number with its last place but some moved."""
    decimals = len(text.partition(".")[2])
    step = places * 10.0**-decimals * (1 if generator.random() < 0.5 else -1)
    return f"{float(text) + step:.{decimals}f}"


def wrong_percent(row: Row, generator: Generator) -> Row:
    changed = moved(row[4], generator, 3)
    return [*row[:4], changed if 0 <= float(changed) <= 100 else moved(row[4], generator, 3), *row[5:]]


def too_many_events(row: Row, _: Generator) -> Row:
    return [*row[:3], str(int(row[2]) + 1), *row[4:]]


def shifted(row: Row, _: Generator) -> Row:
    return [row[0], row[2], row[1], *row[3:]]


def wrong_estimate(row: Row, generator: Generator) -> Row:
    return [*row[:2], moved(row[2], generator, 6), *row[3:]]


def wrong_end(row: Row, generator: Generator) -> Row:
    width = float(row[4]) - float(row[3])
    decimals = len(row[3].partition(".")[2])
    places = max(6, round(0.15 * width * 10**decimals))
    return [*row[:3], f"{float(row[3]) - places * 10.0**-decimals:.{decimals}f}", *row[4:]]


def wrong_p(row: Row, _: Generator) -> Row:
    p = 0.0005 if row[5].startswith("<") else float(row[5])
    return [*row[:5], "0.400" if p < 0.02 else "<0.001", *row[6:]]


def outside(row: Row, _: Generator) -> Row:
    return [*row[:2], f"{float(row[4]) + 0.3 * (float(row[4]) - float(row[3])) + 0.2:.2f}", *row[3:]]


def copied_unit(row: Row, _: Generator) -> Row:
    return [*row[:3], row[1]]


PLANTED: tuple[tuple[str, Sequence[str], str, Callable[[Row, Generator], Row], str], ...] = (
    ("a percentage three units of its last place off", ARMS, "arms", wrong_percent, "percent-of-counts"),
    ("one event more than participants", ARMS, "arms", too_many_events, "counts-possible"),
    ("n and the name of the arm exchanged", ARMS, "arms", shifted, "columns-not-shifted"),
    ("an effect six units of its last place off", HEADER, "effects", wrong_estimate, "effect-from-counts"),
    ("a lower end off by 15 per cent of the width", HEADER, "effects", wrong_end, "interval-from-counts"),
    ("an estimate outside its interval", HEADER, "effects", outside, "estimate-inside-interval"),
    ("p on the other side of significance", HEADER, "effects", wrong_p, "p-against-interval"),
    ("ng/mL copied into nM", UNITS, "units", copied_unit, "units-agree"),
)
MAKERS: dict[str, Callable[[Generator, int], list[Row]]] = {"arms": arms, "effects": effects, "units": units}


def good_rows() -> Part:
    found = []
    for generator, (kind, header) in zip(
        spawn_generators(1, 3, stream="good"), (("arms", ARMS), ("effects", HEADER), ("units", UNITS)), strict=True
    ):
        verdicts = judged(header, MAKERS[kind](generator, STUDIES))
        total = Counter(check for check, _, verdict in verdicts if verdict is not Consistency.NOT_JUDGED)
        bad = Counter(check for check, _, verdict in verdicts if verdict is Consistency.INCONSISTENT)
        for check, count in total.items():
            name = f"{check}: false positives in {count} right {kind}"
            found.append(Comparison(name, bad[check] / count, 0.0, 0.005 if check == "p-against-interval" else 1e-9))
    return Part("a right row is not called inconsistent", "rows made from counts by every method", tuple(found))


def planted_errors() -> Part:
    found = []
    for generator, (name, header, kind, spoil, check) in zip(
        spawn_generators(1, len(PLANTED), stream="bad"), PLANTED, strict=True
    ):
        rows = MAKERS[kind](generator, STUDIES)
        spoilt = [spoil(row, generator) if at % SPOILT == 0 else row for at, row in enumerate(rows)]
        verdicts = {
            row
            for told, row, verdict in judged(header, spoilt)
            if told == check and verdict is Consistency.INCONSISTENT
        }
        # an error that by chance leaves what a row may print is no error
        wrong = [at + 1 for at in range(0, STUDIES, SPOILT) if spoilt[at] != rows[at]]
        share = sum(at in verdicts for at in wrong) / len(wrong)
        found.append(Comparison(f"{name}: share found by {check}, {len(wrong)} rows", share, 1.0, 0.1))
    return Part("a planted error is found by the check that it is for", f"one row in {SPOILT} spoilt", tuple(found))


def retyped(data: Path) -> Part:
    arms_ad = examine(read_reported(data.parent / "ad_arms.csv"))
    trials = examine(read_reported(data.parent / "trial_arms.csv"))
    wrong = [one for one in trials if one.verdict is Consistency.INCONSISTENT]
    transform = [one for one in wrong if one.check == "interval-from-counts" and "RD 2.3 (-1.7 to 6.4)" in one.reason]
    found = (
        Comparison(
            "ad_arms.csv: inconsistent rows", sum(o.verdict is Consistency.INCONSISTENT for o in arms_ad), 0, 1e-9
        ),
        Comparison("trial_arms.csv: the interval of TRANSFORM that does not follow", len(transform), 1, 1e-9),
        Comparison("trial_arms.csv: other inconsistent rows (each looked at by hand)", len(wrong) - 1, 2, 1e-9),
    )
    return Part("the retyped tables of trials hold but for what is known", "reference tables", found)


def parts(data: Path) -> Iterator[Part]:
    """Every part that can be run; those on reference data only where they are."""
    yield good_rows()
    yield planted_errors()
    yield fresh_tables()
    if (data.parent / "trial_arms.csv").is_file():
        yield retyped(data)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=HERE / "../../shared/reference/data")
    good = True
    for part in parts(parser.parse_args(arguments).data):
        print(f"{'holds' if not part.failed else 'FAILS':6s} {part.claim}")
        for one in part.comparisons:
            good = good and one.holds
            print(f"       {'' if one.holds else 'FAILS '}{one.name}: {one.ours:.4g} (wanted {one.theirs:g})")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
