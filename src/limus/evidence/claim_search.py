"""Where claims stand in a text: found by their words and numbers, so the name and layout of the file do not matter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from limus.evidence.claims import Claim, ClaimedGuide

__all__ = ["FoundClaim", "GuideMatch", "find_claims", "fold_text", "match_guides"]

_LINES_TOGETHER = 3  # a claim may run over the end of a line
_SHARE_OF_A_GUIDE = 0.5
_FEWEST = 3
_GREEK = {  # as people write them without Greek letters
    "\N{GREEK SMALL LETTER ALPHA}": "a",
    "\N{GREEK SMALL LETTER BETA}": "b",
    "\N{GREEK SMALL LETTER GAMMA}": "y",
    "\N{GREEK SMALL LETTER MU}": "u",
}
_MARKS = re.compile(r"<[^<>]*>|\*\*|[_^]?\{?\[(?:\d+\]\s*\[?)+\]?\}?|\]\([^)]*\)|[*`]")


@dataclass(frozen=True, slots=True)
class FoundClaim:
    """A claim and the line on which it stands, from 1; None where it is not in the text as recorded."""

    claim: Claim
    line: int | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class GuideMatch:
    """A known document that a text is, or shares claims with.

    Attributes
    ----------
    guide : ClaimedGuide
    recognised : bool
        Whether the text is this document (most of its claims are there), not only one that says the same somewhere.
    found : tuple of FoundClaim
        All claims of a recognised document; only those found of another.
    """

    guide: ClaimedGuide
    recognised: bool
    found: tuple[FoundClaim, ...]


def fold_text(text: str) -> str:
    """Return a text in one spelling: no marks of emphasis or citation, lower case, one kind of dash, space and quote.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> fold_text("**TNF-**  A (\N{GREATER-THAN OR EQUAL TO}50\N{EN DASH}100 \N{MICRO SIGN}M)<sup>[1][2]</sup>")
    'tnf- a (>=50-100 um)'
    """
    text = unicodedata.normalize("NFKC", _MARKS.sub("", text)).casefold()
    for char in "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}":
        text = text.replace(char, "-")
    for char, plain in (
        *_GREEK.items(),
        ("\N{LEFT DOUBLE QUOTATION MARK}", '"'),
        ("\N{RIGHT DOUBLE QUOTATION MARK}", '"'),
    ):
        text = text.replace(char, plain)
    text = text.replace("\N{DEGREE SIGN}", " ").replace("\N{GREATER-THAN OR EQUAL TO}", ">=")
    return re.sub(r"\bu m\b", "um", " ".join(text.split()))


def _pattern(words: str) -> re.Pattern[str]:
    # a number must not be the end or the beginning of a longer one
    text = re.escape(fold_text(words)).replace(r"\ ", r"\s?").replace(r"\-", r"\-\s?")
    return re.compile(
        (r"(?<![\d.])" if words[:1].isdigit() else "") + text + (r"(?![\d])" if words[-1:].isdigit() else "")
    )


def find_claims(text: str, claims: Sequence[Claim]) -> tuple[FoundClaim, ...]:
    """Look for claims in a text.

    Parameters
    ----------
    text : str
    claims : sequence of Claim

    Returns
    -------
    tuple of FoundClaim
        In the order of the claims.
    """
    raw = text.splitlines()
    lines = [fold_text(line) for line in raw]
    return tuple(_find(claim, lines, raw) for claim in claims)


def _find(claim: Claim, lines: Sequence[str], raw: Sequence[str]) -> FoundClaim:
    patterns = [_pattern(words) for words in claim.find]
    for together in range(1, _LINES_TOGETHER + 1):
        for at in range(len(lines) - together + 1):
            window = " ".join(lines[at : at + together])
            if all(pattern.search(window) for pattern in patterns):
                first = next((k for k in range(at, at + together) if patterns[0].search(lines[k])), at)
                return FoundClaim(claim, first + 1, raw[first].strip())
    return FoundClaim(claim, None)


def match_guides(text: str, guides: Sequence[ClaimedGuide]) -> tuple[GuideMatch, ...]:
    """Recognise known documents in a text by their claims; the one with most of its claims there comes first.

    Parameters
    ----------
    text : str
    guides : sequence of ClaimedGuide

    Returns
    -------
    tuple of GuideMatch
        Empty where nothing known is said.
    """
    matches = []
    for guide in guides:
        found = find_claims(text, guide.claims)
        there = tuple(one for one in found if one.line is not None)
        recognised = len(there) >= max(_FEWEST, _SHARE_OF_A_GUIDE * len(found))
        if there:
            matches.append(GuideMatch(guide, recognised, found if recognised else there))
    return tuple(sorted(matches, key=lambda match: (not match.recognised, -len(match.found))))
