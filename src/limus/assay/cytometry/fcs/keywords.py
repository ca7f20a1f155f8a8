"""The keywords of a data set: TEXT, supplemental TEXT and ANALYSIS, and what is odd about them."""

from __future__ import annotations

from limus.assay.cytometry.fcs.bytes import NOWHERE, DataSetBytes, Segment
from limus.assay.cytometry.fcs.header import FcsHeader
from limus.assay.cytometry.fcs.numbers import Keywords
from limus.assay.cytometry.fcs.text import KeywordText, parse_text
from limus.assay.plate.findings import note, warning
from limus.kernel.checks import Finding
from limus.kernel.errors import FileReadError

__all__ = ["find_segment", "read_analysis", "read_keywords", "refuse_shifted"]


def read_keywords(source: DataSetBytes, header: FcsHeader) -> tuple[Keywords, list[Segment], list[Finding]]:
    """Read TEXT and supplemental TEXT.

    Parameters
    ----------
    source : DataSetBytes
    header : FcsHeader

    Returns
    -------
    Keywords
    list of Segment
        Where they lie, TEXT first.
    list of Finding

    Raises
    ------
    FileReadError
        TEXT lies outside the file or holds no keywords.
    """
    where = str(source.path)
    first = parse_text(source.read(header.text, "TEXT"), f"{where}, TEXT")
    findings = _text_remarks(first, f"{where}, TEXT")
    pairs = dict(first.pairs)
    texts = [header.text]
    keywords = Keywords(pairs, f"{where}, TEXT")
    further = find_segment(keywords, "STEXT", NOWHERE)
    if further.given and further.size > 1:
        if further.end >= source.size or further.overlaps(header.text):
            got = f"bytes {further}"
            findings.append(note("supplemental-text", f"{where}, $BEGINSTEXT", got, "a segment", "it is left out"))
        else:
            content = source.read(further, "supplemental TEXT")
            try:
                more = parse_text(content, f"{where}, supplemental TEXT", delimiter=first.delimiter)
            except FileReadError as error:
                findings.append(warning("supplemental-text", error.where, error.got, error.allowed, "it is left out"))
            else:
                texts.append(further)
                pairs |= {name: value for name, value in more.pairs.items() if name not in pairs}
    return keywords, texts, findings


def refuse_shifted(source: DataSetBytes, text: Segment, data: Segment, where: str) -> None:
    """Refuse a file whose events are said to begin at the delimiter that ends TEXT: all offsets are too small.

    Parameters
    ----------
    source : DataSetBytes
    text, data : Segment
    where : str
        Named in the error.

    Raises
    ------
    FileReadError
        They are.
    """
    if data.begin == text.end + 1 and data.size > 0:
        edge = source.read(Segment(text.begin, data.begin), "TEXT")
        delimiter = edge.lstrip(b" \0")[:1]
        if edge[-1:] == delimiter and edge[-2:-1] != delimiter and not edge[:-1].rstrip(b" \0").endswith(delimiter):
            got = f"byte {data.begin} ends TEXT"
            do = "something was put into TEXT or taken out; fetch the file again"
            raise FileReadError(where, got, "events that begin behind TEXT", do)


def _text_remarks(text: KeywordText, where: str) -> list[Finding]:
    found = []
    if text.empty_values:
        got = "doubled delimiters"
        found.append(note("empty-values", where, got, "a value for each keyword", "they are read as empty values"))
    if text.repeated:
        got = ", ".join(text.repeated[:8])
        found.append(warning("keyword-twice", where, got, "each keyword once", "the last value is taken"))
    if not text.closed:
        got = "no delimiter at its end"
        found.append(warning("text-not-closed", where, got, "a delimiter", "its end or the offset of its end is wrong"))
    if text.zeros_behind:
        got = "zero bytes behind the last delimiter"
        found.append(note("text-padded", where, got, "a delimiter at the end", "taken as padding"))
    if text.left_over.strip():
        got = ascii(text.left_over[:20])
        found.append(note("text-left-over", where, got, "nothing behind the last value", "it is left out"))
    return found


def find_segment(keywords: Keywords, name: str, otherwise: Segment) -> Segment:
    """Return the segment that $BEGINname and $ENDname give, or another where they give none.

    Parameters
    ----------
    keywords : Keywords
    name : str
        ``DATA``, ``STEXT`` or ``ANALYSIS``.
    otherwise : Segment

    Returns
    -------
    Segment

    Raises
    ------
    FileReadError
        A value is no whole number.
    """
    begin, end = keywords.whole(f"$BEGIN{name}"), keywords.whole(f"$END{name}")
    return otherwise if not begin else Segment(begin, end or 0)


def read_analysis(source: DataSetBytes, place: Segment) -> tuple[dict[str, str], list[Finding]]:
    """Read ANALYSIS; one that cannot be read is left out, with a finding.

    Parameters
    ----------
    source : DataSetBytes
    place : Segment

    Returns
    -------
    dict of str to str
    list of Finding
    """
    if not place.given or place.size <= 1:
        return {}, []
    try:
        return parse_text(source.read(place, "ANALYSIS"), f"{source.path}, ANALYSIS").pairs, []
    except FileReadError as error:
        return {}, [note("analysis", error.where, error.got, error.allowed, "it is left out; the events are not hurt")]
