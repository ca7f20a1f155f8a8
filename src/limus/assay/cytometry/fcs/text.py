"""The TEXT of a data set: bytes to keywords and values.

The first byte is the delimiter. The standard doubles a delimiter inside a value and forbids empty values; many files
leave values empty instead, which looks the same. Both readings are made, and the one that holds more standard keywords
(``$`` and capitals) is taken; the standard's reading where they hold the same number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from limus.kernel.errors import FileReadError

__all__ = ["KeywordText", "parse_text"]

_STANDARD = re.compile(r"\$[A-Za-z0-9]+")
_PADDING = b" \t\r\n\0"


@dataclass(frozen=True, slots=True)
class KeywordText:
    """Keywords (in capitals, without spaces around) with their values, in the order of the file.

    Attributes
    ----------
    pairs : dict of str to str
        Of a keyword that comes twice, the last value.
    delimiter : bytes
    encoding : str
        ``utf-8``, or ``latin-1`` where the bytes are no UTF-8.
    empty_values : bool
        Whether doubled delimiters were read as empty values.
    repeated : tuple of str
        Keywords that come more than once with different values.
    closed : bool
        Whether the segment ends with the delimiter (padding behind it does not count).
    zeros_behind : bool
        Whether the padding is of zero bytes: the beginning of DATA may look the same.
    left_over : str
        What stands behind the last pair; empty as a rule.
    """

    pairs: dict[str, str]
    delimiter: bytes
    encoding: str
    empty_values: bool
    repeated: tuple[str, ...]
    closed: bool
    zeros_behind: bool
    left_over: str


def parse_text(content: bytes, where: str, *, delimiter: bytes = b"") -> KeywordText:
    """Read keywords and values.

    Parameters
    ----------
    content : bytes
        The segment.
    where : str
        Named in the error.
    delimiter : bytes
        Expected delimiter, for a supplemental TEXT, which need not begin with it.

    Returns
    -------
    KeywordText

    Raises
    ------
    FileReadError
        There is no delimiter, or neither reading gives keywords with values.

    Examples
    --------
    >>> parse_text(b"/$TOT/10/$COM/a//b/", "TEXT").pairs
    {'$TOT': '10', '$COM': 'a/b'}
    >>> parse_text(b"/$P1S//$TOT/10/", "TEXT").pairs
    {'$P1S': '', '$TOT': '10'}
    """
    content = content.lstrip(b" \0") if not delimiter else content
    if not content:
        raise FileReadError(where, "no bytes but padding", "a delimiter and keywords", "the file is damaged")
    if not delimiter or content[:1] == delimiter:
        delimiter, content = content[:1], content[1:]
    if delimiter == b"$" or delimiter.isalnum():
        got = f"{delimiter!a} as delimiter"
        raise FileReadError(where, got, "a character that is no letter, digit or $", "the offset of TEXT is wrong")
    full = content
    content = content.rstrip(_PADDING.replace(delimiter, b""))
    closed = content.endswith(delimiter)
    zeros = closed and full[-1:] == b"\0"
    content = content.removesuffix(delimiter)
    encoding = _encoding(content)
    escaped = _pair_up(_split_escaped(content, delimiter), encoding)
    best, empty = escaped, False
    if delimiter * 2 in content:
        plain = _pair_up(content.split(delimiter), encoding)
        if plain is not None and (escaped is None or _count_standard(plain) > _count_standard(escaped)):
            best, empty = plain, True
    if best is None:
        got = f"{content[:40]!a} ..."
        raise FileReadError(where, got, "keywords, each with a value", "the file is damaged")
    pairs, left_over = best
    found: dict[str, str] = {}
    repeated = []
    for name, value in pairs:
        if found.get(name, value) != value:
            repeated.append(name)
        found[name] = value
    return KeywordText(found, delimiter, encoding, empty, tuple(dict.fromkeys(repeated)), closed, zeros, left_over)


Pairs = tuple[list[tuple[str, str]], str]


def _encoding(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _split_escaped(content: bytes, delimiter: bytes) -> list[bytes]:
    """Cut at single delimiters; of several in a row, pairs are delimiters inside, an odd last one is a cut."""
    tokens = [bytearray()]
    at = 0
    while (found := content.find(delimiter, at)) >= 0:
        run = found
        while content[run : run + 1] == delimiter:
            run += 1
        inside, cut = divmod(run - found, 2)
        tokens[-1] += content[at:found] + delimiter * inside
        if cut:
            tokens.append(bytearray())
        at = run
    tokens[-1] += content[at:]
    return [bytes(token) for token in tokens]


def _pair_up(tokens: list[bytes], encoding: str) -> Pairs | None:
    """Make pairs; None where a keyword is empty, or a standard keyword is left without a value."""
    words = [token.decode(encoding) for token in tokens]
    left_over = words.pop() if len(words) % 2 else ""
    pairs = [(words[k].strip(" \t\r\n").upper(), words[k + 1].strip()) for k in range(0, len(words), 2)]
    if not pairs or any(not name for name, _ in pairs) or _STANDARD.fullmatch(left_over.strip()):
        return None
    return pairs, left_over


def _count_standard(pairs: Pairs | None) -> int:
    return 0 if pairs is None else sum(_STANDARD.fullmatch(name) is not None for name, _ in pairs[0])
