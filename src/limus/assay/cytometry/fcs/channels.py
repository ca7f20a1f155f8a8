"""The channels of a data set ($PnX): name, type, width, range, amplification and gain."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

from limus.assay.cytometry.fcs.numbers import Keywords
from limus.assay.plate.findings import note, warning
from limus.kernel.checks import Finding
from limus.kernel.errors import FileReadError, UnsupportedFeatureError

__all__ = ["FcsChannel", "read_channels"]

MOST_BITS = 64
_FLOAT_BITS = {"F": 32, "D": 64}


@dataclass(frozen=True, slots=True)
class FcsChannel:
    """One channel.

    Attributes
    ----------
    number : int
        From 1, the n of $PnX.
    name : str
        $PnN; unique in the file: a name that comes again has its number behind it.
    label : str
        $PnS, what was stained; may be empty.
    datatype : str
        ``I`` unsigned whole number, ``F`` or ``D`` floating point, ``A`` digits.
    bits : int
        Width in the file; characters for ``A``, 0 for numbers between separators.
    range : float
        $PnR, NaN where it is no number.
    mask_bits : int
        Bits of a whole number that count, from the lowest; the others are set to 0 in reading.
    decades, at_zero : float
        $PnE: decades of a logarithmic amplifier (0 for a linear one) and the value at channel 0.
    gain : float
        $PnG, 1 where there is none.
    """

    number: int
    name: str
    label: str
    datatype: str
    bits: int
    range: float
    mask_bits: int
    decades: float
    at_zero: float
    gain: float

    @property
    def logarithmic(self) -> bool:
        """Whether stored numbers are channels of a logarithmic amplifier."""
        return self.decades > 0


def read_channels(keywords: Keywords, count: int) -> tuple[tuple[FcsChannel, ...], tuple[Finding, ...]]:
    """Read what the keywords say of each channel.

    Parameters
    ----------
    keywords : Keywords
    count : int
        $PAR.

    Returns
    -------
    tuple of FcsChannel
    tuple of Finding
        What is missing or odd and does not stop the reading.

    Raises
    ------
    FileReadError
        A keyword that decides the numbers is missing or wrong.
    UnsupportedFeatureError
        A width that is not read.
    """
    datatype = keywords.text("$DATATYPE").upper()
    if datatype not in {"I", "F", "D", "A"}:
        got = datatype or "missing"
        raise FileReadError(f"{keywords.where}, $DATATYPE", got, "I, F, D or A", "the file is damaged")
    findings: list[Finding] = []
    channels = [_read_channel(keywords, number, datatype, findings) for number in range(1, count + 1)]
    return _with_own_names(channels, keywords.where, findings), tuple(findings)


def _read_channel(keywords: Keywords, number: int, datatype: str, findings: list[Finding]) -> FcsChannel:
    own = keywords.text(f"$P{number}DATATYPE").upper() or datatype
    where = f"{keywords.where}, channel {number}"
    if not any(f"$P{number}{letter}" in keywords.pairs for letter in "NBR"):
        got = f"no keywords, $PAR {keywords.text('$PAR')}"
        raise FileReadError(where, got, f"$P{number}N, $P{number}B and $P{number}R", "the file is damaged")
    if own not in {"I", "F", "D", datatype}:
        raise FileReadError(f"{keywords.where}, $P{number}DATATYPE", own, "I, F or D", "the file is damaged")
    name = keywords.text(f"$P{number}N")
    if not name:
        name = f"P{number}"
        findings.append(warning("channel-without-name", where, f"no $P{number}N", "a name", f"it is called {name}"))
    bits = _bits(keywords, number, own, findings)
    top = _range(keywords, number, own, findings)
    decades, at_zero = _amplification(keywords, number, own, findings)
    if decades > 0 and not top > 0:
        do = "logarithmic channels cannot be read without it"
        raise FileReadError(f"{keywords.where}, $P{number}R", keywords.text(f"$P{number}R"), "a positive number", do)
    return FcsChannel(
        number=number,
        name=name,
        label=keywords.text(f"$P{number}S"),
        datatype=own,
        bits=bits,
        range=top,
        mask_bits=_mask_bits(top, bits) if own == "I" else 0,
        decades=decades,
        at_zero=at_zero,
        gain=_gain(keywords, number, decades, findings),
    )


def _bits(keywords: Keywords, number: int, datatype: str, findings: list[Finding]) -> int:
    key = f"$P{number}B"
    where = f"{keywords.where}, {key}"
    if keywords.text(key) == "*":
        if datatype != "A":
            raise FileReadError(where, "*", "a number of bits", "only numbers as text may have this width")
        return 0
    bits = keywords.whole(key)
    if datatype in _FLOAT_BITS:
        wanted = _FLOAT_BITS[datatype]
        if bits not in {None, wanted}:
            raise FileReadError(where, bits, f"{wanted} for $DATATYPE {datatype}", "the file is damaged")
        if bits is None:
            findings.append(warning("width-missing", where, "missing", str(wanted), f"taken as {wanted}, the type's"))
        return wanted
    if bits is None or bits < 1:
        raise FileReadError(where, "missing" if bits is None else bits, "1 or more", "the file is damaged")
    if bits > MOST_BITS:
        do = "export the file with 64 bits or fewer"
        raise UnsupportedFeatureError(where, bits, f"widths up to {MOST_BITS}", do)
    return bits


def _range(keywords: Keywords, number: int, datatype: str, findings: list[Finding]) -> float:
    key = f"$P{number}R"
    value = keywords.decimal(key)
    got = keywords.text(key) or "missing"
    where = f"{keywords.where}, {key}"
    if value is not None and (value > 0 or datatype != "I"):
        if datatype == "I" and not got.isdecimal():
            findings.append(note("range-not-whole", where, got, "a whole number", f"taken as {math.ceil(value)}"))
        if datatype == "I" and value <= 1:
            do = "every number is masked to 0, as the standard says; compare with the instrument"
            findings.append(warning("range-of-one", where, got, "2 or more", do))
        return value
    if datatype == "I" and value is None:
        raise FileReadError(where, got, "a number: it says which bits count", "the file is damaged")
    findings.append(warning("range-not-known", where, got, "a positive number", "no bits are masked"))
    return math.nan if value is None else value


def _mask_bits(top: float, bits: int) -> int:
    """Bits below the next power of two (FCS 3.1, section 3.2.20): 10 for a range of 1024, 11 for 1025, 0 for 1."""
    if not top > 0:
        return bits
    return min(bits, (math.ceil(top) - 1).bit_length())


def _amplification(keywords: Keywords, number: int, datatype: str, findings: list[Finding]) -> tuple[float, float]:
    key = f"$P{number}E"
    where = f"{keywords.where}, {key}"
    text = keywords.text(key)
    if not text:
        findings.append(warning("amplification-missing", where, "missing", "two numbers", "taken as linear, 0,0"))
        return 0.0, 0.0
    parts = text.split(",")
    pair = [Keywords({"x": part}, where).decimal("x") for part in parts]
    if len(pair) != 2 or pair[0] is None or pair[1] is None or pair[0] < 0 or pair[1] < 0:
        raise FileReadError(where, text, "decades and the value at 0, such as 4,1 or 0,0", "the file is damaged")
    decades, at_zero = float(pair[0]), float(pair[1])
    if decades == 0:
        return 0.0, 0.0
    if datatype in _FLOAT_BITS:
        # a floating-point channel is linear (FCS 3.1, $PnE); exporters leave the old amplifier's keyword in
        findings.append(note("amplification-of-floats", where, text, "0,0", "the numbers are taken as linear"))
        return 0.0, 0.0
    if at_zero == 0:
        findings.append(
            note("amplification-without-offset", where, text, "a value above 0", "f2 is 1, as FCS 3.1 says")
        )
        at_zero = 1.0
    return decades, at_zero


def _gain(keywords: Keywords, number: int, decades: float, findings: list[Finding]) -> float:
    key = f"$P{number}G"
    text = keywords.text(key)
    value = keywords.decimal(key)
    where = f"{keywords.where}, {key}"
    if value == 1 or text.upper() in {"", "NA", "N/A"}:
        return 1.0
    if value is None or value <= 0:
        findings.append(warning("gain-not-usable", where, text, "a positive number", "no gain is applied"))
        return 1.0
    if decades > 0:
        findings.append(note("gain-of-logarithms", where, text, "none beside a logarithmic $PnE", "it is not applied"))
        return 1.0
    return value


def _with_own_names(channels: list[FcsChannel], where: str, findings: list[Finding]) -> tuple[FcsChannel, ...]:
    counts = Counter(channel.name for channel in channels)
    taken = set(counts)
    named = []
    seen: set[str] = set()
    for channel in channels:
        name = channel.name
        if name in seen:
            name = f"{name} ({channel.number})"
            while name in taken:
                name += "'"
            taken.add(name)
            got = f"{channel.name} again, channel {channel.number}"
            findings.append(warning("channel-name-twice", where, got, "a name for each", f"it is called {name}"))
        seen.add(channel.name)
        named.append(replace(channel, name=name))
    return tuple(named)
