"""Cells in culture with drugs: a culture's conditions, and the model's answer over concentrations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import RefusedError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.language import without_inert_species
from limus.kernel.simulation import CompiledModel, Dose, SimulationResult, compile_model, simulate
from limus.signalling.medium import WASH_TIME, MediumPlan, with_medium_plan
from limus.signalling.protocol import STIMULUS_SETTINGS, Protocol
from limus.signalling.sourced_model import SourcedModel
from limus.signalling.validity_domain import stay_inside_domain

__all__ = [
    "Culture",
    "Responses",
    "check_culture",
    "check_values",
    "drugs_of",
    "run_culture",
    "run_responses",
    "run_treatments",
]

RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Culture:
    """The conditions of one culture.

    Attributes
    ----------
    protocol : Protocol
        Stimulus and its settings.
    hours : float
        From the stimulus to harvest.
    cells_per_ml : float
    serum_percent : float
        Per cent by volume, 0 to 100.
    add_at_hours : float
        When the drug is added, relative to the stimulus; negative is pre-incubation.
    overrides : mapping of str to float
        Further inputs of the model that differ from the protocol's: the cell type's, strength, costimulation.
    wash_at_hours : float, optional
        When the medium is changed for one without drug and cytokines (what the stimulus adds is in it again), relative
        to the stimulus; what is in the cells stays there and leaks out.
    reservoir : bool
        Whether the medium keeps its drug however much the cells take, as blood does.
    """

    protocol: Protocol
    hours: float
    cells_per_ml: float
    serum_percent: float
    add_at_hours: float = 0.0
    overrides: Mapping[str, float] = field(default_factory=dict)
    wash_at_hours: float | None = None
    reservoir: bool = False

    @classmethod
    def usual(cls, protocol: Protocol, readout: str) -> Culture:
        """Make the usual culture of a protocol for a readout."""
        return cls(
            protocol=protocol,
            hours=protocol.hours_for(readout),
            cells_per_ml=protocol.settings["cells_per_ml"],
            serum_percent=protocol.settings["serum_percent"],
        )

    def inputs(self, *, stimulated: bool = True) -> dict[str, float]:
        """The model's inputs for this culture; time zero is when the first thing is added."""
        settings = dict(self.protocol.settings) | dict(self.overrides)
        if not stimulated:
            settings |= dict.fromkeys(STIMULUS_SETTINGS, 0.0)
        start = self.stimulus_time
        wash = {} if self.wash_at_hours is None else {WASH_TIME: start + self.wash_at_hours}
        return (
            settings
            | wash
            | {
                "cells_per_ml": self.cells_per_ml,
                "serum_percent": self.serum_percent,
                "stimulus_start": start,
            }
        )

    @property
    def stimulus_time(self) -> float:
        """Time of the stimulus on the model's clock, h."""
        return max(0.0, -self.add_at_hours)

    @property
    def medium_plan(self) -> MediumPlan:
        """What is done to the medium beside the addition of drugs."""
        wash = self.wash_at_hours
        return MediumPlan(
            reservoir=self.reservoir,
            late_stimulus=self.stimulus_time > 0 and self.inputs().get("il2_added", 0.0) > 0,
            wash="none" if wash is None else "after" if wash > 0 else "before",
        )

    @property
    def harvest_time(self) -> float:
        """Time of harvest on the model's clock, h."""
        return self.hours + self.stimulus_time


@dataclass(frozen=True, eq=False)
class Responses:
    """Readouts over concentrations, for N parameter sets.

    Attributes
    ----------
    concentrations : (C,) or (N, C) array
        nM, total in the medium, as given.
    percent : mapping of str to (N, C) array
        Readout to per cent of the control culture, background taken off; NaN where the control shows no signal.
    control, background : mapping of str to (N,) array
        The readout without drug, and without stimulus (or zero).
    """

    concentrations: NDArray[np.float64]
    percent: Mapping[str, NDArray[np.float64]]
    control: Mapping[str, NDArray[np.float64]]
    background: Mapping[str, NDArray[np.float64]]


def drugs_of(model: SourcedModel) -> tuple[str, ...]:
    """Return the drugs that a model knows, in its order."""
    return tuple(s.name.removesuffix(".medium") for s in model.model.species if s.name.endswith(".medium"))


def check_culture(model: SourcedModel, culture: Culture, drugs: Sequence[str], highest_nM: float) -> None:
    """Refuse a culture outside the model's validity domain, and a drug that the model does not have.

    Parameters
    ----------
    model : SourcedModel
    culture : Culture
    drugs : sequence of str
        Names as the model writes them.
    highest_nM : float
        Highest concentration, nM.

    Raises
    ------
    ValueRangeError
        A number that no culture can have.
    RefusedError
        Outside the validity domain, or the model does not have the drug.
    """
    for drug in drugs:
        if drug not in drugs_of(model):
            known = ", ".join(drugs_of(model))
            raise RefusedError(f"drug in model {model.name}", drug, known, "the model has no constants for it")
    if not culture.hours > 0:
        raise ValueRangeError("hours", f"{culture.hours:g} h", "a positive time", "correct --hours")
    if not math.isfinite(culture.add_at_hours):
        raise ValueRangeError("add-at", f"{culture.add_at_hours:g} h", "a number of hours", "correct --add-at")
    if culture.add_at_hours >= culture.hours:
        raise ValueRangeError(
            "add-at", f"{culture.add_at_hours:g} h", f"before harvest at {culture.hours:g} h", "add earlier"
        )
    if culture.wash_at_hours is not None and not culture.add_at_hours < culture.wash_at_hours < culture.hours:
        allowed = f"after the drug at {culture.add_at_hours:g} h and before harvest at {culture.hours:g} h"
        raise ValueRangeError("wash-at", f"{culture.wash_at_hours:g} h", allowed, "correct --wash-at")
    if not highest_nM >= 0:
        raise ValueRangeError("concentration", f"{highest_nM:g} nM", "zero or more", "correct the concentration")
    stay_inside_domain(
        model,
        hours=culture.harvest_time,
        cells_per_ml=culture.cells_per_ml,
        serum_percent=culture.serum_percent,
        highest_nM=highest_nM,
        hours_before=culture.stimulus_time,
    )


def check_values(model: SourcedModel, values: Mapping[str, float], hours: float) -> None:
    """Refuse inputs of a library model outside its validity domain.

    Parameters
    ----------
    model : SourcedModel
    values : mapping of str to float
        Every input, canonical units.
    hours : float
        Length of the simulation, h.

    Raises
    ------
    RefusedError
        Outside the validity domain; the message names what and the domain.
    """
    highest = max((values[f"{drug}.medium"] for drug in drugs_of(model)), default=0.0)
    # a model of one cell has no culture: what it lacks is inside
    density, serum = (
        values.get(name, domain[0])
        for name, domain in (
            ("cells_per_ml", model.validity.cells_per_ml),
            ("serum_percent", model.validity.serum_percent),
        )
    )
    stay_inside_domain(model, hours=hours, cells_per_ml=density, serum_percent=serum, highest_nM=highest)


@lru_cache(maxsize=64)
def _compiled(model: SourcedModel, drugs: tuple[str, ...], symbols: tuple[str, ...], plan: MediumPlan) -> CompiledModel:
    reduced = without_inert_species(model.model, [f"{drug}.medium" for drug in drugs])
    return compile_model(with_medium_plan(reduced, drugs, plan), symbols)


def run_culture(
    model: SourcedModel,
    culture: Culture,
    concentrations: Mapping[str, NDArray[np.float64]],
    symbols: Sequence[str],
    times: Sequence[float] | NDArray[np.float64],
    *,
    parameters: Mapping[str, Any] | None = None,
    execution: Execution | None = None,
    label: str = "",
) -> SimulationResult:
    """Simulate a culture for N concentrations of one or more drugs.

    Parameters
    ----------
    model : SourcedModel
    culture : Culture
    concentrations : mapping of str to (N,) array
        Drug to total concentration in the medium, nM.
    symbols : sequence of str
        What to put out.
    times : sequence of float
        On the model's clock, h; the first is where the simulation starts.
    parameters : mapping of str to float or (N,) array, optional
        Further inputs.
    execution, label
        As :func:`limus.kernel.simulation.simulate`.

    Returns
    -------
    SimulationResult

    Raises
    ------
    SolveError
        A simulation failed.
    """
    compiled = _compiled(model, tuple(concentrations), tuple(symbols), culture.medium_plan)
    inputs: dict[str, Any] = {k: v for k, v in culture.inputs().items() if k in compiled.inputs}
    inputs |= {k: v for k, v in (parameters or {}).items() if k in compiled.inputs}
    doses: list[Dose] = []
    if culture.add_at_hours > 0:
        volume = model.parameters["medium"].value
        for drug, values in concentrations.items():
            doses += [
                Dose(culture.add_at_hours, f"{drug}.medium", float(c) * volume, subject=i) for i, c in enumerate(values)
            ]
        inputs |= {"stimulus_start": np.zeros(max((len(c) for c in concentrations.values()), default=1))}
    else:
        inputs |= {f"{drug}.medium": values for drug, values in concentrations.items()}
    result = simulate(
        compiled,
        times,
        inputs,
        doses=doses,
        relative_tolerance=RELATIVE_TOLERANCE,
        absolute_tolerance=ABSOLUTE_TOLERANCE,
        execution=execution,
        label=label,
    )
    result.require_success(f"model {model.name}")
    return result


def run_responses(
    model: SourcedModel,
    culture: Culture,
    drug: str,
    concentrations: NDArray[np.float64],
    readouts: Mapping[str, float],
    *,
    parameters: Mapping[str, NDArray[np.float64]] | None = None,
    execution: Execution | None = None,
    label: str = "",
) -> Responses:
    """Run a dose-response: control, background and every concentration, for N parameter sets at once.

    Parameters
    ----------
    model : SourcedModel
    culture : Culture
        ``hours`` is not used; each readout has its own.
    drug : str
        As the model writes it.
    concentrations : (C,) or (N, C) array
        nM, the same or others for each parameter set.
    readouts : mapping of str to float
        Readout to hours from stimulus to harvest.
    parameters : mapping of str to (N,) array, optional
        Parameter sets; by default one, the model's own values.
    execution, label
        As :func:`limus.kernel.simulation.simulate`.

    Returns
    -------
    Responses

    Raises
    ------
    UnknownNameError
        Unknown readout.
    SolveError
        A simulation failed.
    """
    treatments = {drug: concentrations}
    return run_treatments(model, culture, treatments, readouts, parameters=parameters, execution=execution, label=label)


def run_treatments(
    model: SourcedModel,
    culture: Culture,
    treatments: Mapping[str, NDArray[np.float64]],
    readouts: Mapping[str, float],
    *,
    parameters: Mapping[str, NDArray[np.float64]] | None = None,
    execution: Execution | None = None,
    label: str = "",
) -> Responses:
    """Run treatments by one or more drugs beside control and background, for N parameter sets at once.

    Parameters
    ----------
    model : SourcedModel
    culture : Culture
        ``hours`` is not used; each readout has its own.
    treatments : mapping of str to (C,) or (N, C) array
        Drug to its concentration in each treatment, nM, the same or another in each parameter set.
    readouts : mapping of str to float
        Readout to hours from stimulus to harvest.
    parameters : mapping of str to (N,) array, optional
        Parameter sets; by default one, the model's own values.
    execution, label
        As :func:`limus.kernel.simulation.simulate`.

    Returns
    -------
    Responses
        ``concentrations`` are those of the first drug.

    Raises
    ------
    UnknownNameError
        Unknown readout.
    SolveError
        A simulation failed.
    """
    parameters = parameters or {}
    sets = len(next(iter(parameters.values()))) if parameters else 1
    symbols = tuple(dict.fromkeys(model.readout(name).symbol for name in readouts))
    offset = culture.harvest_time - culture.hours
    harvest = {name: hours + offset for name, hours in readouts.items()}
    times = np.unique([0.0, *harvest.values()])
    # per set: background (no stimulus, no drug), control (no drug), then the treatments
    concentrations = next(iter(treatments.values()))
    count = concentrations.shape[-1] + 2
    rows = {
        drug: np.pad(np.broadcast_to(levels, (sets, count - 2)), ((0, 0), (2, 0))).ravel()
        for drug, levels in treatments.items()
    }
    stimulated = np.tile(np.arange(count) > 0, sets)
    quiet = culture.inputs(stimulated=False)
    settings = {name: np.where(stimulated, value, quiet[name]) for name, value in culture.inputs().items()}
    settings |= {name: np.repeat(values, count) for name, values in parameters.items()}
    result = run_culture(model, culture, rows, symbols, times, parameters=settings, execution=execution, label=label)
    percent, control, background = {}, {}, {}
    for name in readouts:
        readout = model.readout(name)
        values = result.output(readout.symbol)[:, int(np.searchsorted(times, harvest[name]))].reshape(sets, count)
        background[name] = values[:, 0] if readout.background == "unstimulated" else np.zeros(sets)
        control[name] = values[:, 1]
        signal = control[name] - background[name]
        span = np.where(signal > readout.detection_limit, signal, np.nan)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            percent[name] = 100.0 * (values[:, 2:] - background[name][:, None]) / span
    return Responses(concentrations, percent, control, background)
