"""EX and PC of a simulated trial: stretches of one dose, and the levels that the laboratory reported.

A stretch of EX runs from the visit at which a dose was decided to the next change; a hold is a row with dose 0. Where
subjects are randomised later than they are transplanted, a stretch is divided on that day: before it EPOCH is RUN-IN.
Doses
are taken at 08:00 (and every interval after); a trough is drawn before the morning dose, which waits for it. Levels
that were planned and not taken are rows with PCSTAT NOT DONE; those below the limit have no number and say so.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.calendar import moment_texts
from limus.trial.datasets.sdtm_frame import TrialFrame, ascii_text, number_text
from limus.trial.datasets.spec import RUN_IN, TREATMENT, make_dataset
from limus.trial.design.design import DrugPlan
from limus.trial.exposure.history import DECISION_NAMES, Decision, ExposureHistory, Sample
from limus.trial.simulation.simulated_trial import SimulatedTrial

__all__ = ["concentrations", "exposure", "treated_subjects"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_MORNING = 8.0 / 24.0
_FREQUENCY = {24.0: "QD", 12.0: "BID", 8.0: "TID", 6.0: "QID"}
_CHANGES = (Decision.RAISED, Decision.LOWERED, Decision.HELD, Decision.RESUMED)
_TEST_CODES = {"tacrolimus": "TACRO", "everolimus": "EVERO", "sirolimus": "SIRO", "ciclosporin": "CSA"}


def exposure(frame: TrialFrame) -> Dataset:
    """Write EX."""
    blocks = [_stretches(frame.trial, name, history) for name, history in frame.trial.exposure.items()]
    names = ("place", "drug", "start", "end", "dose", "frequency", "reason")
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in names} if blocks else {}
    if not joined:
        return make_dataset(
            "EX", {name: [] for name in ("STUDYID", "USUBJID", "EXTRT", "EXDOSE", "EXSTDTC", "EXENDTC")}
        )
    order = np.lexsort((joined["drug"].astype(str), joined["start"], joined["place"]))
    joined = {name: values[order] for name, values in joined.items()}
    place = joined["place"].astype(np.int64)
    start, end = frame.date_of(joined["start"], place), frame.date_of(joined["end"], place)
    rows = frame.identity("EX", place) | {
        "EXTRT": [str(drug).upper() for drug in joined["drug"].tolist()],
        "EXDOSE": joined["dose"],
        "EXDOSU": ["mg"] * len(place),
        "EXDOSFRM": [""] * len(place),  # the design knows strengths, not whether capsules or tablets
        "EXDOSFRQ": joined["frequency"],
        "EXROUTE": ["ORAL"] * len(place),
        "EXADJ": joined["reason"],
        "EPOCH": np.where(np.floor(joined["start"]) < frame.randomisation_day, RUN_IN, TREATMENT),
        "EXSTDTC": moment_texts(start),
        "EXENDTC": moment_texts(end),
        "EXSTDY": frame.study_day(start, place),
        "EXENDY": frame.study_day(end, place),
    }
    return make_dataset("EX", rows)


def _plan_of(trial: SimulatedTrial, arm: int, compound: str, day: float) -> DrugPlan | None:
    """The plan of a drug that an arm follows on a day, the last one begun."""
    found = [one for one in trial.design.arms[arm].drugs if one.compound == compound and one.start_day <= day]
    return found[-1] if found else None


def _stretches(trial: SimulatedTrial, compound: str, history: ExposureHistory) -> dict[str, NDArray[np.generic]]:
    """Stretches of one dose, from each change to the next or to the end of treatment, in days."""
    dose, decision = np.nan_to_num(history.dose_mg_per_day), history.decision
    before = np.concatenate([np.zeros((len(dose), 1)), dose[:, :-1]], axis=1)
    changed = dose != before
    place, visit = np.nonzero(changed)
    start = np.floor(history.actual_day[place, visit])
    following = np.full(len(place), np.inf)
    following[:-1] = np.where(place[1:] == place[:-1], start[1:], np.inf)
    plans = [_plan_of(trial, int(trial.arm[s]), compound, d) for s, d in zip(place, start, strict=True)]
    interval = np.array([24.0 if one is None else one.interval_h for one in plans])
    stop = np.minimum(np.floor(trial.event_day["discontinuation"]), np.floor(trial.event_day["graft loss"]))
    stop = np.minimum(stop, np.floor(trial.end_day))[place]
    stop = np.minimum(stop, np.array([np.inf if one is None else one.stop_day for one in plans]))
    end = np.minimum(following, stop)
    given = (dose[place, visit] > 0) | (decision[place, visit] == Decision.HELD)
    kept = given & (end > start)
    place, visit, start, end, interval = place[kept], visit[kept], start[kept], end[kept], interval[kept]
    words = {code: DECISION_NAMES[code].upper() for code in _CHANGES}
    reason = np.array([words.get(Decision(int(one)), "") for one in decision[place, visit]], dtype=object)
    randomised = math.floor(trial.design.randomisation_day)
    across = (start < randomised) & (end > randomised)
    if across.any():  # the rest of a stretch follows its beginning, with the same dose and no decision
        again = np.append(np.arange(len(place)), np.flatnonzero(across))
        rest = np.arange(len(again)) >= len(place)
        start = np.where(rest, randomised, start[again])
        end = np.where(across[again] & ~rest, randomised, end[again])
        place, visit, interval, reason = place[again], visit[again], interval[again], np.where(rest, "", reason[again])
    return {
        "place": place,
        "drug": np.full(len(place), compound, dtype=object),
        "start": start + _MORNING,
        # the last dose of a stretch is one interval before the next stretch begins
        "end": end + _MORNING - interval / 24.0,
        "dose": dose[place, visit] * interval / 24.0,
        "frequency": np.array([_FREQUENCY.get(one, f"Q{one:g}H") for one in interval.tolist()], dtype=object),
        "reason": reason,
    }


def treated_subjects(trial: SimulatedTrial) -> NDArray[np.bool_]:
    """Tell who has a dose above 0 in EX from randomisation on, (N,); of several replicates one after the other."""
    found, randomised = np.zeros(trial.cohort.n, dtype=np.bool_), math.floor(trial.design.randomisation_day)
    for compound, history in trial.exposure.items():
        rows = _stretches(trial, compound, history)
        given = (rows["dose"].astype(np.float64) > 0) & (np.floor(rows["start"].astype(np.float64)) >= randomised)
        found[rows["place"].astype(np.int64)[given]] = True
    return found


def concentrations(frame: TrialFrame) -> Dataset:
    """Write PC."""
    blocks = [_levels(frame, name, history) for name, history in frame.trial.exposure.items()]
    names = ("place", "drug", "day", "level", "sample", "limit", "visit", "point")
    columns: dict[str, list[float]] = {
        name: [] for name in ("STUDYID", "USUBJID", "PCTESTCD", "PCSTRESN", "PCSTRESU", "PCDTC")
    }
    if not blocks:
        return make_dataset("PC", columns)
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in names}
    order = np.lexsort((joined["drug"].astype(str), joined["day"], joined["place"]))
    joined = {name: values[order] for name, values in joined.items()}
    place, sample = joined["place"].astype(np.int64), joined["sample"]
    below, missed = sample == Sample.BELOW_LIMIT, sample == Sample.MISSED
    result = np.where(below, "<LLOQ", np.array(number_text(joined["level"]), dtype=object))
    result = np.where(missed, "", result)
    date = frame.date_of(joined["day"], place)
    done = np.where(missed, "", "ng/mL")
    visits = frame.trial.design.visits
    number = joined["visit"].astype(np.int64)
    rows = frame.identity("PC", place) | {
        "PCTESTCD": [_TEST_CODES.get(str(one), str(one).upper()[:8]) for one in joined["drug"].tolist()],
        "PCTEST": [str(one).upper() for one in joined["drug"].tolist()],
        "PCORRES": result,
        "PCORRESU": done,
        "PCSTRESC": result,
        "PCSTRESN": np.where(sample == Sample.MEASURED, joined["level"], np.nan),
        "PCSTRESU": done,
        "PCSTAT": np.where(missed, "NOT DONE", ""),
        "PCREASND": np.where(missed, "SAMPLE NOT TAKEN", ""),
        "PCSPEC": ["BLOOD"] * len(place),
        "PCLLOQ": joined["limit"],
        "VISITNUM": np.where(number >= 0, number + 1.0, np.nan),
        "VISIT": np.array([*(ascii_text(one.name) for one in visits), "UNSCHEDULED DOSE VISIT"], dtype=object)[number],
        "PCDTC": moment_texts(date),
        "PCDY": frame.study_day(date, place),
        "PCTPT": joined["point"],
    }
    return make_dataset("PC", rows)


def _levels(frame: TrialFrame, compound: str, history: ExposureHistory) -> dict[str, NDArray[np.generic]]:
    """Levels of one drug that were planned while the subject was followed, in days."""
    trial = frame.trial
    followed = history.actual_day <= np.floor(trial.end_day)[:, None]
    place, visit = np.nonzero((history.sample != Sample.NOT_PLANNED) & followed)
    day = history.sampling_day[place, visit]
    scheduled = history.actual_day[place, visit]
    limits = [
        _plan_of(trial, int(trial.arm[s]), compound, d) for s, d in zip(place, history.visit_day[visit], strict=True)
    ]
    study = {one.day: k for k, one in enumerate(trial.design.visits)}
    trough = np.isnan(history.level_hour)
    point = "PRE-DOSE" if trough else f"{history.level_hour:g} H POST-DOSE"
    return {
        "place": place,
        "drug": np.full(len(place), compound, dtype=object),
        "day": np.where(np.isnan(day), scheduled, day) + _MORNING,
        "level": np.round(history.trough_measured_ng_per_ml[place, visit], 2),
        "sample": history.sample[place, visit],
        "limit": np.array([np.nan if one is None else one.sampling.lower_limit_ng_per_ml for one in limits]),
        "visit": np.array([study.get(one, -1) for one in history.visit_day[visit].tolist()], dtype=np.int64),
        "point": np.full(len(place), point, dtype=object),
    }
