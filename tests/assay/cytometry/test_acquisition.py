"""What went wrong while a file was acquired, and what did not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.assay.cytometry.fcs.read import FcsData, read_fcs
from limus.assay.cytometry.fcs.write import NewChannel, write_fcs
from limus.assay.cytometry.proliferation.rules import cytometry_rules
from limus.assay.cytometry.tube.acquisition import Acquisition, examine_acquisition, time_in_seconds

RULES = cytometry_rules({}, "test").acquisition
EVENTS = 6000


def examine(
    folder: Path, *, dye: np.ndarray | None = None, time: np.ndarray | None = None, step: str = "0.01"
) -> tuple[FcsData, Acquisition]:
    random = np.random.default_rng(16)
    values = random.lognormal(8, 0.8, EVENTS) if dye is None else dye
    ticks = np.cumsum(random.exponential(0.5, EVENTS)) if time is None else time
    channels = [NewChannel("Dye", "", range=65536, bits=16), NewChannel("Time", "", range=2**24, bits=24)]
    table = np.round(np.column_stack([np.clip(values, 0, 65535), ticks]))
    data = read_fcs(write_fcs(folder / "file.fcs", channels, table, keywords={"$TIMESTEP": step}))
    return data, examine_acquisition(data, {"Dye": data.values("Dye")}, ("Dye",), RULES)


def checks(found: Acquisition) -> set[str]:
    return {finding.check for finding in found.findings}


def test_a_steady_file_is_not_flagged(tmp_path: Path) -> None:
    _, found = examine(tmp_path)
    assert checks(found) == set()
    assert found.rates.mean() == pytest.approx(EVENTS / found.rate_times[-1], rel=0.05)


def test_chance_is_no_drift(tmp_path: Path) -> None:
    """Few events of a wide channel: the median moves by far more than a tenth, and not by four standard errors."""
    random = np.random.default_rng(17)
    columns = [NewChannel("Dye", "", range=65536, bits=16), NewChannel("Time", "", range=2**24, bits=24)]
    seen = []
    for number in range(60):
        table = np.round(np.column_stack([np.minimum(random.lognormal(7, 1.5, 500), 60_000), np.arange(500) * 10]))
        data = read_fcs(write_fcs(tmp_path / f"{number}.fcs", columns, table))
        found = examine_acquisition(data, {"Dye": data.values("Dye")}, ("Dye",), RULES)
        seen.append(abs(found.drift_percent["Dye"]))
        assert "drift" not in checks(found)
    assert max(seen) > 2 * RULES.drift_percent


@pytest.mark.parametrize("change", [-0.4, 0.3])
def test_drift_is_found_and_measured(tmp_path: Path, change: float) -> None:
    random = np.random.default_rng(18)
    dye = random.lognormal(8, 0.3, EVENTS) * np.linspace(1, 1 + change, EVENTS)
    _, found = examine(tmp_path, dye=dye)
    assert "drift" in checks(found)
    assert found.drift_percent["Dye"] == pytest.approx(100 * change * 0.8 / (1 + change / 2), abs=3)


def test_events_at_the_margin_are_counted_and_left_out(tmp_path: Path) -> None:
    dye = np.random.default_rng(19).lognormal(8, 0.3, EVENTS)
    dye[::40] = 1e9
    data, found = examine(tmp_path, dye=dye)
    assert found.margin_percent["Dye"] == pytest.approx(2.5)
    assert "margin-events" in checks(found)
    assert found.margin.sum() == EVENTS / 40
    assert (data.values("Dye")[found.margin] == 65535).all()


def test_the_end_of_a_channel_is_that_of_the_stored_numbers(tmp_path: Path) -> None:
    """$PnR counts stored numbers, whatever the gain: 6.5 must not hide a pile, 0.2 must not make one."""
    dye = np.minimum(np.random.default_rng(22).lognormal(8, 0.3, EVENTS).round(), 60_000)
    for gain in (6.5, 0.2):
        for top, piled in ((65_535, True), (30_000, False)):
            table = np.column_stack([np.where(np.arange(EVENTS) % 50, np.minimum(dye, 29_000), top), np.arange(EVENTS)])
            channels = [NewChannel("Dye", "", range=65536, bits=16, gain=gain), NewChannel("Time", "", 65536, 16)]
            data = read_fcs(write_fcs(tmp_path / "file.fcs", channels, table))
            found = examine_acquisition(data, {"Dye": data.values("Dye")}, ("Dye",), RULES)
            assert found.margin.any() == piled


def test_the_brightest_cell_is_no_pile(tmp_path: Path) -> None:
    dye = np.random.default_rng(20).lognormal(8, 0.3, EVENTS)
    dye[5] = 65535
    _, found = examine(tmp_path, dye=dye)
    assert not found.margin.any()


def test_a_jump_of_the_flow_rate_is_found(tmp_path: Path) -> None:
    gaps = np.random.default_rng(21).exponential(2.0, EVENTS)
    gaps[3000:4500] /= 5
    _, found = examine(tmp_path, time=np.cumsum(gaps))
    (finding,) = found.findings
    assert finding.check == "flow-rate"
    first = float(finding.got.split("the first at ")[1].split(" s")[0])
    assert first == pytest.approx(np.cumsum(gaps)[3000] * 0.01, rel=0.05)


def test_time_is_ticks_times_their_length(tmp_path: Path) -> None:
    ticks = np.arange(EVENTS, dtype=np.float64)
    for step, expected in (("0.5", 0.5), ("", 1.0), ("often", 1.0), ("-2", 1.0)):
        data, _ = examine(tmp_path, time=ticks, step=step or "1")
        seconds = time_in_seconds(data)
        assert seconds is not None
        assert seconds[-1] == pytest.approx(expected * (EVENTS - 1))


def test_without_time_that_is_said(tmp_path: Path) -> None:
    path = write_fcs(tmp_path / "file.fcs", [NewChannel("Dye", "", range=1024)], np.ones((500, 1)))
    data = read_fcs(path)
    assert time_in_seconds(data) is None
    found = examine_acquisition(data, {"Dye": data.values("Dye")}, ("Dye",), RULES)
    assert checks(found) == {"time-not-examined"}
    assert np.isnan(found.drift_percent["Dye"])
    _, found = examine(tmp_path, time=np.zeros(EVENTS))
    assert "time-not-examined" in checks(found)
