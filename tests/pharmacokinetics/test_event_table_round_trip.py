"""What is written reads back as the same table, in both formats, and further doses are written out exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limus.kernel.errors import OutputError
from limus.pharmacokinetics.event_table.error import EventTableError
from limus.pharmacokinetics.event_table.expand import expand_additional
from limus.pharmacokinetics.event_table.read import event_table_from_arrays, read_event_table
from limus.pharmacokinetics.event_table.records import EventTable, same_events
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.event_table.write import event_columns, write_event_table

UNITS = TableUnits("mg", "ng/mL")
TRAPS = Path(__file__).parent / "event_table_with_traps.csv"
NAN = float("nan")

amounts = st.floats(1e-3, 1e4)
durations = st.sampled_from([0.0, 0.5, 1.5, 7.0])


@st.composite
def a_row(draw: st.DrawFn) -> dict[str, float]:
    """A sound row: a dose of some kind, a level, a wanted level, another event, or a reset."""
    row = dict.fromkeys(("AMT", "RATE", "DUR", "II", "ADDL", "SS", "CMT"), 0.0)
    row |= {"DV": NAN, "MDV": 1.0, "BLQ": 0.0, "LLOQ": NAN, "DVID": 1.0}
    row["WT"] = draw(st.one_of(st.just(NAN), st.floats(1, 200)))
    row["OCC"] = float(draw(st.integers(1, 3)))
    kind = draw(st.sampled_from(["dose", "infusion", "constant", "level", "below", "wanted", "other", "reset"]))
    if kind in {"dose", "infusion"}:
        row |= {"EVID": draw(st.sampled_from([1.0, 4.0])), "AMT": draw(amounts), "CMT": float(draw(st.integers(0, 2)))}
        row["DUR"] = draw(durations) if kind == "infusion" else 0.0
        row["II"] = draw(st.sampled_from([0.0, 0.125]))
        if row["II"]:
            # so short that further doses end before the next row, a whole hour later
            row["ADDL"], row["SS"] = float(draw(st.integers(0, 5))), float(draw(st.sampled_from([0, 1, 2])))
    elif kind == "constant":
        row |= {"EVID": 1.0, "RATE": draw(amounts), "SS": 1.0}
    elif kind == "level":
        row |= {"EVID": 0.0, "MDV": 0.0, "DV": draw(st.floats(0, 1e6)), "DVID": float(draw(st.integers(1, 2)))}
    elif kind == "below":
        limit = draw(st.floats(0.1, 10))
        row |= {"EVID": 0.0, "MDV": 0.0, "BLQ": 1.0, "LLOQ": limit, "DV": draw(st.sampled_from([NAN, limit / 2]))}
    else:
        row["EVID"] = {"wanted": 0.0, "other": 2.0, "reset": 3.0}[kind]
    return row


@st.composite
def a_table(draw: st.DrawFn) -> EventTable:
    rows: list[dict[str, Any]] = []
    for subject in range(draw(st.integers(1, 3))):
        time = 0.0
        for row in draw(st.lists(a_row(), min_size=1, max_size=6)):
            time += draw(st.sampled_from([1.0, 3.7, 12.0]))
            rows.append({"ID": f"S{subject}", "TIME": time, **row})
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return event_table_from_arrays(columns, units=UNITS)


@settings(max_examples=25, deadline=None)
@given(a_table())
def test_csv_and_parquet_round_trip(tmp_path_factory: pytest.TempPathFactory, events: EventTable) -> None:
    folder = tmp_path_factory.mktemp("trip")
    for table in (events, expand_additional(events)):
        for name in ("t.csv", "t.parquet"):
            path = write_event_table(table, folder / "deep" / name)
            back = read_event_table(path, units=UNITS, covariates=["WT"], text_ids=True)
            assert same_events(table, back), name


@settings(max_examples=60, deadline=None)
@given(a_table())
def test_further_doses_are_all_written_out(events: EventTable) -> None:
    expanded = expand_additional(events)
    assert (expanded.doses.additional == 0).all()
    assert expanded.observations.time_h.tolist() == events.observations.time_h.tolist()
    expected: list[tuple[int, float, float]] = []
    doses = events.doses
    for row in range(len(doses)):
        later = [
            doses.time_h[k]
            for k in range(row + 1, len(doses))
            if doses.subject[k] == doses.subject[row] and (doses.steady_state[k] == 1 or doses.reset[k])
        ]
        for number in range(int(doses.additional[row]) + 1):
            time = doses.time_h[row] + number * doses.interval_h[row]
            if number == 0 or time < min(later, default=np.inf):
                expected.append((int(doses.subject[row]), float(time), float(doses.amount_mg[row])))
    given_doses = zip(expanded.doses.subject, expanded.doses.time_h, expanded.doses.amount_mg, strict=True)
    assert sorted((int(s), float(t), float(a)) for s, t, a in given_doses) == sorted(expected)
    for table in (events, expanded):
        assert np.array_equal(table.records.time_h[table.doses.record], table.doses.time_h)
        assert np.array_equal(table.records.time_h[table.observations.record], table.observations.time_h)


def test_the_made_up_table_round_trips_in_its_own_units(tmp_path: Path) -> None:
    events = read_event_table(TRAPS, units=TableUnits("ug", "ng/mL"))
    exact = read_event_table(write_event_table(events, tmp_path / "mg.csv"), units=UNITS)
    assert same_events(events, exact)
    own = TableUnits("ug", "ng/mL", "day")
    back = read_event_table(write_event_table(events, tmp_path / "ug.csv", units=own), units=own)
    assert back.doses.amount_mg == pytest.approx(events.doses.amount_mg, rel=1e-12)
    assert back.observations.time_h == pytest.approx(events.observations.time_h, rel=1e-12)
    first = (tmp_path / "ug.csv").read_text().splitlines()[0]
    assert first == "# limus event table 1; AMT ug; TIME day; DV ng/mL"


def test_a_file_that_states_other_units_than_the_caller_is_refused(tmp_path: Path) -> None:
    events = event_table_from_arrays({"ID": [1], "TIME": [0], "AMT": [5]}, units=UNITS)
    path = write_event_table(events, tmp_path / "t.csv")
    with pytest.raises(EventTableError, match=r"units-agree.*AMT ug.*AMT mg"):
        read_event_table(path, units=TableUnits("ug", "ng/mL"))


def test_columns_that_say_nothing_are_left_out() -> None:
    events = event_table_from_arrays({"ID": [1], "TIME": [0], "AMT": [5]}, units=UNITS)
    assert " ".join(event_columns(events)) == "ID TIME AMT EVID CMT RATE DUR II ADDL SS DV MDV OCC"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    events = event_table_from_arrays({"ID": [1], "TIME": [0], "AMT": [5]}, units=UNITS)
    with pytest.raises(OutputError):
        write_event_table(events, tmp_path / "file" / "t.csv")


def test_pending_doses_end_with_a_steady_state_or_a_reset() -> None:
    columns = {
        "ID": [1, 1, 2, 2, 3, 3],
        "TIME": [0, 24, 0, 24, 0, 24],
        "AMT": [5, 3, 5, 0, 5, 3],
        "EVID": [1, 1, 1, 3, 1, 1],
        "II": [12, 12, 12, 0, 12, 12],
        "ADDL": [4, 0, 4, 0, 1, 1],
        "SS": [0, 1, 0, 0, 0, 2],
    }
    doses = expand_additional(event_table_from_arrays(columns, units=UNITS)).doses
    assert doses.time_h[doses.of(0)].tolist() == [0, 12, 24]
    assert doses.interval_h[doses.of(0)].tolist() == [0, 0, 12]
    assert doses.time_h[doses.of(1)].tolist() == [0, 12, 24]
    assert doses.time_h[doses.of(2)].tolist() == [0, 12, 24, 36]
    assert doses.steady_state[doses.of(2)].tolist() == [0, 0, 2, 0]


def test_ten_thousand_subjects_with_sixty_doses() -> None:
    count = 10_000
    columns = {"ID": np.arange(count), "TIME": np.zeros(count), "AMT": np.full(count, 5.0)}
    columns |= {"II": np.full(count, 12.0), "ADDL": np.full(count, 59.0)}
    doses = expand_additional(event_table_from_arrays(columns, units=UNITS)).doses
    assert len(doses) == 600_000
    assert doses.time_h[doses.of(count - 1)].tolist() == (np.arange(60) * 12.0).tolist()
