"""The list of consistency checks, run over what is reported; and how much each of them could judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from limus.evidence.consistency.arrangement import (
    check_columns,
    check_duplicate_references,
    check_duplicate_rows,
    check_readable,
)
from limus.evidence.consistency.counts import (
    check_counts_possible,
    check_granularity,
    check_percent,
    check_single_interval,
)
from limus.evidence.consistency.effects import check_effect, check_inside, check_reachable
from limus.evidence.consistency.intervals import check_p_value, check_symmetry
from limus.evidence.consistency.judgement import Consistency, ConsistencyCheck, Judgement
from limus.evidence.consistency.pools import check_pool
from limus.evidence.consistency.reported import Reported
from limus.evidence.consistency.units import check_units

__all__ = ["CONSISTENCY_CHECKS", "CheckSummary", "examine", "summarise"]

CONSISTENCY_CHECKS: tuple[ConsistencyCheck, ...] = (
    ConsistencyCheck("counts-possible", "Every count can be.", "n, events, percent or sd", check_counts_possible),
    ConsistencyCheck("percent-of-counts", "A percentage is its events over n.", "percent, events and n", check_percent),
    ConsistencyCheck(
        "granularity",
        "n participants can give the percentage or mean (GRIM).",
        "n and percent or mean",
        check_granularity,
    ),
    ConsistencyCheck(
        "interval-of-percentage",
        "The interval of a percentage is that of its counts.",
        "percent, n and interval",
        check_single_interval,
    ),
    ConsistencyCheck(
        "effect-from-counts", "RR, OR or RD is that of its counts.", "an effect and two arms", check_effect
    ),
    ConsistencyCheck(
        "estimate-inside-interval", "An estimate stands in its interval.", "an effect and its interval", check_inside
    ),
    ConsistencyCheck(
        "interval-from-counts",
        "A usual method gives the interval from the counts.",
        "RR, OR or RD, its interval and two arms",
        check_reachable,
    ),
    ConsistencyCheck(
        "log-symmetry",
        "A ratio stands in the geometric middle, as by Wald.",
        "a ratio and its interval",
        check_symmetry,
    ),
    ConsistencyCheck(
        "p-against-interval", "p and interval say the same.", "an effect, its interval and p", check_p_value
    ),
    ConsistencyCheck(
        "pool-from-studies", "A pooled row is what its studies give.", "studies and a row called total", check_pool
    ),
    ConsistencyCheck(
        "units-agree",
        "A concentration in two units is one concentration.",
        "a compound and its value in two units",
        check_units,
    ),
    ConsistencyCheck("numbers-readable", "Columns of numbers hold numbers.", "a table", check_readable),
    ConsistencyCheck("columns-not-shifted", "Cells stand under their names.", "a table", check_columns),
    ConsistencyCheck(
        "references-once", "No source is listed twice.", "a list of references", check_duplicate_references
    ),
    ConsistencyCheck("rows-once", "No row and no study is there twice.", "a table", check_duplicate_rows),
)


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """How many things a check judged, and how.

    Attributes
    ----------
    check, sentence, needs : str
        Of the check.
    judged, inconsistent, imprecise, not_wald, not_judged : int
    """

    check: str
    sentence: str
    needs: str
    judged: int
    inconsistent: int
    imprecise: int
    not_wald: int
    not_judged: int

    def as_dict(self) -> dict[str, str | int]:
        """The summary as a JSON object."""
        return asdict(self)


def examine(reported: Reported, checks: Sequence[ConsistencyCheck] = CONSISTENCY_CHECKS) -> tuple[Judgement, ...]:
    """Run the checks.

    Parameters
    ----------
    reported : Reported
    checks : sequence of ConsistencyCheck

    Returns
    -------
    tuple of Judgement
        In the order of the checks.
    """
    return tuple(judgement for check in checks for judgement in check.ask(reported))


def summarise(
    judgements: Sequence[Judgement], checks: Sequence[ConsistencyCheck] = CONSISTENCY_CHECKS
) -> tuple[CheckSummary, ...]:
    """Count verdicts by check; a check that judged nothing is there too, with what it would need.

    Parameters
    ----------
    judgements : sequence of Judgement
    checks : sequence of ConsistencyCheck

    Returns
    -------
    tuple of CheckSummary
    """
    rows = []
    for check in checks:
        verdicts = [judgement.verdict for judgement in judgements if judgement.check == check.name]
        counted = [
            verdicts.count(v)
            for v in (Consistency.INCONSISTENT, Consistency.IMPRECISE, Consistency.NOT_WALD, Consistency.NOT_JUDGED)
        ]
        rows.append(CheckSummary(check.name, check.sentence, check.needs, len(verdicts) - counted[-1], *counted))
    return tuple(rows)
