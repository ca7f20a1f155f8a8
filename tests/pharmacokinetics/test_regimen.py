"""Regimens for users without a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.pharmacokinetics.event_table.error import EventTableError
from limus.pharmacokinetics.event_table.expand import expand_additional
from limus.pharmacokinetics.event_table.read import read_event_table
from limus.pharmacokinetics.event_table.records import same_events
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.event_table.write import write_event_table
from limus.pharmacokinetics.regimen import Regimen, regimen_events


def test_a_regimen_becomes_doses_for_every_subject() -> None:
    events = regimen_events(
        [Regimen(5, every_h=12, times=4), Regimen(3, every_h=24, times=2, start_h=48, infusion_h=2)],
        subjects=("a", "b"),
        observe_h=[96, 24],
        covariates={"WT": [70, 80], "SEX": 1},
    )
    assert events.subjects == ("a", "b")
    assert events.doses.time_h.tolist() == [0, 48, 0, 48]
    assert events.doses.additional.tolist() == [3, 1, 3, 1]
    assert events.doses.rate_mg_per_h.tolist() == [0, 1.5, 0, 1.5]
    assert events.observations.time_h.tolist() == [24, 96, 24, 96]
    assert events.observations.missing.all()
    assert np.unique(events.records.values[events.records.of(1)], axis=0).tolist() == [[80, 1]]
    doses = expand_additional(events).doses
    assert doses.time_h[doses.of(0)].tolist() == [0, 12, 24, 36, 48, 72]


def test_a_regimen_at_steady_state_and_its_file(tmp_path: Path) -> None:
    steady = Regimen(5, every_h=12, steady_state=True)
    events = regimen_events([steady], subjects=("1", "2"), observe_h=np.arange(0, 12.5, 0.5))
    assert events.doses.steady_state.tolist() == [1, 1]
    assert events.doses.interval_h.tolist() == [12, 12]
    assert events.doses.additional.tolist() == [0, 0]
    path = write_event_table(events, tmp_path / "regimen.csv")
    assert same_events(read_event_table(path, units=TableUnits("mg", "ng/mL")), events)


@pytest.mark.parametrize(
    ("regimen", "word"),
    [
        (Regimen(0, every_h=12), "dose_mg"),
        (Regimen(float("nan")), "dose_mg"),
        (Regimen(5, every_h=-12), "every_h"),
        (Regimen(5, times=2), "every 0 h"),
        (Regimen(5, steady_state=True), "at steady state"),
        (Regimen(5, every_h=12, times=0), "times"),
        (Regimen(5, every_h=12, times=1.5), "times"),  # type: ignore[arg-type]
        (Regimen(5, start_h=-1), "start_h"),
        (Regimen(5, infusion_h=-1), "infusion_h"),
        (Regimen(5, compartment=-1), "compartment"),
    ],
)
def test_what_a_regimen_may_not_say(regimen: Regimen, word: str) -> None:
    with pytest.raises(ValueRangeError, match=word):
        regimen_events([regimen])


def test_what_several_regimens_may_not_say() -> None:
    with pytest.raises(ValueRangeError, match="two doses at 24 h into compartment 0"):
        regimen_events([Regimen(5, every_h=12, times=3), Regimen(3, start_h=24)])
    assert len(regimen_events([Regimen(5, every_h=12, times=3), Regimen(3, start_h=24, compartment=2)]).doses) == 2
    with pytest.raises(ValueRangeError, match="regimen"):
        regimen_events([])
    with pytest.raises(ValueRangeError, match="each label once"):
        regimen_events([Regimen(5)], subjects=("a", "a"))
    with pytest.raises(ValueRangeError, match="observe_h"):
        regimen_events([Regimen(5)], observe_h=[-1])
    with pytest.raises(EventTableError, match="columns AMT"):
        regimen_events([Regimen(5)], covariates={"amt": 1})
    with pytest.raises(ValueRangeError, match="covariate WT"):
        regimen_events([Regimen(5)], covariates={"WT": [1, 2]})
