"""What every question about a drug on cells has in common: stimulus, conditions, medium, what-if settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from limus.kernel.errors import InputError, UnknownNameError, ValueRangeError, near_names
from limus.kernel.provenance import Kind, SourcedValue
from limus.kernel.units import convert, parse_quantity
from limus.signalling.blood_level import BEFORE_HOURS, BLOOD, blood_culture, blood_map
from limus.signalling.constant_spread import BY_DEFINITION
from limus.signalling.culture import Culture, check_culture
from limus.signalling.model_library import load_model
from limus.signalling.protocol import find_cell_type, find_protocol
from limus.signalling.shares import shares_of
from limus.signalling.sourced_model import SourcedModel
from limus.workflows.request import Request

__all__ = ["CultureRequest", "Setup", "conditions_of", "set_up_culture"]

_OF_THE_CULTURE = {
    "cells_per_ml": "--density",
    "serum_percent": "--serum",
    "stimulus_strength": "--strength",
    "stimulus_start": "--add-at",
}


class CultureRequest(Request):
    """A stimulus and a culture; what is not given is the protocol's usual value."""

    stimulus: str
    density: float | None = Field(default=None, description="cells per mL")
    serum: float | None = Field(default=None, description="per cent by volume")
    hours: float | None = Field(default=None, description="from stimulus to harvest, h")
    add_at: float | None = Field(
        default=None,
        description="when the drug is added, h after the stimulus; negative before; by default with it, in blood a day "
        "before",
    )
    wash_at: float | None = Field(
        default=None,
        description="when the medium is changed for one without drug and cytokines, h after the stimulus",
    )
    strength: float | None = Field(default=None, ge=0.0, le=1.0, description="of the stimulus, 0 none to 1 strongest")
    costimulation: float | None = Field(default=None, ge=0.0, le=1.0, description="0 none to 1 full")
    cell_type: str = "t_lymphocyte"
    medium: Literal["culture", "blood"] = Field(
        default="culture", description="blood: concentrations are levels in whole blood"
    )
    settings: tuple[str, ...] = Field(default=(), description="what-if: name=value[unit] of any constant of the model")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Setup:
    """A culture ready to run.

    Attributes
    ----------
    model : SourcedModel
        With the what-if settings.
    culture : Culture
    changed : dict of str to float
        The what-if settings, canonical units; they hold for every draw.
    in_blood : bool
        Whether concentrations are levels in whole blood.
    """

    model: SourcedModel
    culture: Culture
    changed: dict[str, float]
    in_blood: bool


def set_up_culture(request: CultureRequest, readout: str, drugs: Sequence[str], highest_nM: float) -> Setup:
    """Make the culture that a request describes.

    Parameters
    ----------
    request : CultureRequest
    readout : str
    drugs : sequence of str
        As the model writes them.
    highest_nM : float
        Highest concentration that will be asked, nM.

    Returns
    -------
    Setup

    Raises
    ------
    UnknownNameError
        Unknown readout, stimulus, cell type or constant.
    UnitError
        A setting in a unit of another kind.
    InputError
        A setting that is not name=value, or that has an option of its own.
    ValueRangeError
        A number that no culture can have.
    RefusedError
        Outside the model's validity domain, or no map from blood for a drug.
    """
    model = load_model("t_cell")
    model.readout(readout)
    protocol = find_protocol(request.stimulus)
    changed = dict(_setting(text, model) for text in request.settings)
    overrides = dict(find_cell_type(request.cell_type).settings)
    for name, value in (("stimulus_strength", request.strength), ("costimulation", request.costimulation)):
        overrides |= {} if value is None else {name: value}
    usual = Culture.usual(protocol, readout)
    culture = Culture(
        protocol=protocol,
        hours=usual.hours if request.hours is None else request.hours,
        cells_per_ml=usual.cells_per_ml if request.density is None else request.density,
        serum_percent=usual.serum_percent if request.serum is None else request.serum,
        add_at_hours=0.0 if request.add_at is None else request.add_at,
        overrides=overrides | changed,
        wash_at_hours=request.wash_at,
    )
    if request.medium == "blood":
        fixed = {"--serum": request.serum, "--wash-at": request.wash_at}
        fixed |= {f"--set {name}": changed[name] for name in BLOOD if name in changed}
        for option, given in fixed.items():
            if given is not None:
                raise InputError(option, f"{given:g}", "only with a culture medium", "leave it out with --medium blood")
        culture = blood_culture(culture, add_at_hours=-BEFORE_HOURS if request.add_at is None else request.add_at)
    check_culture(model, culture, drugs, highest_nM)
    with_settings = _with_settings(model, changed)
    in_blood = request.medium == "blood"
    for drug in drugs if in_blood else ():
        blood_map(with_settings, drug)  # refused here where there is none
    return Setup(with_settings, culture, changed, in_blood)


def conditions_of(culture: Culture, cell_type: str, changed: Mapping[str, float]) -> dict[str, Any]:
    """Return the conditions of a culture as the command contract names them.

    Parameters
    ----------
    culture : Culture
    cell_type : str
    changed : mapping of str to float
        The what-if settings, canonical units.

    Returns
    -------
    dict
    """
    inputs = culture.inputs()
    return {
        "cells_per_ml": culture.cells_per_ml,
        "serum_percent": culture.serum_percent,
        "hours": culture.hours,
        "add_at_hours": culture.add_at_hours,
        "wash_at_hours": culture.wash_at_hours,
        "stimulus_strength": inputs["stimulus_strength"],
        "costimulation": inputs["costimulation"],
        "cell_type": cell_type,
        "changed": dict(changed),
        "note": culture.protocol.note,
    }


def _setting(text: str, model: SourcedModel) -> tuple[str, float]:
    name, equals, quantity = (part.strip() for part in text.partition("="))
    if not equals or not name or not quantity:
        raise InputError("--set", text, "name=value with an optional unit", "write for example calcineurin_total=100nM")
    if name in _OF_THE_CULTURE:
        raise InputError(f"--set {name}", text, f"the option {_OF_THE_CULTURE[name]}", "use that option")
    if name in BY_DEFINITION:
        raise InputError(f"--set {name}", text, "a constant of the cell; this one holds by definition", "leave it out")
    if name not in model.parameters:
        near = near_names(name, model.parameters)
        do = f"did you mean {' or '.join(near)}?" if near else "see the model's page for its constants"
        raise UnknownNameError("--set", name, f"a constant of model {model.name}", do)
    unit = model.parameters[name].unit
    value, given = parse_quantity(quantity, where=f"--set {name}", default_unit=unit)
    value = convert(value, given, unit, where=f"--set {name}")
    share = name in shares_of(model)
    if not 0 <= value < math.inf or (share and value > 1):
        allowed = "0 to 1" if share else "zero or more, finite"
        raise ValueRangeError(f"--set {name}", f"{value:g} {unit}", allowed, "correct the value")
    return name, value


def _with_settings(model: SourcedModel, changed: dict[str, float]) -> SourcedModel:
    """The model with the user's numbers, marked as such; followers keep their own."""
    if not changed:
        return model
    parameters = dict(model.parameters)
    for name, value in changed.items():
        sourced = SourcedValue(value, parameters[name].unit, Kind.ASSUMED, note="set by the user")
        parameters[name] = replace(parameters[name], value=value, origin="--set", sourced=sourced, lower=math.nan)
    kept = [k for k, p in enumerate(model.fitted) if p.name not in changed]
    return replace(
        model,
        model=model.model.with_values(changed),
        parameters=MappingProxyType(parameters),
        fit_draws=None if model.fit_draws is None else model.fit_draws[:, kept],
    )
