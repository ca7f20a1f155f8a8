"""Designs from TOML: the library's by name, a user's by path.

A drug plan is the table of ``arms.drugs`` with what it leaves out filled in from ``drugs.COMPOUND`` of the same file,
so that arms that share a drug do not repeat its strengths, rule and sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from limus.kernel.checks import Finding, raise_on_errors
from limus.kernel.errors import FileReadError, UnknownNameError, near_names
from limus.kernel.provenance import Kind
from limus.kernel.tables import library_folder, parse_record, read_toml
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
    DepartureEntry,
    DesignFile,
    DrugEntry,
    EstimandEntry,
    RuleEntry,
    SamplingEntry,
    Sourced,
)
from limus.trial.design.titration_library import load_departure, load_sampling

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
        arms=tuple(_arm(entry, file.drugs, where) for entry in file.arms),
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
        source=tuple(file.source),
        notes=tuple(file.notes),
    )


def _arm(entry: ArmEntry, defaults: dict[str, dict[str, Any]], where: str) -> Arm:
    return Arm(
        name=entry.name,
        label=entry.label,
        share=_share(entry.share, f"{where}, arm {entry.name}, share"),
        drugs=tuple(_drug(drug, defaults, f"{where}, arm {entry.name}, drug {k + 1}") for k, drug in _each(entry)),
        background=tuple(Background(b.name, b.text, b.start_day, b.stop_day) for b in entry.background),
    )


def _each(entry: ArmEntry) -> Sequence[tuple[int, dict[str, Any]]]:
    return list(enumerate(entry.drugs))


def _share(given: float | str, where: str) -> float:
    try:
        return float(Fraction(given))
    except (ValueError, ZeroDivisionError):
        raise FileReadError(where, given, 'a number, or a fraction such as "1/3"', "correct the share") from None


def _drug(given: dict[str, Any], defaults: dict[str, dict[str, Any]], where: str) -> DrugPlan:
    filled = {**defaults.get(str(given.get("compound", "")), {}), **given}
    entry = parse_record(filled, DrugEntry, where=where, error=FileReadError)
    start = entry.start_dose
    return DrugPlan(
        compound=entry.compound,
        model=entry.model,
        start_dose=StartDose(start.amount, start.unit, start.per, tuple(start.factors.items()), _origin(start)),
        interval_h=entry.interval_h,
        strengths_mg=tuple(entry.strengths_mg),
        largest_daily_mg=entry.largest_daily_mg,
        windows=tuple(
            TargetWindow(w.from_day, w.to_day, w.low_ng_per_ml, w.high_ng_per_ml, _origin(w)) for w in entry.windows
        ),
        rule=_rule(entry.rule),
        departure=load_departure(entry.departure) if isinstance(entry.departure, str) else _departure(entry.departure),
        sampling=load_sampling(entry.sampling) if isinstance(entry.sampling, str) else _sampling(entry.sampling),
        start_day=entry.start_day,
        stop_day=entry.stop_day,
        formulation=tuple(entry.formulation.items()),
        overrides=tuple(entry.overrides),
    )


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
