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
from limus.signalling.protocol import STIMULUS_SETTINGS, Protocol
from limus.signalling.sourced_model import SourcedModel

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
    """

    protocol: Protocol
    hours: float
    cells_per_ml: float
    serum_percent: float
    add_at_hours: float = 0.0
    overrides: Mapping[str, float] = field(default_factory=dict)

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
        start = max(0.0, -self.add_at_hours)
        return settings | {
            "cells_per_ml": self.cells_per_ml,
            "serum_percent": self.serum_percent,
            "stimulus_start": start,
        }

    @property
    def harvest_time(self) -> float:
        """Time of harvest on the model's clock, h."""
        return self.hours + max(0.0, -self.add_at_hours)


@dataclass(frozen=True, eq=False)
class Responses:
    """Readouts over concentrations, for N parameter sets.

    Attributes
    ----------
    concentrations : (C,) array
        nM, total in the medium.
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
    if not highest_nM >= 0:
        raise ValueRangeError("concentration", f"{highest_nM:g} nM", "zero or more", "correct the concentration")
    _stay_inside(model, culture.harvest_time, culture.cells_per_ml, culture.serum_percent, highest_nM)


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
    _stay_inside(model, hours, density, serum, highest)


def _stay_inside(model: SourcedModel, hours: float, density: float, serum: float, highest_nM: float) -> None:
    domain = model.validity
    ranges = (
        ("hours", hours, 0.0, domain.hours_upper, "h"),
        ("density", density, *domain.cells_per_ml, "cells/mL"),
        ("serum", serum, *domain.serum_percent, "%"),
        ("concentration", highest_nM, 0.0, domain.concentration_upper_nM, "nM"),
    )
    for name, value, lower, upper, unit in ranges:
        if not lower <= value <= upper:
            allowed = f"{lower:g} to {upper:g} {unit}, the validity domain of {model.name}"
            raise RefusedError(name, f"{value:g} {unit}", allowed, "stay inside the domain")


@lru_cache(maxsize=64)
def _compiled(model: SourcedModel, drugs: tuple[str, ...], symbols: tuple[str, ...]) -> CompiledModel:
    reduced = without_inert_species(model.model, [f"{drug}.medium" for drug in drugs])
    return compile_model(reduced, symbols)


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
    compiled = _compiled(model, tuple(concentrations), tuple(symbols))
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
    concentrations : (C,) array
        nM, increasing, positive.
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
    return run_treatments(
        model,
        culture,
        {drug: concentrations},
        readouts,
        parameters=parameters,
        execution=execution,
        label=label,
    )


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
    treatments : mapping of str to (C,) array
        Drug to its concentration in each treatment, nM; the arrays are of one length.
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
    rows = {drug: np.tile(np.concatenate(([0.0, 0.0], levels)), sets) for drug, levels in treatments.items()}
    concentrations = next(iter(treatments.values()))
    count = len(concentrations) + 2
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
