"""What is written is read back, by limus and by flowio."""

from __future__ import annotations

from pathlib import Path

import flowio
import numpy as np
import pytest

from limus.assay.cytometry.fcs.read import read_fcs
from limus.assay.cytometry.fcs.write import NewChannel, write_fcs
from limus.kernel.errors import OutputError, ValueRangeError

RNG = np.random.default_rng(1)


def test_floating_point_round_trip(tmp_path: Path) -> None:
    channels = [NewChannel("FSC-A", gain=0.01), NewChannel("CTV-A", "CellTrace / violet µ"), NewChannel("Time")]
    events = RNG.normal(1000, 500, (200, 3)).astype(np.float32)
    keywords = {"$COM": "a/b//c", "OWN KEY": "ö", "$WELLID": "B07"}
    path = write_fcs(tmp_path / "a.fcs", channels, events, keywords=keywords)
    data = read_fcs(path)
    assert data.findings == ()
    assert np.array_equal(np.array(data.stored).T, events)
    assert {name: data.keywords[name] for name in keywords} == keywords
    assert data.channels[1].label == "CellTrace / violet µ"
    assert data.channels[0].gain == 0.01
    theirs = flowio.FlowData(str(path))
    assert np.array_equal(theirs.as_array(preprocess=False), events)
    assert theirs.text["com"] == "a/b//c"


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_whole_numbers_round_trip(tmp_path: Path, bits: int) -> None:
    channels = [
        NewChannel("A", bits=bits, range=2**bits),
        NewChannel("B", bits=16, range=1024, decades=4, at_zero=1),
    ]
    events = np.column_stack([RNG.integers(0, 2**bits, 100), RNG.integers(0, 1024, 100)])
    data = read_fcs(write_fcs(tmp_path / "a.fcs", channels, events))
    assert np.array_equal(np.array([c.astype(np.int64) for c in data.stored]).T, events)
    assert data.values("B") == pytest.approx(10 ** (4 * events[:, 1] / 1024))


def test_no_events(tmp_path: Path) -> None:
    path = write_fcs(tmp_path / "a.fcs", [NewChannel("A")], np.zeros((0, 1)))
    assert read_fcs(path).events == 0
    assert flowio.FlowData(str(path)).event_count == 0


@pytest.mark.parametrize(
    ("channels", "events", "keywords"),
    [
        ([NewChannel("A,B")], [[1.0]], {}),
        ([NewChannel("A"), NewChannel("A")], [[1.0, 2.0]], {}),
        ([NewChannel("A"), NewChannel("B", bits=16)], [[1.0, 2.0]], {}),
        ([NewChannel("A", bits=16, range=1024)], [[1024.0]], {}),
        ([NewChannel("A", bits=16)], [[0.5]], {}),
        ([NewChannel("A", decades=4, at_zero=1)], [[1.0]], {}),
        ([NewChannel("A", bits=12)], [[1.0]], {}),
        ([NewChannel("A")], [[1.0, 2.0]], {}),
        ([NewChannel("A")], [[1.0]], {"$TOT": "5"}),
        ([NewChannel("A")], [[1.0]], {"$P1B": "5"}),
        ([NewChannel("A")], [[1.0]], {"$COM": " "}),
        ([NewChannel("A")], [[1.0]], {"": "x"}),
    ],
)
def test_what_the_standard_forbids_is_refused(
    tmp_path: Path, channels: list[NewChannel], events: list[list[float]], keywords: dict[str, str]
) -> None:
    with pytest.raises(ValueRangeError):
        write_fcs(tmp_path / "a.fcs", channels, events, keywords=keywords)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write_fcs(tmp_path / "none" / "a.fcs", [NewChannel("A")], [[1.0]])
