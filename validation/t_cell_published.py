"""Published behaviours of human T cells in culture with drugs, asked of the T-cell model with the accepted fit.

    python validation/t_cell_published.py [--theme NAME ...]

The rows, what is accepted of each, and its weight (3: a model that misses it is wrong; 2: a serious remark; 1: a
detail) were chosen by one of us who read the literature as an examiner would, before the model was changed for them.
Assumed constants were then chosen while the rows were looked at; the fit saw none of them. So a row that holds says
that one set of constants can show it beside all others, not that it was foretold. What was accepted has not been
changed since. A source is read, in whole or as an abstract, or recalled with a confidence from 0 to 1. A row that
fails says why the model does so.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from t_cell_published_rows import (
    blood,
    cytokines,
    division,
    mtor_inhibitors,
    nfat_and_density,
    potencies,
    timing,
    two_drugs,
)
from t_cell_published_rows.asking import MODEL
from t_cell_published_rows.behaviour import Question, Verdict, read_behaviours, verdict

THEMES: Mapping[str, Mapping[str, Question]] = {
    "cytokines": cytokines.QUESTIONS,
    "potencies": potencies.QUESTIONS,
    "mtor_inhibitors": mtor_inhibitors.QUESTIONS,
    "two_drugs": two_drugs.QUESTIONS,
    "timing": timing.QUESTIONS,
    "blood": blood.QUESTIONS,
    "division": division.QUESTIONS,
    "nfat_and_density": nfat_and_density.QUESTIONS,
}
WORDS = {True: "holds", False: "FAILS", None: "cannot be asked"}


def verdicts(themes: Sequence[str] = tuple(THEMES)) -> Iterator[Verdict]:
    """Ask theme by theme."""
    for theme in themes:
        for behaviour in read_behaviours(theme, THEMES[theme]):
            yield verdict(behaviour)


def outcomes() -> list[tuple[str, str, str, bool | None]]:
    """Everything as claim, against, result, passed."""
    return [
        (
            f"{one.behaviour.key} (weight {one.behaviour.weight}): {one.behaviour.claim}",
            f"{one.behaviour.published}; {one.behaviour.source}",
            one.result,
            one.passed,
        )
        for one in verdicts()
    ]


def total(found: Sequence[Verdict]) -> str:
    """How many hold, and which weights fail."""
    counts = {passed: sum(one.passed is passed for one in found) for passed in WORDS}
    weights = ", ".join(
        f"{sum(one.passed is False and one.behaviour.weight == weight for one in found)} of weight {weight}"
        for weight in (3, 2, 1)
    )
    return f"{counts[True]} of {len(found)} hold, {counts[False]} fail ({weights}), {counts[None]} cannot be asked"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the rows as they come, and the total."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--theme", nargs="+", choices=list(THEMES), default=list(THEMES), metavar="NAME")
    found = []
    for one in verdicts(parser.parse_args(arguments).theme):
        row = one.behaviour
        found.append(one)
        print(f"{WORDS[one.passed]:6} {row.key} (weight {row.weight}) {row.claim} [{row.published}; {row.source}]")
        print(f"       {one.result}", flush=True)
    print(f"{total(found)}; fit {MODEL.fit_status}")


if __name__ == "__main__":
    main()
