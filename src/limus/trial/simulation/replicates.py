"""Replicates of a trial: cohort, allocation, discontinuation, exposure with titration, events, kidney function.

Randomness comes from one generator a replicate, split into named streams in a fixed order, so that a replicate's
numbers depend neither on the other replicates nor on how much of another part is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding
from limus.trial.design.design import Arm, Design, DrugPlan
from limus.trial.design.regimen_features import with_induction
from limus.trial.design.scenario import Scenario
from limus.trial.events.events import DISCONTINUATION, Events, simulate_events
from limus.trial.events.hazards import days_of_events
from limus.trial.events.kidney_function import simulate_kidney, simulate_laboratory
from limus.trial.events.rates import arm_and_standard_rates, make_context
from limus.trial.exposure.draws import ReplicateDraws
from limus.trial.exposure.history import ExposureHistory
from limus.trial.exposure.simulate import simulate_exposure
from limus.trial.simulation.allocation import allocate_subjects
from limus.trial.simulation.cohort import Cohort, draw_cohort
from limus.trial.simulation.model_limits import judged_limits

__all__ = ["STREAM", "SimulatedTrial", "dosing_days", "simulate_replicates"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
STREAM = "trial"


@dataclass(frozen=True, eq=False)
class SimulatedTrial:
    """One simulated trial, or R replicates of it one after the other on the axis of subjects.

    Attributes
    ----------
    design : Design
    scenario : Scenario
    seed : int
        -1 where generators were given.
    replicates : int
        R; 1 for a trial.
    cohort : Cohort
        R N subjects.
    arm : (R N,) array of int
    visit_day : (V,) array
        Scheduled study visits.
    actual_day : (R N, V) array
        When subjects came.
    exposure : mapping of str to ExposureHistory
        By compound, over all subjects; nothing where an arm does not give it.
    events : Events
    egfr : (R N, V) array
        mL/min/1.73 m2; NaN after the end of follow-up and after graft loss.
    labs : mapping of str to (R N, V) array
        Creatinine umol/L, creatinine clearance (Cockcroft-Gault) mL/min, and the library's laboratory values.
    findings : tuple of Finding
        What exposure noticed.
    """

    design: Design
    scenario: Scenario
    seed: int
    replicates: int
    cohort: Cohort
    arm: Integers
    visit_day: Floats
    actual_day: Floats
    exposure: Mapping[str, ExposureHistory]
    events: Events
    egfr: Floats
    labs: Mapping[str, Floats]
    findings: tuple[Finding, ...]

    @property
    def event_day(self) -> Mapping[str, Floats]:
        """First day of each event within follow-up, infinite for never."""
        return self.events.day

    @property
    def end_day(self) -> Floats:
        """End of follow-up of each subject."""
        return self.events.end_day

    @property
    def end_reason(self) -> NDArray[np.int8]:
        """Why it ended: :class:`limus.trial.events.events.EndReason`."""
        return self.events.end_reason


def simulate_replicates(
    design: Design,
    scenario: Scenario,
    generators: Sequence[np.random.Generator],
    *,
    subjects: int,
    arm_factors: Mapping[str, Floats] | None = None,
    visit_windows: bool = True,
    with_area: bool = True,
    with_laboratory: bool = True,
    cohort: Cohort | None = None,
    arm: Integers | None = None,
    seed: int = -1,
) -> SimulatedTrial:
    """Simulate R replicates of a trial at once.

    Parameters
    ----------
    design : Design
    scenario : Scenario
    generators : sequence of numpy.random.Generator
        One a replicate.
    subjects : int
        In each replicate.
    arm_factors : mapping of str to (A,) array, optional
        Multipliers of hazards by arm (:mod:`limus.trial.simulation.arm_factors`).
    visit_windows : bool
        Whether subjects come on other days than scheduled, within the windows.
    with_area, with_laboratory : bool
        Whether areas under the level and laboratory values are wanted.
    cohort : Cohort, optional
        Subjects to use in place of new ones.
    arm : (R N,) array of int, optional
        Their arms, in place of an allocation.
    seed : int
        Kept with the result.

    Returns
    -------
    SimulatedTrial

    Raises
    ------
    LimusError
        As :func:`limus.trial.exposure.simulate.simulate_exposure` and
        :func:`limus.trial.simulation.cohort.draw_cohort`.
    """
    streams = [generator.spawn(5 + _plans(design)) for generator in generators]
    if cohort is None:
        cohort = draw_cohort(design, subjects, [stream[0] for stream in streams])
    if arm is None:
        arm = allocate_subjects(design, cohort, [stream[1] for stream in streams])
    cohort = replace(cohort, columns=with_induction(design, arm, cohort.columns))
    visits = np.array([visit.day for visit in design.visits])
    actual = _actual_days(design, cohort.n, ReplicateDraws([stream[2] for stream in streams]), move=visit_windows)
    early = make_context(design, scenario, arm, cohort.columns, {}, arm_factors)
    discontinuation = scenario.hazards.events[DISCONTINUATION]
    event_numbers = ReplicateDraws([stream[3] for stream in streams])
    exponential = event_numbers.standard_exponential((cohort.n, 1))[:, 0]
    discontinued = days_of_events(arm_and_standard_rates(early, discontinuation)[0], early.edges, exponential)
    exposure, findings = _expose(
        design, cohort, arm, discontinued, actual, [stream[5:] for stream in streams], with_area=with_area
    )
    context = make_context(design, scenario, arm, cohort.columns, exposure, arm_factors)
    events = simulate_events(design, context, discontinued, event_numbers)
    values = ReplicateDraws([stream[4] for stream in streams])
    kidney = simulate_kidney(design, context, events, actual, values)
    labs = {name: value for name, value in kidney.items() if name != "egfr"}
    if with_laboratory:
        labs |= simulate_laboratory(context, events, actual, values)
    return SimulatedTrial(
        design=design,
        scenario=scenario,
        seed=seed,
        replicates=len(generators),
        cohort=cohort,
        arm=arm,
        visit_day=visits,
        actual_day=actual,
        exposure=exposure,
        events=events,
        egfr=kidney["egfr"],
        labs=labs,
        findings=findings,
    )


def dosing_days(design: Design) -> Floats:
    """Return the scheduled dosing visits: titration days and study visits together, from day 0.

    Parameters
    ----------
    design : Design

    Returns
    -------
    (D,) array
        Rising.
    """
    days = {0.0, *design.titration_days, *(visit.day for visit in design.visits)}
    days |= {plan.start_day for arm in design.arms for plan in arm.drugs}
    return np.array(sorted(day for day in days if 0 <= day <= design.duration_days))


def _plans(design: Design) -> int:
    return sum(len(arm.drugs) for arm in design.arms)


def _actual_days(design: Design, count: int, numbers: ReplicateDraws, *, move: bool) -> Floats:
    """Whole days on which subjects come: normal about the scheduled day, the window at two standard deviations."""
    visits = design.visits
    days = np.broadcast_to(np.array([visit.day for visit in visits]), (count, len(visits)))
    if not move:
        return days
    score = np.clip(numbers.standard_normal((count, len(visits))) / 2.0, -1.0, 1.0)
    before = np.array([visit.window_before_days for visit in visits])
    after = np.array([visit.window_after_days for visit in visits])
    moved = np.rint(days + np.where(score < 0, score * before, score * after))
    return np.minimum(np.maximum(moved, 0.0), design.duration_days)


def _expose(
    design: Design,
    cohort: Cohort,
    arm: Integers,
    discontinued: Floats,
    actual: Floats,
    streams: Sequence[Sequence[np.random.Generator]],
    *,
    with_area: bool,
) -> tuple[dict[str, ExposureHistory], tuple[Finding, ...]]:
    """Exposure by compound, every plan of every arm in its own subjects."""
    replicates = len(streams)
    days = dosing_days(design)
    judged = judged_limits(design, days)
    found: dict[str, ExposureHistory] = {}
    findings: list[Finding] = []
    k, coming = 0, _dosing_dates(design, days, actual)
    for number, one in enumerate(design.arms):
        rows = np.flatnonzero(arm == number)
        sizes = (arm.reshape(replicates, -1) == number).sum(axis=1).tolist()
        columns = {name: values[rows] for name, values in cohort.columns.items()}
        for plan in one.drugs:
            numbers = ReplicateDraws([stream[k] for stream in streams], sizes)
            k += 1
            history = simulate_exposure(
                plan,
                columns,
                days,
                numbers,
                measured=np.isin(days, (*design.titration_days, *(visit.day for visit in design.visits))),
                actual_days=None if coming is None else coming[rows],
                stop_day=np.minimum(plan.stop_day, discontinued[rows]),
                dose_before_mg_per_day=_dose_before(found.get(plan.compound), rows, plan.start_day),
                companions=_companions(one, plan),
                overrides=(*plan.overrides, *judged[plan.model]),
                with_area=with_area,
            )
            findings += [finding for finding in history.findings if finding not in findings]
            if len(rows):
                base = found.get(plan.compound)
                found[plan.compound] = _join(base, history, rows, cohort.n)
    return found, tuple(findings)


def _dose_before(history: ExposureHistory | None, rows: Integers, day: float) -> Floats | None:
    """Last daily dose of each subject before a day, 0 where there was none; None without an earlier plan."""
    if history is None:
        return None
    doses = np.where(history.visit_day < day, np.nan_to_num(history.dose_mg_per_day[rows]), 0.0)
    last = doses.shape[1] - 1 - np.argmax(doses[:, ::-1] > 0, axis=1)
    return np.asarray(np.take_along_axis(doses, last[:, None], axis=1)[:, 0])


def _dosing_dates(design: Design, days: Floats, actual: Floats) -> Floats | None:
    """Days of dosing visits for each subject: those of study visits, kept between the neighbours; None where shared."""
    if actual.strides[0] == 0:
        return None
    dates = np.repeat(days[None, :], len(actual), axis=0)
    middle = 0.5 * (days[1:] + days[:-1])
    lower = np.concatenate([[0.0], np.floor(middle) + 1.0])
    upper = np.concatenate([np.floor(middle), [np.inf]])
    for v, visit in enumerate(design.visits):
        place = int(np.searchsorted(days, visit.day))
        dates[:, place] = np.clip(actual[:, v], lower[place], max(upper[place], lower[place]))
    return dates


def _companions(arm: Arm, plan: DrugPlan) -> set[str]:
    return {
        other.compound
        for other in arm.drugs
        if other.compound != plan.compound and max(plan.start_day, other.start_day) < min(plan.stop_day, other.stop_day)
    }


_BY_SUBJECT = ("doses_due", "doses_taken", "aim_ratio", "outside_limits")


def _join(base: ExposureHistory | None, part: ExposureHistory, rows: Integers, count: int) -> ExposureHistory:
    """Put the subjects of one plan into the history of the compound over all subjects."""
    values: dict[str, Any] = {}
    for field in fields(ExposureHistory):
        new = getattr(part, field.name)
        if not isinstance(new, np.ndarray) or field.name == "visit_day":
            values[field.name] = new
            continue
        old = getattr(base, field.name) if base is not None else _nothing(new, count)
        whole = old.copy()
        if base is None or field.name not in _BY_SUBJECT:
            whole[rows] = _over(old[rows], new, field.name)
        else:
            whole[rows] = old[rows] + new if field.name.startswith("doses") else new
        values[field.name] = whole
    return ExposureHistory(**values)


def _nothing(like: NDArray[Any], count: int) -> NDArray[Any]:
    empty = np.nan if like.dtype.kind == "f" else 0
    return np.full((count, *like.shape[1:]), empty, dtype=like.dtype)


def _over(old: NDArray[Any], new: NDArray[Any], name: str) -> NDArray[Any]:
    """A later plan of the same drug adds to an earlier one where both have something."""
    if name in {"trough_true_ng_per_ml", "dose_mg_per_day"}:
        return np.where(np.isnan(old), new, old + new)
    if name == "decision":
        return np.where(new != 0, new, old)
    if new.dtype.kind == "f":
        return np.where(np.isnan(new), old, new)
    return np.where(new != 0, new, old)
