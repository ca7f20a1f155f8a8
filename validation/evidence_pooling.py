"""Meta-analysis against other programs and published results.

``python validation/evidence_pooling.py [DIR]`` compares with metafor's output (``statistics.json`` beside the folder of
reference data), with the pools that reviews print (``ad_arms.csv``, ``ad_pooled.csv``), with worked examples of papers
(``evidence/worked_examples.toml``), with what is printed of whole tables that the command reads as they stand
(``evidence/published_tables.toml``), with a plain search of the likelihood on random sets, and with the exact coverage
of an interval. Prints a table; exit status 0 only if everything holds.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from evidence.agreement import Comparison, Part
from evidence.metafor_bcg import compare_with_metafor
from evidence.published import reviews, worked_examples
from evidence.published_tables import published_tables
from limus.kernel.execution import spawn_generators
from limus.kernel.statistics.pooling import hartung_knapp_interval, mean_spread, pool_effects
from limus.kernel.statistics.pooling.likelihood import maximise_likelihood
from reference_data import REFERENCE_DATA

HERE = Path(__file__).parent


def likelihood(sets: int = 2000) -> Part:
    """REML on random small sets, easy and hard, against a plain search of the likelihood on a fine grid."""
    found = []
    for studies, generator in zip((2, 3, 5, 10), spawn_generators(1, 4, stream="reml"), strict=True):
        variances = 10 ** generator.uniform(-4, 1, (sets, studies))
        effects = generator.normal(size=(sets, studies)) * 10 ** generator.uniform(-1.5, 0.8, (sets, 1))
        spread = mean_spread(effects, variances)
        best = maximise_likelihood(spread, restricted=True)
        rows = np.arange(sets)
        height = spread.log_likelihood(rows, best.tau2, restricted=True)
        highest = spread.log_likelihood(rows, np.zeros(sets), restricted=True)
        for share in np.linspace(0, 1, 1500):
            tau2 = spread.scale * np.expm1(share * np.log1p(spread.bound / spread.scale))
            highest = np.maximum(highest, spread.log_likelihood(rows, tau2, restricted=True))
        short = float(np.max(highest - height))
        several = int((best.maxima > 1).sum())
        failed = int((~np.isfinite(best.tau2)).sum())
        name = f"{sets} sets of {studies} studies ({several} with two maxima): the grid is higher by"
        found.append(Comparison(name, max(short, 0.0), 0.0, 1e-9))
        found.append(Comparison(f"{sets} sets of {studies} studies: failures", failed, 0, 1e-9))
    return Part("REML always finds the highest likelihood", "a search on 1,500 values of tau2 a set", tuple(found))


def coverage(sets: int = 20_000) -> Part:
    """With equal variances Hartung and Knapp's interval is exact: 95 % whatever tau2 is."""
    found = []
    for at, tau2 in enumerate((0.0, 0.05, 1.0)):
        generator = spawn_generators(1, 3, stream="coverage")[at]
        y = generator.normal(0.3, math.sqrt(0.1 + tau2), (sets, 6))
        interval = hartung_knapp_interval(pool_effects(y, np.full_like(y, 0.1)))
        share = float(((interval.lower < 0.3) & (interval.upper > 0.3)).mean())
        found.append(Comparison(f"tau2 {tau2:g}: share covered", share, 0.95, 3.3 * math.sqrt(0.95 * 0.05 / sets)))
    against = f"its exact coverage, {sets} sets of 6 studies"
    return Part("Hartung and Knapp's interval covers 95 %", against, tuple(found))


def parts(data: Path) -> Iterator[Part]:
    """Every part that can be run; those on reference data only where they are."""
    if (data / "dat_bcg.csv").is_file() and (data.parent / "statistics.json").is_file():
        yield compare_with_metafor(data)
        yield reviews(data)
    yield from worked_examples()
    yield from published_tables("pool")
    yield likelihood()
    yield coverage()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=REFERENCE_DATA)
    good = True
    for part in parts(parser.parse_args(arguments).data):
        print(f"{'holds' if not part.failed else 'FAILS':6s} {part.claim}: {part.result}")
        for one in part.failed:
            good = False
            said = f"{one.ours!r} against {one.theirs!r}, off by {one.error:.2e}, limit {one.limit:.0e}"
            print(f"       {one.name}: {said}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
