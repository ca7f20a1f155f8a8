"""TS, DM, SC and DS of a simulated trial: what the trial is, who took part, and how it ended for each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.calendar import date_texts, study_days
from limus.trial.datasets.recorded_numbers import recorded_characteristic, recorded_days
from limus.trial.datasets.sdtm_frame import TrialFrame, ascii_text, number_text, number_within, yes_or_no
from limus.trial.datasets.spec import RUN_IN, TREATMENT, make_dataset
from limus.trial.events.events import EndReason

__all__ = ["characteristics", "demographics", "disposition", "trial_summary"]

Floats = NDArray[np.float64]

_SITE = "001"
_COUNTRY = "ZZZ"
_SEX = {0.0: "M", 1.0: "F"}
_RACE = {0.0: "OTHER", 1.0: "BLACK OR AFRICAN AMERICAN"}
# SDTM's terms for the end of participation, by EndReason
_ENDED = {EndReason.COMPLETED: "COMPLETED", EndReason.DEATH: "DEATH", EndReason.LOST: "LOST TO FOLLOW-UP"}


def trial_summary(frame: TrialFrame) -> Dataset:
    """Write TS: title, arms, size, scenario, seed, and that the data are simulated."""
    trial, design = frame.trial, frame.trial.design
    rows = [
        ("TITLE", "Trial Title", design.title),
        ("STYPE", "Study Type", "SIMULATION"),
        ("NARMS", "Planned Number of Arms", str(len(design.arms))),
        ("PLANSUB", "Planned Number of Subjects", str(design.subjects)),
        ("ACTSUB", "Actual Number of Subjects", str(trial.cohort.n)),
        ("RANDOM", "Trial is Randomized", "Y"),
        ("LENGTH", "Trial Length", f"P{design.duration_days:g}D"),
        ("SCENARIO", "Scenario of the Simulation", trial.scenario.name),
        ("SEED", "Seed of the Simulation", str(trial.seed)),
        ("STOPRULE", "Study Stop Rules", "NONE" if not design.interims else f"{len(design.interims)} interim analyses"),
    ]
    codes, labels, values = zip(*rows, strict=True)
    return make_dataset(
        "TS",
        {
            "STUDYID": [frame.study] * len(rows),
            "DOMAIN": ["TS"] * len(rows),
            "TSSEQ": np.ones(len(rows)),
            "TSPARMCD": codes,
            "TSPARM": labels,
            "TSVAL": [ascii_text(value) for value in values],
        },
    )


def demographics(frame: TrialFrame, ex: Dataset) -> Dataset:
    """Write DM; candidates who failed screening follow the randomised subjects, with the reason in ARMNRS."""
    trial, count = frame.trial, frame.trial.cohort.n
    columns = trial.cohort.columns
    arms = trial.design.arms
    code = np.array([arm.name for arm in arms], dtype=object)[trial.arm]
    label = np.array([ascii_text(arm.label) for arm in arms], dtype=object)[trial.arm]
    first, last = _treated(frame, ex)
    died = trial.end_reason == EndReason.DEATH
    death = np.where(died, frame.start + recorded_days(trial.event_day["death"]), np.nan)
    treated = np.array([bool(text) for text in first], dtype=np.bool_)
    failures = [name for name, number in trial.cohort.screening.failures for _ in range(number)]
    extra = len(failures)
    digits = len(frame.subject[0].rpartition("-")[2])
    names = [*frame.subject.tolist(), *(f"{frame.study}-S{k + 1:0{digits}d}" for k in range(extra))]
    # a candidate is screened when the subjects of that time are
    screened = frame.start[np.arange(extra) * count // max(extra, 1)] if extra else np.zeros(0)
    collected = [*date_texts(frame.start), *date_texts(screened)]
    blank = [""] * extra
    rows: dict[str, Any] = {
        "STUDYID": [frame.study] * len(names),
        "DOMAIN": ["DM"] * len(names),
        "USUBJID": names,
        "SUBJID": [name.rpartition("-")[2] for name in names],
        "RFSTDTC": [*date_texts(frame.randomised), *blank],
        "RFENDTC": [*date_texts(frame.end), *blank],
        "RFXSTDTC": [*first, *blank],
        "RFXENDTC": [*last, *blank],
        "RFICDTC": collected,
        "RFPENDTC": [*date_texts(frame.end), *date_texts(screened)],
        "DTHDTC": [*date_texts(death), *blank],
        "DTHFL": [*np.where(died, "Y", "").tolist(), *blank],
        "SITEID": [_SITE] * len(names),
        "AGE": np.append(recorded_characteristic("AGE", columns["AGE"]), np.full(extra, np.nan)),
        "AGEU": ["YEARS"] * count + blank,
        "SEX": [*yes_or_no(columns["SEX"], _SEX), *(["U"] * extra)],
        "RACE": [*(yes_or_no(columns["BLACK"], _RACE) if "BLACK" in columns else [""] * count), *blank],
        "ARMCD": [*code.tolist(), *blank],
        "ARM": [*label.tolist(), *blank],
        "ACTARMCD": [*np.where(treated, code, "").tolist(), *blank],
        "ACTARM": [*np.where(treated, label, "").tolist(), *blank],
        "ARMNRS": [
            *np.where(treated, "", "ASSIGNED, NOT TREATED").tolist(),
            *[ascii_text(f"SCREEN FAILURE: {n}") for n in failures],
        ],
        "COUNTRY": [_COUNTRY] * len(names),
        "DMDTC": collected,
        "DMDY": np.append(study_days(frame.start, frame.randomised), np.full(extra, np.nan)),
    }
    return make_dataset("DM", rows)


def _treated(frame: TrialFrame, ex: Dataset) -> tuple[list[str], list[str]]:
    """First and last date of treatment from randomisation on, empty for those who were not treated."""
    first, last = dict[str, str](), dict[str, str]()
    table = ex.table
    doses = np.where(table["EPOCH"] == TREATMENT, table["EXDOSE"], 0.0) if len(table) else table["EXDOSE"]
    for subject, dose, start, end in zip(
        table["USUBJID"].tolist(),
        doses.tolist(),
        table["EXSTDTC"].tolist(),
        table["EXENDTC"].tolist(),
        strict=True,
    ):
        if dose > 0:
            first[subject] = min(first.get(subject, start), start)
            last[subject] = max(last.get(subject, end), end)
    names = frame.subject.tolist()
    return [first.get(name, "") for name in names], [last.get(name, "") for name in names]


def characteristics(frame: TrialFrame) -> Dataset:
    """Write SC: covariates under the codes of the library, and the stratum of the randomisation."""
    columns, count = frame.trial.cohort.columns, frame.trial.cohort.n
    known = [one for one in frame.words.characteristics if one.name in columns]
    blocks: list[tuple[str, str, str, list[str], Floats]] = []
    for one in known:
        values = columns[one.name]
        if one.yes:
            texts = yes_or_no(values, {1.0: one.yes, 0.0: one.no})
            blocks.append((one.code, one.label, "", texts, np.full(count, np.nan)))
        else:
            rounded = recorded_characteristic(one.name, values)
            blocks.append((one.code, one.label, one.unit, number_text(rounded), rounded))
    if frame.trial.design.allocation.strata:
        texts = [f"STRATUM {stratum + 1}" for stratum in frame.trial.cohort.strata.tolist()]
        blocks.append(("STRATUM", "Stratum of Randomization", "", texts, np.full(count, np.nan)))
    width = len(blocks)
    place = np.repeat(np.arange(count), width)

    def spread(values: list[Any]) -> list[Any]:
        return values * count

    results = [block[3][k] for k in range(count) for block in blocks]
    numbers = np.array([block[4][k] for k in range(count) for block in blocks], dtype=np.float64)
    units = spread([block[2] for block in blocks])
    rows = frame.identity("SC", place) | {
        "SCTESTCD": spread([block[0] for block in blocks]),
        "SCTEST": spread([block[1] for block in blocks]),
        "SCCAT": ["SUBJECT CHARACTERISTICS"] * len(place),
        "SCORRES": results,
        "SCORRESU": units,
        "SCSTRESC": results,
        "SCSTRESN": numbers,
        "SCSTRESU": units,
    }
    return make_dataset("SC", rows)


def disposition(frame: TrialFrame) -> Dataset:
    """Write DS: randomisation, the end of treatment and the end of participation, and screen failures."""
    trial, count = frame.trial, frame.trial.cohort.n
    reason = np.array([_ENDED[int(code)] for code in trial.end_reason], dtype=object)
    stopped = recorded_days(trial.event_day["discontinuation"])
    graft = recorded_days(trial.event_day["graft loss"])
    ended = np.minimum(stopped, graft)
    last = recorded_days(trial.end_day)
    early = ended <= last
    treatment = np.where(early, np.where(graft < stopped, "GRAFT LOSS", "ADVERSE EVENT"), reason)
    treatment_day = np.where(early, ended, last)
    everyone = np.arange(count)
    place = np.concatenate([everyone] * 3)
    day = np.concatenate([np.full(count, frame.randomisation_day), treatment_day, last])
    term = np.concatenate([np.full(count, "RANDOMIZED", dtype=object), treatment, reason])
    kind = np.repeat(np.array([0, 1, 2]), count)
    order = np.lexsort((kind, day, place))
    place, day, term, kind = place[order], day[order], term[order], kind[order]
    date = frame.date_of(day, place)
    rows: dict[str, Any] = {
        "STUDYID": [frame.study] * len(place),
        "DOMAIN": ["DS"] * len(place),
        "USUBJID": frame.subject[place],
        "DSSEQ": number_within(place),
        "DSTERM": term,
        "DSDECOD": term,
        "DSCAT": np.where(kind == 0, "PROTOCOL MILESTONE", "DISPOSITION EVENT"),
        "DSSCAT": np.array(["", "STUDY TREATMENT", "STUDY PARTICIPATION"], dtype=object)[kind],
        "EPOCH": np.where(kind == 0, RUN_IN if frame.randomisation_day else "SCREENING", TREATMENT),
        "DSSTDTC": date_texts(date),
        "DSSTDY": frame.study_day(date, place),
    }
    return make_dataset("DS", rows)
