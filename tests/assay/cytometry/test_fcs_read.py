"""Files with faults: read where one reading is possible and then with a remark, else refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limus.assay.cytometry.fcs.read import FcsData, read_fcs
from limus.assay.cytometry.fcs.text import parse_text
from limus.kernel.errors import FileReadError, UnknownNameError, UnsupportedFeatureError

from .odd_files import KINDS, build, describe, encode_whole, make_kind

TABLE = [[10 * row + column for column in range(3)] for row in range(25)]
DATA = encode_whole(TABLE, [16] * 3, "little")
KEYS = describe([{}] * 3, 25, "I", "1,2,3,4")


def read(tmp_path: Path, content: bytes, **options: int) -> FcsData:
    path = tmp_path / "file.fcs"
    path.write_bytes(content)
    return read_fcs(path, **options)


def checks(data: FcsData) -> set[str]:
    return {finding.check for finding in data.findings}


def assert_table(data: FcsData, table: list[list[int]] | None = None) -> None:
    assert np.array(data.stored).T.tolist() == (TABLE if table is None else table)


def test_a_plain_file_has_no_remarks(tmp_path: Path) -> None:
    for kind in KINDS:
        data = read(tmp_path, make_kind(kind, TABLE))
        assert (data.events, len(data.channels), data.findings) == (25, 3, ()), kind


@pytest.mark.parametrize("delimiter", ["/", "\\", "|", "!", "*", "\t", "\x0c", "\x1e", ",", "~"])
def test_any_delimiter_and_its_escape(tmp_path: Path, delimiter: str) -> None:
    keywords = KEYS | {"$COM": f"a{delimiter}b{delimiter}{delimiter}c", "$P2S": "CD3"}
    if delimiter == ",":
        keywords |= {"$BYTEORD": "1,2,3,4"}
    data = read(tmp_path, build(keywords, DATA, delimiter=delimiter))
    assert data.keywords["$COM"] == f"a{delimiter}b{delimiter}{delimiter}c"
    assert data.channels[1].label == "CD3"
    assert_table(data)


def test_empty_values(tmp_path: Path) -> None:
    keywords = {"$P1S": "", "$P2S": "", "$OP": ""} | KEYS | {"$CELLS": ""}
    data = read(tmp_path, build(keywords, DATA))
    assert_table(data)
    assert "empty-values" in checks(data)
    assert data.channels[0].label == ""


def test_names_that_are_not_ascii(tmp_path: Path) -> None:
    keywords = KEYS | {"$P1N": "Größe", "$P2S": "µ-CD3 §"}
    data = read(tmp_path, build(keywords, DATA))
    assert data.names[0] == "Größe"
    assert data.place("µ-cd3 §") == 1
    latin = read(tmp_path, build(KEYS | {"$P1N": "Größe"}, DATA, encoding="latin-1"))
    assert latin.names[0] == "Größe"
    assert_table(latin)


def test_keywords_in_small_letters_and_spaces(tmp_path: Path) -> None:
    keywords = {f" {name.lower()} ": f"  {value} " for name, value in KEYS.items()}
    assert_table(read(tmp_path, build(keywords, DATA)))


def test_names_missing_or_twice(tmp_path: Path) -> None:
    keywords = describe([{"N": "FL1"}, {"N": "FL1"}, {"N": None}], 25, "I", "1,2,3,4")
    data = read(tmp_path, build(keywords, DATA))
    assert data.names == ("FL1", "FL1 (2)", "P3")
    assert checks(data) == {"channel-name-twice", "channel-without-name"}
    with pytest.raises(UnknownNameError, match="FL1"):
        data.place("FL")


BEGIN = 58 + len(build(KEYS, b"")) - 58


@pytest.mark.parametrize(
    ("header", "places", "expected"),
    [
        ({"data_begin": 0, "data_end": 0}, None, set()),
        ({}, {}, {"offsets-missing"}),
        ({"data_end": 99999999}, None, {"offsets-differ"}),
        ({"data_begin": BEGIN - 40}, None, {"offsets-differ"}),
        ({"data_end": BEGIN}, {"$BEGINDATA": f"{BEGIN:012d}", "$ENDDATA": f"{BEGIN:012d}"}, {"end-of-data"}),
        ({}, {"$BEGINDATA": f"{BEGIN:012d}", "$ENDDATA": f"{BEGIN + 150:012d}"}, {"offsets-differ"}),
        ({"data_end": BEGIN + 150}, {"$BEGINDATA": f"{BEGIN:012d}", "$ENDDATA": f"{BEGIN + 150:012d}"},
         {"offset-one-too-far"}),
        ({"data_begin": -1, "data_end": -1}, None, {"offsets-differ"}),
    ],
)  # fmt: skip
def test_offsets_that_one_reading_survives(
    tmp_path: Path, header: dict[str, int], places: dict[str, Any] | None, expected: set[str]
) -> None:
    content = build(KEYS, DATA, header=header, places=places)
    if places == {}:  # without the keywords DATA lies further ahead
        assert b"$BEGINDATA" not in content
    data = read(tmp_path, content)
    assert_table(data)
    assert checks(data) == expected


def test_offsets_of_an_edited_file(tmp_path: Path) -> None:
    # Accuri's C6: both segments have the right size, TEXT's lies inside TEXT itself
    places = {"$BEGINDATA": "000000000200", "$ENDDATA": "000000000349"}
    data = read(tmp_path, build(KEYS, DATA, places=places, tail=b"00000000"))
    assert_table(data)
    assert checks(data) == {"offsets-differ"}


@pytest.mark.parametrize(
    ("keywords", "header", "what"),
    [
        ({"$TOT": 24}, {}, "DATA"),
        ({"$TOT": 26}, {}, "DATA"),
        ({"$TOT": 10**15}, {}, "DATA"),
        ({"$PAR": 2}, {}, "DATA"),
        ({"$PAR": 10**9}, {}, "channel 4"),
        ({"$PAR": 0}, {}, "PAR"),
        ({"$PAR": "three"}, {}, "PAR"),
        ({"$TOT": -1}, {}, "TOT"),
        ({"$P1B": 0}, {}, "P1B"),
        ({"$P1B": 17}, {}, "DATA"),
        ({"$P1R": "wide"}, {}, "P1R"),
        ({"$DATATYPE": "X"}, {}, "DATATYPE"),
        ({"$DATATYPE": "F"}, {}, "P1B"),
        ({"$BYTEORD": "5,4"}, {}, "BYTEORD"),
        ({}, {"text_begin": 0}, "TEXT"),
        ({}, {"text_begin": 60}, "TEXT"),
        ({}, {"text_end": 99999}, "TEXT"),
    ],
)
def test_contradictions_are_refused(
    tmp_path: Path, keywords: dict[str, Any], header: dict[str, int], what: str
) -> None:
    with pytest.raises(FileReadError) as caught:
        read(tmp_path, build(KEYS | keywords, DATA, header=header))
    assert what in caught.value.where + caught.value.got
    assert caught.value.do


def test_histograms_and_wide_numbers_are_refused(tmp_path: Path) -> None:
    for keywords in ({"$MODE": "U"}, {"$MODE": "C"}, {"$P1B": 128}):
        with pytest.raises(UnsupportedFeatureError):
            read(tmp_path, build(KEYS | keywords, DATA))


def test_two_places_that_both_fit_are_refused(tmp_path: Path) -> None:
    shifted = {"$BEGINDATA": str(BEGIN + 200), "$ENDDATA": str(BEGIN + 349)}
    with pytest.raises(FileReadError, match="nothing says which"):
        read(tmp_path, build(KEYS, DATA, places=shifted, tail=bytes(500)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_never_gives_fewer_events(tmp_path: Path, kind: str) -> None:
    content = make_kind(kind, TABLE)
    for length in [*range(0, len(content) - 8, 7), *range(len(content) - 8, len(content))]:
        try:
            data = read(tmp_path, content[:length])
        except FileReadError:
            continue
        assert data.events == 25


def test_a_count_without_total(tmp_path: Path) -> None:
    keywords = {name: value for name, value in KEYS.items() if name != "$TOT"}
    data = read(tmp_path, build(keywords, DATA, version="FCS2.0"))
    assert_table(data)
    assert checks(data) == {"total-missing"}
    with pytest.raises(FileReadError):
        read(tmp_path, build(keywords, DATA[:-2], version="FCS2.0"))


@pytest.mark.parametrize("header", [{}, {"data_begin": 0, "data_end": 0}, {"data_begin": BEGIN, "data_end": BEGIN}])
def test_no_events(tmp_path: Path, header: dict[str, int]) -> None:
    data = read(tmp_path, build(KEYS | {"$TOT": 0}, b"", header=header, tail=b"00000000"))
    assert (data.events, len(data.stored), len(data.stored[0])) == (0, 3, 0)


def test_several_data_sets(tmp_path: Path) -> None:
    other = describe([{}] * 2, 3, "I", "1,2,3,4")
    first = build(KEYS, DATA)
    first = build(KEYS | {"$NEXTDATA": len(first)}, DATA, tail=b"")
    first = build(KEYS | {"$NEXTDATA": len(first)}, DATA)
    second = build(other, encode_whole([[1, 2], [3, 4], [5, 6]], [16] * 2, "little"))
    data = read(tmp_path, first + second)
    assert (data.data_set, data.data_sets, data.events) == (1, 2, 25)
    assert_table(data)
    data = read(tmp_path, first + second, data_set=2)
    assert_table(data, [[1, 2], [3, 4], [5, 6]])
    with pytest.raises(UnknownNameError, match="1 to 2"):
        read(tmp_path, first + second, data_set=3)
    alone = read(tmp_path, first)
    assert (alone.data_sets, checks(alone)) == (1, {"next-data-set"})


def test_supplemental_text_and_analysis(tmp_path: Path) -> None:
    extra, analysis = b"/$P1S/CD4/$TOT/999/", b"/GATE1/100/GATE2/50/"
    length = len(build(KEYS | {"$BEGINSTEXT": f"{0:012d}", "$ENDSTEXT": f"{0:012d}"}, DATA))
    keywords = KEYS | {"$BEGINSTEXT": f"{length:012d}", "$ENDSTEXT": f"{length + len(extra) - 1:012d}"}
    place = {"analysis_begin": length + len(extra), "analysis_end": length + len(extra) + len(analysis) - 1}
    data = read(tmp_path, build(keywords, DATA, header=place, tail=extra + analysis))
    assert_table(data)
    assert data.channels[0].label == "CD4"  # a keyword of the primary TEXT is not replaced: $TOT stays
    assert dict(data.analysis) == {"GATE1": "100", "GATE2": "50"}
    broken = read(tmp_path, build(keywords, DATA, header=place, tail=extra))
    assert_table(broken)
    assert "analysis" in checks(broken)


def test_text_that_is_padded_or_ends_wrong(tmp_path: Path) -> None:
    assert_table(read(tmp_path, build(KEYS, DATA, gap=b" " * 3000, text_at=256)))
    text_end = BEGIN - 1
    long = read(tmp_path, build(KEYS, DATA, header={"text_end": text_end + 1}))
    assert_table(long)
    shifted = build(KEYS | {"$COM": "x"}, DATA).replace(b"$COM/x", b"$COM/xy")
    with pytest.raises(FileReadError, match="ends TEXT"):  # a byte has come into TEXT, all offsets are one too small
        read(tmp_path, shifted)


def test_more_than_a_header_can_say(tmp_path: Path) -> None:
    # the file is sparse: nothing of the 100 MB is written or read
    begin = 100_000_000
    places = {"$BEGINDATA": begin, "$ENDDATA": begin + len(DATA) - 1}
    content = build(KEYS, b"", header={"data_begin": 0, "data_end": 0}, places=places)
    path = tmp_path / "large.fcs"
    with path.open("wb") as file:
        file.write(content)
        file.seek(begin)
        file.write(DATA)
    assert_table(read_fcs(path))


def test_what_is_no_fcs_file(tmp_path: Path) -> None:
    for content, got in ((b"", "an empty file"), (b"FCS3.1", "6 bytes"), (b"PK" + bytes(80), "PK"),
                         (b"FCS9.9" + bytes(80), "version 9.9"), (b"FCS3.0    " + b"x" * 80, "xxxxxxxx")):  # fmt: skip
        with pytest.raises(FileReadError) as caught:
            read(tmp_path, content)
        assert got in caught.value.got
    for path in (tmp_path, tmp_path / "none.fcs"):
        with pytest.raises(FileReadError):
            read_fcs(path)


def test_a_repeated_keyword_is_told(tmp_path: Path) -> None:
    text = build(KEYS | {"$COM": "one", "$COM2": "two"}, DATA).replace(b"$COM2/two", b"$COM/ two")
    data = read(tmp_path, text)
    assert data.keywords["$COM"] == "two"
    assert checks(data) == {"keyword-twice"}


@pytest.mark.parametrize("content", [b"", b"   ", b"/", b"//", b"A/B/", b"$TOT/3/", b"//TOT/3/"])
def test_text_without_keywords_is_refused(content: bytes) -> None:
    with pytest.raises(FileReadError):
        parse_text(content, "TEXT")


# counts of third-party files: flowio 1.4.0 for all but the one with wrong offsets; that one holds the two events whose
# numbers stand in FlowIO's tests/test_flowdata.py (test_parse_var_int_data)
COUNTS = {
    "flowcal_data001.fcs": ("2.0", 20949, 6),
    "flowkit_2d_01.fcs": ("3.1", 10000, 2),
    "flowkit_bad_offset.fcs": ("3.0", 2, 26),
    "flowkit_gate_ref_data1.fcs": ("2.0", 13367, 8),
}


@pytest.mark.parametrize("name", COUNTS)
def test_reference_files(reference_data: Path, name: str) -> None:
    data = read_fcs(reference_data / "fcs" / name)
    assert (data.version, data.events, len(data.channels)) == COUNTS[name]
    if name == "flowkit_bad_offset.fcs":
        assert [int(column[0]) for column in data.stored][:8] == [49135, 61373, 48575, 49135, 61373, 48575, 7523, 598]
        assert [int(x) for x in data.stored[25]] == [8265081, 15691602]
