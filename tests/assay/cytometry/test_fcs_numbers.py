"""Every form of number that an FCS file may hold, encoded by other code and read back."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from limus.assay.cytometry.fcs.channels import FcsChannel
from limus.assay.cytometry.fcs.read import FcsData, read_fcs
from limus.assay.cytometry.fcs.scale import scale_channel, unscale_channel
from limus.kernel.errors import FileReadError, UnsupportedFeatureError

from .odd_files import build, describe, encode_bits, encode_whole

RNG = np.random.default_rng(20261121)


def read(tmp_path: Path, content: bytes, **options: int) -> FcsData:
    path = tmp_path / "file.fcs"
    path.write_bytes(content)
    return read_fcs(path, **options)


def whole_table(widths: list[int], events: int = 50) -> list[list[int]]:
    return [[int(RNG.integers(0, 1 << min(bits, 62))) for bits in widths] for _ in range(events)]


def stored(data: FcsData) -> list[list[int]]:
    return [list(map(int, event)) for event in zip(*(column.tolist() for column in data.stored), strict=True)]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize(
    "widths", [[8], [16, 16], [24, 24, 24], [32], [40], [48, 8], [56], [64], [8, 16, 24, 32, 64], [16, 16, 32, 8]]
)
def test_whole_numbers_of_any_width(tmp_path: Path, widths: list[int], order: str) -> None:
    table = whole_table(widths)
    channels = [{"B": bits, "R": 1 << bits} for bits in widths]
    listed = "1,2,3,4" if order == "little" else "4,3,2,1"
    data = read(tmp_path, build(describe(channels, len(table), "I", listed), encode_whole(table, widths, order)))
    assert stored(data) == table


@pytest.mark.parametrize(("listed", "ranks"), [("3,4,1,2", (2, 3, 0, 1)), ("2,1,4,3", (1, 0, 3, 2))])
def test_mixed_orders_of_bytes(tmp_path: Path, listed: str, ranks: tuple[int, ...]) -> None:
    table = whole_table([32, 32])
    keywords = describe([{"B": 32, "R": 1 << 32}] * 2, len(table), "I", listed)
    data = read(tmp_path, build(keywords, encode_whole(table, [32, 32], ranks), version="FCS3.0"))
    assert stored(data) == table
    assert [f.check for f in data.findings] == ["byte-order-mixed"]


def test_a_mixed_order_that_does_not_fit_the_width_is_refused(tmp_path: Path) -> None:
    keywords = describe([{"B": 16}], 4, "I", "3,4,1,2")
    with pytest.raises(UnsupportedFeatureError):
        read(tmp_path, build(keywords, bytes(8)))


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("widths", [[10, 10, 10], [12, 12], [1, 7, 11, 20], [10, 16]])
def test_packed_bits(tmp_path: Path, widths: list[int], order: str) -> None:
    table = whole_table(widths, events=37)
    channels = [{"B": bits, "R": 1 << bits} for bits in widths]
    listed = "1,2,3,4" if order == "little" else "4,3,2,1"
    data = read(tmp_path, build(describe(channels, 37, "I", listed), encode_bits(table, widths, order)))
    assert stored(data) == table
    assert "packed-bits" in {f.check for f in data.findings}


def test_ten_bits_that_stand_in_sixteen(tmp_path: Path) -> None:
    # Beckman Coulter's CXP writes $PnB 10 and means 16: the size of the segment tells
    table = whole_table([10, 10, 10], events=40)
    keywords = describe([{"B": 10, "R": 1024}] * 3, 40, "I", "4,3,2,1")
    data = read(tmp_path, build(keywords, encode_whole(table, [16] * 3, "big"), version="FCS2.0"))
    assert stored(data) == table
    assert "width-rounded-up" in {f.check for f in data.findings}


@pytest.mark.parametrize(("top", "bits"), [(1024, 10), (1025, 11), (11_209_599, 24), (1 << 32, 32), (1, 0), (2, 1)])
def test_bits_above_the_range_are_masked(tmp_path: Path, top: int, bits: int) -> None:
    table = whole_table([32], events=30)
    keywords = describe([{"B": 32, "R": top}], 30, "I", "1,2,3,4")
    data = read(tmp_path, build(keywords, encode_whole(table, [32], "little")))
    assert stored(data) == [[value & ((1 << bits) - 1)] for (value,) in table]


@pytest.mark.parametrize(("datatype", "bits", "code"), [("F", 32, "f"), ("D", 64, "d")])
@pytest.mark.parametrize(("listed", "sign"), [("1,2,3,4", "<"), ("4,3,2,1", ">")])
def test_floating_point(tmp_path: Path, datatype: str, bits: int, code: str, listed: str, sign: str) -> None:
    table = RNG.normal(0, 1e4, (20, 2)).astype(np.dtype(f"{code}"))
    packed = b"".join(struct.pack(f"{sign}2{code}", *row) for row in table)
    keywords = describe([{"B": bits, "R": 262144}] * 2, 20, datatype, listed)
    data = read(tmp_path, build(keywords, packed))
    assert np.array_equal(np.array(data.stored).T, table)


def test_a_type_of_its_own_for_each_channel(tmp_path: Path) -> None:
    # FCS 3.2, $PnDATATYPE
    channels = [
        {"B": 32, "R": 262144},
        {"B": 16, "R": 1024, "DATATYPE": "I"},
        {"B": 64, "R": 1000, "DATATYPE": "D"},
    ]
    rows = [(1.5, 7, -2.25), (3.25, 1023, 1e300)]
    packed = b"".join(struct.pack("<fHd", *row) for row in rows)
    data = read(tmp_path, build(describe(channels, 2, "F", "1,2,3,4"), packed, version="FCS3.2"))
    assert [tuple(float(c[k]) for c in data.stored) for k in range(2)] == rows


def test_digits_of_a_fixed_width_and_between_separators(tmp_path: Path) -> None:
    text = b" 125 150 175 150 150 125 150 175"  # as the files of FACEJava are
    keywords = describe([{"B": 4, "R": 1000}] * 2, 4, "A", "4,3,2,1")
    data = read(tmp_path, build(keywords, text, version="FCS3.0", tail=b"00000000"))
    assert stored(data) == [[125, 150], [175, 150], [150, 125], [150, 175]]
    keywords = describe([{"B": "*", "R": 1000}] * 2, 3, "A", "4,3,2,1")
    assert stored(read(tmp_path, build(keywords, b"1, 22,333 4\n5 666"))) == [[1, 22], [333, 4], [5, 666]]
    with pytest.raises(FileReadError, match="5 numbers"):
        read(tmp_path, build(keywords, b"1 2 3 4 5"))


@pytest.mark.parametrize("digits", [b"12 4", b"-124", b"0x12", b"12\x004", b"    "])
def test_what_is_no_digit_is_refused(tmp_path: Path, digits: bytes) -> None:
    keywords = describe([{"B": 4, "R": 1000}], 1, "A", "4,3,2,1")
    with pytest.raises(FileReadError, match="digits"):
        read(tmp_path, build(keywords, digits))


def _channel(**changes: float) -> FcsChannel:
    values = {"decades": 0.0, "at_zero": 0.0, "gain": 1.0, "range": 1024.0} | changes
    return FcsChannel(number=1, name="A", label="", datatype="I", bits=16, mask_bits=10, **values)  # type: ignore[arg-type]


def test_scale_values_by_the_standard() -> None:
    # the examples of FCS 3.1, section 3.2.20: $PnE/4.0,0.01/, $PnR/1024/: 1023 is 99.1; $PnG/8/: 1023 is 127.9
    top = np.array([0, 1023])
    logarithmic = scale_channel(top, _channel(decades=4.0, at_zero=0.01))
    assert logarithmic == pytest.approx([0.01, 10 ** (4 * 1023 / 1024) * 0.01])
    assert scale_channel(top, _channel(gain=8.0)) == pytest.approx([0, 127.875])
    for channel in (_channel(decades=4.0, at_zero=1.0), _channel(gain=8.0)):
        assert unscale_channel(scale_channel(np.arange(1024), channel), channel) == pytest.approx(np.arange(1024))


def test_amplifiers_in_files(tmp_path: Path) -> None:
    channels = [
        {"E": "4,0"},  # f2 missing: 1
        {"E": "4,1", "G": "2.0"},  # the gain belongs to linear amplifiers
        {"E": "0,0", "G": "2.0"},
        {"E": "0,0", "G": "0"},
        {"E": None, "G": "NA"},
    ]
    table = [[512] * 5]
    keywords = describe(channels, 1, "I", "1,2,3,4")
    data = read(tmp_path, build(keywords, encode_whole(table, [16] * 5, "little")))
    assert [float(data.values(name)[0]) for name in data.names] == pytest.approx([100, 100, 256, 512, 512])
    assert [f.check for f in data.findings] == [
        "amplification-without-offset",
        "gain-of-logarithms",
        "gain-not-usable",
        "amplification-missing",
    ]


def test_floats_are_linear_whatever_the_amplifier(tmp_path: Path) -> None:
    keywords = describe([{"E": "5.2,100", "B": 32}], 1, "F", "1,2,3,4")
    data = read(tmp_path, build(keywords, struct.pack("<f", 512.0)))
    assert data.values("C1")[0] == 512
    assert [f.check for f in data.findings] == ["amplification-of-floats"]


@pytest.mark.parametrize("text", ["4", "4;1", "a,b", "-1,0", "4,1,2", "nan,1"])
def test_an_amplifier_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileReadError, match=r"\$P1E"):
        read(tmp_path, build(describe([{"E": text}], 1, "I", "1,2,3,4"), bytes(2)))
