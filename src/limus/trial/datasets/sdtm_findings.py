"""LB and VS of a simulated trial: laboratory values and measurements at visits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.calendar import date_texts
from limus.trial.datasets.recorded_numbers import recorded_characteristic, recorded_days, recorded_laboratory
from limus.trial.datasets.sdtm_frame import TrialFrame, ascii_text, number_text
from limus.trial.datasets.spec import make_dataset
from limus.trial.datasets.subject_rows import first_of_groups

__all__ = ["laboratory", "vital_signs"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def laboratory(frame: TrialFrame) -> Dataset:
    """Write LB: every value that is there, in the order of subject, visit and test."""
    trial = frame.trial
    values = {"egfr": trial.egfr, **trial.labs}
    tests = [frame.words.test(name) for name in values]
    stacked: Floats = np.stack(list(values.values()), axis=2)  # subject, visit, test
    place, visit, test = np.nonzero(np.isfinite(stacked))
    number = recorded_laboratory(stacked[place, visit, test])
    date = frame.date_of(recorded_days(trial.actual_day[place, visit]), place)
    result = number_text(number)
    units = np.array([one.unit for one in tests], dtype=object)[test]
    baseline = _last_before_treatment(frame, place, visit, test)
    rows = frame.identity("LB", place) | {
        "LBTESTCD": np.array([one.code for one in tests], dtype=object)[test],
        "LBTEST": np.array([one.label[:40] for one in tests], dtype=object)[test],
        "LBCAT": np.array([one.category for one in tests], dtype=object)[test],
        "LBORRES": result,
        "LBORRESU": units,
        "LBSTRESC": result,
        "LBSTRESN": number,
        "LBSTRESU": units,
        "LBLOBXFL": np.where(baseline, "Y", ""),
        "VISITNUM": visit + 1.0,
        "VISIT": np.array([ascii_text(one.name) for one in trial.design.visits], dtype=object)[visit],
        "LBDTC": date_texts(date),
        "LBDY": frame.study_day(date, place),
    }
    return make_dataset("LB", rows)


def _last_before_treatment(frame: TrialFrame, place: Places, visit: Places, test: Places) -> NDArray[np.bool_]:
    """Mark the last value up to the day of randomisation; before the graft works some tests have no such value."""
    trial, randomised = frame.trial, frame.randomisation_day
    meaningful = np.array([randomised > 0 or frame.words.test(name).baseline for name in ("egfr", *trial.labs)])
    candidate = meaningful[test] & (recorded_days(trial.actual_day[place, visit]) <= randomised)
    marked = np.zeros(len(place), dtype=np.bool_)
    found = np.flatnonzero(candidate)
    marked[found] = first_of_groups([place[found], test[found]], [-visit[found]])
    return marked


def vital_signs(frame: TrialFrame) -> Dataset:
    """Write VS: weight, height and body mass index at baseline."""
    columns, count = frame.trial.cohort.columns, frame.trial.cohort.n
    weight, height = (recorded_characteristic(name, columns[name]) for name in ("WT", "HT"))
    index = np.round(weight / (height / 100.0) ** 2, 1)
    tests = (
        ("HEIGHT", "Height", "cm", height),
        ("WEIGHT", "Weight", "kg", weight),
        ("BMI", "Body Mass Index", "kg/m2", index),
    )
    place = np.repeat(np.arange(count), len(tests))
    number = np.stack([one[3] for one in tests], axis=1).ravel()
    units = [one[2] for one in tests] * count
    result = number_text(number)
    date = frame.date_of(np.zeros(len(place)), place)
    rows = frame.identity("VS", place) | {
        "VSTESTCD": [one[0] for one in tests] * count,
        "VSTEST": [one[1] for one in tests] * count,
        "VSORRES": result,
        "VSORRESU": units,
        "VSSTRESC": result,
        "VSSTRESN": number,
        "VSSTRESU": units,
        "VSLOBXFL": ["Y"] * len(place),
        "VISITNUM": np.ones(len(place)),
        "VISIT": [ascii_text(frame.trial.design.visits[0].name)] * len(place),
        "VSDTC": date_texts(date),
        "VSDY": frame.study_day(date, place),
    }
    return make_dataset("VS", rows)
