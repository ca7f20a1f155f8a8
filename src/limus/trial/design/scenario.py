"""Scenarios: what is believed about exposure and response, and totals taken from elsewhere, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from limus.kernel.errors import FileReadError, UnknownNameError, near_names
from limus.kernel.provenance import Kind
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.trial.design.frozen_mapping import FrozenMapping
from limus.trial.design.hazard_library import HazardLibrary, load_hazards, with_values
from limus.trial.design.schema import Sourced
from limus.trial.design.treatment import Origin
from limus.trial.design.trial_fit import load_fit

__all__ = ["ExposureEffect", "Scenario", "Total", "load_scenario", "scenario_names"]


@dataclass(frozen=True, slots=True)
class ExposureEffect:
    """How the trough of a drug multiplies the hazard of an event.

    ``per unit lower``: ``ratio ** (reference - trough)``, trough in ng/mL. ``bands``: the ratio of the band that the
    trough lies in, ``edges`` between them.
    """

    name: str
    event: str
    compound: str
    form: str
    reference_ng_per_ml: float
    hazard_ratio: float
    edges_ng_per_ml: tuple[float, ...]
    hazard_ratios: tuple[float, ...]
    from_day: float
    to_day: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Total:
    """A total that arms must show: the risk by a day, per cent, without and with an mTOR inhibitor."""

    event: str
    day: float
    without_mtor_percent: float
    with_mtor_percent: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario.

    Attributes
    ----------
    name, title, note : str
    hazards : HazardLibrary
        With what was fitted for the scenario and what it changes.
    effects : tuple of ExposureEffect
    totals : tuple of Total
        Each replaces the hazard's own level: one multiplier for each arm.
    fitted : mapping of str to float
        What of ``hazards`` comes from the accepted calibration.
    """

    name: str
    title: str
    note: str
    hazards: HazardLibrary
    effects: tuple[ExposureEffect, ...]
    totals: tuple[Total, ...]
    fitted: Mapping[str, float]


class _Effect(Sourced):
    name: str
    event: str
    compound: str
    form: Literal["per unit lower", "bands"]
    reference_ng_per_ml: float = 0.0
    hazard_ratio: Annotated[float, Field(gt=0)] = 1.0
    edges_ng_per_ml: list[float] = Field(default_factory=list)
    hazard_ratios: list[Annotated[float, Field(gt=0)]] = Field(default_factory=list)
    from_day: float = 0.0
    to_day: float = float("inf")


class _Total(Sourced):
    day: Annotated[float, Field(gt=0)]
    without_mtor_percent: Annotated[float, Field(gt=0, lt=100)]
    with_mtor_percent: Annotated[float, Field(gt=0, lt=100)]


class _File(Entry):
    limus_scenario: Literal[1]
    name: str
    title: str
    note: str
    hazards: str
    exposure: list[_Effect] = Field(default_factory=list)
    totals: dict[str, _Total] = Field(default_factory=dict)
    changes: dict[str, float] = Field(default_factory=dict)


def scenario_names() -> tuple[str, ...]:
    """Return the names of the scenarios that the library ships."""
    return tuple(sorted(path.stem for path in (library_folder() / "scenarios").glob("*.toml")))


@lru_cache(maxsize=16)
def load_scenario(name: str, *, with_fit: bool = True) -> Scenario:
    """Load a scenario by name.

    Parameters
    ----------
    name : str
    with_fit : bool
        False leaves the hazards as the library has them, for a new calibration.

    Returns
    -------
    Scenario

    Raises
    ------
    UnknownNameError
        No such scenario, or it names what the hazards do not have.
    FileReadError
        A file is wrong.
    """
    if name not in scenario_names():
        near = near_names(name, scenario_names())
        do = f"did you mean {near[0]}?" if near else "use one of these"
        raise UnknownNameError("scenario", name, ", ".join(scenario_names()), do)
    path = library_folder() / "scenarios" / f"{name}.toml"
    file = read_toml(path, _File)
    hazards = load_hazards(file.hazards)
    for event in (*(effect.event for effect in file.exposure), *file.totals):
        if event not in hazards.events:
            raise UnknownNameError(f"{path}, event", event, ", ".join(hazards.events), "use one of these")
    for effect in file.exposure:
        if effect.event == "discontinuation":
            do = "leave it out: exposure ends with it, so it is drawn before"
            raise FileReadError(f"{path}, {effect.name}", effect.event, "another event", do)
        if effect.form == "bands" and len(effect.hazard_ratios) != len(effect.edges_ng_per_ml) + 1:
            raise FileReadError(
                f"{path}, {effect.name}", effect.hazard_ratios, "one ratio more than edges", "correct it"
            )
    fitted = load_fit(name) if with_fit else {}
    return Scenario(
        name=file.name,
        title=file.title,
        note=file.note,
        hazards=with_values(hazards, {**fitted, **file.changes}),
        effects=tuple(
            ExposureEffect(
                name=e.name,
                event=e.event,
                compound=e.compound,
                form=e.form,
                reference_ng_per_ml=e.reference_ng_per_ml,
                hazard_ratio=e.hazard_ratio,
                edges_ng_per_ml=tuple(e.edges_ng_per_ml),
                hazard_ratios=tuple(e.hazard_ratios),
                from_day=e.from_day,
                to_day=e.to_day,
                origin=Origin(Kind(e.kind), tuple(e.source), e.note),
            )
            for e in file.exposure
        ),
        totals=tuple(_total(event, entry) for event, entry in file.totals.items()),
        fitted=FrozenMapping(dict(fitted)),
    )


def _total(event: str, entry: _Total) -> Total:
    origin = Origin(Kind(entry.kind), tuple(entry.source), entry.note)
    return Total(event, entry.day, entry.without_mtor_percent, entry.with_mtor_percent, origin)
