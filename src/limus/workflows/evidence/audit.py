"""``limus evidence audit``: the claims of a guide with verdicts, and what of any text can be recomputed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.evidence.claim_extraction import extract_claims
from limus.evidence.claim_search import FoundClaim, GuideMatch, match_guides
from limus.evidence.claims import load_claimed_guides
from limus.evidence.consistency import CheckSummary, Consistency, Judgement, examine, summarise
from limus.kernel.errors import FileReadError
from limus.kernel.execution import Execution
from limus.workflows.request import Request, keep_result

__all__ = ["EvidenceAuditRequest", "EvidenceAuditResult", "run"]


class EvidenceAuditRequest(Request):
    """A guide, as text."""

    file: str


@dataclass(frozen=True, eq=False)
class EvidenceAuditResult:
    """What is found of a guide.

    Attributes
    ----------
    file : str
    matches : tuple of GuideMatch
        Known documents that the text is, or shares claims with.
    judgements : tuple of Judgement
        Of what the text itself allows to recompute, then of what it does not.
    checks : tuple of CheckSummary
    """

    file: str
    matches: tuple[GuideMatch, ...]
    judgements: tuple[Judgement, ...]
    checks: tuple[CheckSummary, ...]

    @property
    def recognised(self) -> GuideMatch | None:
        """The known document that the text is."""
        return next((match for match in self.matches if match.recognised), None)

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        known = [_claim_row(match, found) for match in self.matches for found in match.found]
        verdicts = Counter(str(found.claim.verdict) for match in self.matches for found in match.found)
        guide = self.recognised
        return {
            "file": self.file,
            "guide": None if guide is None else guide.guide.name,
            "title": None if guide is None else guide.guide.title,
            "findings": [*known, *(judgement.as_dict() for judgement in self.judgements)],
            "verdicts": dict(verdicts),
            "checks": [summary.as_dict() for summary in self.checks],
            "n_claims": len(known),
            "n_not_found": sum(row["line"] is None for row in known),
            "n_inconsistent": sum(one.verdict is Consistency.INCONSISTENT for one in self.judgements),
            "n_not_judged": sum(one.verdict is Consistency.NOT_JUDGED for one in self.judgements),
        }


def _claim_row(match: GuideMatch, found: FoundClaim) -> dict[str, Any]:
    claim = found.claim
    place = {"line": found.line, "text": found.text, "guide": match.guide.name}
    why = "; ".join(part for part in (claim.nuance, claim.reason) if part)
    missing = "" if found.line is not None else "; not in this text as it was recorded"
    content = claim.as_dict() | {"claim": claim.statement, "check": "known-claim", "reason": why + missing}
    return content | place


def run(
    request: EvidenceAuditRequest, *, out: Path | None = None, execution: Execution | None = None
) -> EvidenceAuditResult:
    """Audit a guide.

    Parameters
    ----------
    request : EvidenceAuditRequest
    out : Path, optional
        Run directory; the result is kept in ``result.json``.
    execution : Execution, optional
        Nothing here is random.

    Returns
    -------
    EvidenceAuditResult

    Raises
    ------
    FileReadError
        The file cannot be read, is empty, or is no text.
    OutputError
        The folder cannot be written, or holds something else.
    """
    path = Path(request.file)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 text", "check path and encoding") from None
    if not text.strip():
        raise FileReadError(str(path), "nothing but spaces", "a text", "check the file")
    extracted = extract_claims(text, path.name)
    judgements = (*examine(extracted.reported), *extracted.others)
    matches = match_guides(text, load_claimed_guides())
    result = EvidenceAuditResult(path.name, matches, judgements, summarise(judgements))
    keep_result(result, out, "evidence_audit", request, execution)
    return result
