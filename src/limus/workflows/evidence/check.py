"""``limus evidence check``: what a table prints, recomputed from what else it prints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.evidence.consistency import CheckSummary, Consistency, Judgement, examine, read_reported, summarise
from limus.kernel.errors import NothingSucceededError
from limus.kernel.execution import Execution
from limus.workflows.request import Request, keep_result

__all__ = ["EvidenceCheckRequest", "EvidenceCheckResult", "run"]


class EvidenceCheckRequest(Request):
    """A table as CSV (comma, semicolon or tab), one row an arm or one row a contrast."""

    file: str


@dataclass(frozen=True, eq=False)
class EvidenceCheckResult:
    """The verdict of every check on every row that it can judge."""

    file: str
    rows: int
    judgements: tuple[Judgement, ...]
    checks: tuple[CheckSummary, ...]

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        return {
            "file": self.file,
            "rows": self.rows,
            "findings": [judgement.as_dict() for judgement in self.judgements],
            "checks": [summary.as_dict() for summary in self.checks],
            "n_inconsistent": sum(one.verdict is Consistency.INCONSISTENT for one in self.judgements),
            "n_imprecise": sum(one.verdict is Consistency.IMPRECISE for one in self.judgements),
        }


def run(
    request: EvidenceCheckRequest, *, out: Path | None = None, execution: Execution | None = None
) -> EvidenceCheckResult:
    """Check a table.

    Parameters
    ----------
    request : EvidenceCheckRequest
    out : Path, optional
        Run directory; the result is kept in ``result.json``.
    execution : Execution, optional
        Nothing here is random.

    Returns
    -------
    EvidenceCheckResult

    Raises
    ------
    FileReadError
        The file cannot be read, or holds no header with rows.
    NothingSucceededError
        No check could judge anything, not even the arrangement.
    OutputError
        The folder cannot be written, or holds something else.
    """
    reported = read_reported(Path(request.file))
    judgements = examine(reported)
    if not judgements:
        needs = "; ".join(f"{one.check}: {one.needs}" for one in summarise(judgements))
        raise NothingSucceededError(
            request.file, "nothing to recompute", needs, "name the columns by their usual names"
        )
    result = EvidenceCheckResult(reported.name, len(reported.rows), judgements, summarise(judgements))
    keep_result(result, out, "evidence_check", request, execution)
    return result
