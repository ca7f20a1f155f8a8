"""Designs from TOML: the library's by name, a user's by path.

A drug plan is the table of ``arms.drugs`` with what it leaves out filled in from ``drugs.COMPOUND`` of the same file,
so that arms that share a drug do not repeat its strengths, rule and sampling.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from limus.kernel.checks import Finding, raise_on_errors
from limus.kernel.errors import FileReadError, UnknownNameError, near_names
from limus.kernel.provenance import Kind
from limus.kernel.tables import library_folder, parse_record, read_toml
from limus.trial.design.background_names import STEROIDS, background_name
from limus.trial.design.checks import check_design
from limus.trial.design.design import (
    Allocation,
    AllocationMethod,
    Analysis,
    AnalysisMethod,
    Arm,
    Background,
    Criterion,
    Departure,
    Design,
    DosingRule,
    DrugPlan,
    Endpoint,
    EndpointKind,
    Estimand,
    Hypothesis,
    IntercurrentEvent,
    Interim,
    LevelSampling,
    Margin,
    Origin,
    RuleKind,
    StartDose,
    Strategy,
    TargetWindow,
    Visit,
)
from limus.trial.design.frozen_mapping import FrozenMapping
from limus.trial.design.schema import (
    AnalysisEntry,
    ArmEntry,
    BackgroundEntry,
    DepartureEntry,
    DesignFile,
    DrugEntry,
    EstimandEntry,
    RuleEntry,
    SamplingEntry,
    Sourced,
    StartEntry,
)
from limus.trial.design.titration_library import load_departure, load_sampling
from limus.trial.design.treatment import COMPOUNDS

__all__ = ["design_names", "design_path", "load_design", "read_design"]

Word = TypeVar("Word", bound=StrEnum)


def design_names() -> tuple[str, ...]:
    """Return the names of the designs that the library ships."""
    return tuple(sorted(path.stem for path in (library_folder() / "designs").glob("*.toml")))


def design_path(name_or_path: str) -> Path:
    """Find the file of a design.

    Parameters
    ----------
    name_or_path : str
        A shipped name, or a path that ends in ``.toml``.

    Returns
    -------
    Path

    Raises
    ------
    UnknownNameError
        Neither a shipped name nor a file.
    """
    given = Path(name_or_path)
    if given.suffix == ".toml":
        if given.is_file():
            return given
        raise UnknownNameError("design", name_or_path, "a file that exists, or a shipped name", "check the path")
    known = design_names()
    if name_or_path in known:
        return library_folder() / "designs" / f"{name_or_path}.toml"
    near = near_names(name_or_path, known)
    do = f"did you mean {near[0]}?" if near else "give a shipped name, or the path of a .toml file"
    raise UnknownNameError("design", name_or_path, ", ".join(known), do)


def load_design(name_or_path: str) -> tuple[Design, tuple[Finding, ...]]:
    """Load a design and check it.

    Parameters
    ----------
    name_or_path : str
        A shipped name, or a path that ends in ``.toml``.

    Returns
    -------
    tuple of (Design, tuple of Finding)
        What the checks found beside errors: warnings and notes.

    Raises
    ------
    UnknownNameError
        No such design.
    FileReadError
        The file is wrong.
    InputError
        The design is impossible: the first finding, and how many more there are.
    """
    design = read_design(design_path(name_or_path))
    findings = check_design(design)
    raise_on_errors(findings)
    return design, findings


def read_design(path: Path) -> Design:
    """Read a design without checking what it says.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Design

    Raises
    ------
    FileReadError
        Unreadable, or a key that is missing, unknown or wrong.
    """
    file = read_toml(path, DesignFile)
    where = str(path)
    return Design(
        name=file.name,
        title=file.title,
        estimands=tuple(_estimand(entry, where) for entry in file.estimands),
        population=file.population,
        population_changes=FrozenMapping(dict(file.population_changes)),
        eligibility=tuple(Criterion(e.name, e.column, e.lower, e.upper) for e in file.eligibility),
        subjects=file.subjects,
        accrual_days=file.accrual_days,
        arms=tuple(_arm(entry, file.drugs, where, file.duration_days) for entry in file.arms),
        allocation=Allocation(
            AllocationMethod(file.allocation.method),
            tuple(file.allocation.block_sizes),
            tuple(file.allocation.strata),
            tuple((column, tuple(cuts)) for column, cuts in file.allocation.cuts.items()),
            file.allocation.best_probability,
        ),
        visits=tuple(Visit(v.name, v.day, v.window_before_days, v.window_after_days, v.biopsy) for v in file.visits),
        titration_days=tuple(file.titration_days),
        endpoints=tuple(
            Endpoint(
                name=e.name,
                label=e.label,
                kind=EndpointKind(e.form),
                events=tuple(e.events),
                variable=e.variable,
                day=e.day,
                graft_loss_value=e.graft_loss_value,
                higher_is_better=e.higher_is_better,
                threshold=e.threshold,
            )
            for e in file.endpoints
        ),
        analyses=tuple(_analysis(entry, where) for entry in file.analyses),
        interims=tuple(Interim(i.name, i.events, i.information_fraction, i.boundary) for i in file.interims),
        scenarios=tuple(file.scenarios),
        duration_days=file.duration_days,
        randomisation_day=file.randomisation_day,
        source=tuple(file.source),
        notes=tuple(file.notes),
    )


def _arm(entry: ArmEntry, defaults: dict[str, dict[str, Any]], where: str, duration_days: float) -> Arm:
    place = f"{where}, arm {entry.name}"
    background = tuple(_background(b, f"{place}, background") for b in entry.background)
    steroids = tuple((b.start_day, b.stop_day) for b in background if b.name == STEROIDS)
    drugs = (_drug(drug, defaults, f"{place}, drug {k}", duration_days) for k, drug in enumerate(entry.drugs, start=1))
    return Arm(
        name=entry.name,
        label=entry.label,
        share=_share(entry.share, f"{place}, share"),
        drugs=tuple(replace(plan, steroids=steroids) for plan in drugs),
        background=background,
    )


def _background(entry: BackgroundEntry, where: str) -> Background:
    name = background_name(entry.name, where)
    return Background(name, entry.text or entry.name, entry.start_day, entry.stop_day)


def _share(given: float | str, where: str) -> float:
    try:
        return float(Fraction(given))
    except (ValueError, ZeroDivisionError):
        raise FileReadError(where, given, 'a number, or a fraction such as "1/3"', "correct the share") from None


def _drug(given: dict[str, Any], defaults: dict[str, dict[str, Any]], where: str, duration_days: float) -> DrugPlan:
    compound = str(given.get("compound", ""))
    if compound and compound not in COMPOUNDS:
        near = near_names(compound, COMPOUNDS)
        other = "a drug without titrated troughs stands in arms.background, if the hazards know it"
        do = f"did you mean {near[0]}?" if near else other
        raise UnknownNameError(f"{where}, compound", compound, ", ".join(COMPOUNDS), do)
    filled = {**defaults.get(compound, {}), **given}
    entry = parse_record(filled, DrugEntry, where=where, error=FileReadError)
    return DrugPlan(
        compound=entry.compound,
        model=entry.model,
        start_dose=_start(entry.start_dose),
        interval_h=entry.interval_h,
        strengths_mg=tuple(entry.strengths_mg),
        largest_daily_mg=entry.largest_daily_mg,
        windows=_windows(entry, duration_days),
        rule=_rule(entry.rule),
        departure=load_departure(entry.departure) if isinstance(entry.departure, str) else _departure(entry.departure),
        sampling=load_sampling(entry.sampling) if isinstance(entry.sampling, str) else _sampling(entry.sampling),
        start_day=entry.start_day,
        stop_day=entry.stop_day,
        formulation=tuple(entry.formulation.items()),
        overrides=tuple(entry.overrides),
    )


def _start(entry: StartEntry) -> StartDose:
    nothing = float("nan")
    return StartDose(
        amount=nothing if entry.amount is None else entry.amount,
        unit=entry.unit or "mg",
        per=entry.per or "day",
        factors=tuple(entry.factors.items()),
        origin=_origin(entry),
        carried=nothing if entry.carried is None else entry.carried,
    )


def _windows(entry: DrugEntry, duration_days: float) -> tuple[TargetWindow, ...]:
    """Fill in the days that windows leave out: the first begins with the plan, each goes on to the next or the end."""
    given = entry.windows
    end = min(entry.stop_day, duration_days + 1.0)
    filled: list[TargetWindow] = []
    for k, window in enumerate(given):
        before = filled[-1].to_day if filled else entry.start_day
        following = given[k + 1].from_day if k + 1 < len(given) else None
        first = before if window.from_day is None else window.from_day
        last = window.to_day if window.to_day is not None else (end if following is None else following)
        filled.append(TargetWindow(first, last, window.low_ng_per_ml, window.high_ng_per_ml, _origin(window)))
    return tuple(filled)


def _rule(entry: RuleEntry) -> DosingRule:
    return DosingRule(
        kind=RuleKind(entry.form),
        only_outside_window=entry.only_outside_window,
        aim_fraction=entry.aim_fraction,
        largest_rise_fraction=entry.largest_rise_fraction,
        largest_fall_fraction=entry.largest_fall_fraction,
        hold_above_ng_per_ml=entry.hold_above_ng_per_ml,
        hold_days=entry.hold_days,
        step_mg=entry.step_mg,
        smallest_daily_mg=entry.smallest_daily_mg,
        origin=_origin(entry),
    )


def _departure(entry: DepartureEntry) -> Departure:
    return Departure(entry.no_change_probability, entry.aim_ratio, entry.aim_sd_log, _origin(entry))


def _sampling(entry: SamplingEntry) -> LevelSampling:
    return LevelSampling(
        assay_cv_percent=entry.assay_cv_percent,
        lower_limit_ng_per_ml=entry.lower_limit_ng_per_ml,
        sampling_time_sd_h=entry.sampling_time_sd_h,
        missed_level_probability=entry.missed_level_probability,
        missed_dose_fraction=entry.missed_dose_fraction,
        missed_dose_sd_logit=entry.missed_dose_sd_logit,
        residual_fraction=entry.residual_fraction,
        hours_after_dose=entry.hours_after_dose,
        origin=_origin(entry),
    )


def _estimand(entry: EstimandEntry, where: str) -> Estimand:
    place = f"{where}, estimand {entry.name}"
    return Estimand(
        name=entry.name,
        population=entry.population,
        treatment=entry.treatment,
        endpoint=entry.endpoint,
        intercurrent_events=tuple(
            IntercurrentEvent(e.event, _word(Strategy, e.strategy, f"{place}, strategy"), e.detail)
            for e in entry.intercurrent_events
        ),
        summary=entry.summary,
    )


def _analysis(entry: AnalysisEntry, where: str) -> Analysis:
    margin = entry.margin
    return Analysis(
        name=entry.name,
        endpoint=entry.endpoint,
        estimand=entry.estimand,
        method=_word(AnalysisMethod, entry.method, f"{where}, analysis {entry.name}, method"),
        hypothesis=Hypothesis(entry.hypothesis),
        test_arm=entry.test_arm,
        reference_arm=entry.reference_arm,
        alpha=entry.alpha,
        margin=None if margin is None else Margin(margin.value, margin.unit, margin.justification, _origin(margin)),
        stratified=entry.stratified,
        covariates=tuple(entry.covariates),
        primary=entry.primary,
    )


def _word(words: type[Word], given: str, where: str) -> Word:
    try:
        return words(given)
    except ValueError:
        known = [str(word) for word in words]
        near = near_names(given, known)
        do = f"did you mean {near[0]}?" if near else "give one of these"
        raise UnknownNameError(where, given, "; ".join(known), do) from None


def _origin(entry: Sourced) -> Origin:
    return Origin(Kind(entry.kind), tuple(entry.source), entry.note)
