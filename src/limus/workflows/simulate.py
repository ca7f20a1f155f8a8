"""``limus simulate``: a model of the library, or a file of one's own, over time, with doses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.checks import raise_on_errors, run_checks
from limus.kernel.errors import InputError, ModelError, UnitError, UnknownNameError, ValueRangeError, near_names
from limus.kernel.execution import Execution
from limus.kernel.language import MODEL_CHECKS, Model, read_model
from limus.kernel.simulation import SimulationResult, Treatment, compile_model, simulate
from limus.kernel.tables import Table, write_parquet
from limus.kernel.units import convert, parse_quantity, same_dimension
from limus.signalling.culture import check_values
from limus.signalling.model_library import load_model, model_names
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import SourcedModel
from limus.workflows.dose_tables import GivenDoses, meant_name, molar_mass_of, read_doses
from limus.workflows.request import Request, open_run

__all__ = ["SimulateRequest", "SimulateResult", "load_any_model", "parse_times", "read_setting", "run"]


class SimulateRequest(Request):
    """A model by name or path, times, settings and doses."""

    model: str
    times: str
    settings: tuple[str, ...] = ()
    doses: str | None = None
    units: tuple[str, ...] = Field(default=(), description="of a NONMEM table, as AMT=ug")
    subject: str | None = Field(default=None, description="ID of a NONMEM table with several")
    stimulus: str | None = None
    outputs: tuple[str, ...] = ()
    relative_tolerance: float = 1e-8
    absolute_tolerance: float = 1e-10
    seed: int = 1


@dataclass(frozen=True, eq=False)
class SimulateResult:
    """A simulation, in the model's units."""

    model: str
    result: SimulationResult
    time_unit: str
    warnings: tuple[str, ...]
    seed: int

    @property
    def species(self) -> dict[str, NDArray[np.float64]]:
        """Output name to its values, (T,)."""
        return {name: self.result.output(name)[0] for name in self.result.outputs}

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; times in ``time_unit``."""
        return {
            "model": self.model,
            "time": self.result.times,
            "time_unit": self.time_unit or "not declared by the model",
            "species": self.species,
            "status": self.result.status[0],
            "warnings": list(self.warnings),
            "seed": self.seed,
        }


def parse_times(text: str) -> NDArray[np.float64]:
    """Read output times: ``start:end:step`` (the end included) or a list ``0,1,2``.

    Parameters
    ----------
    text : str

    Returns
    -------
    (T,) array

    Raises
    ------
    ValueRangeError
        Not of either form, a step that is not positive, an end before the start, more than a million times.

    Examples
    --------
    >>> parse_times("0:1:0.25")
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    try:
        if ":" not in text:
            return np.array([float(part) for part in text.split(",")])
        start, end, step = (float(part) for part in text.split(":"))
    except ValueError:
        raise ValueRangeError("--times", text, "start:end:step or a list such as 0,1,2", "correct the times") from None
    count = (end - start) / step if step > 0 else -1.0
    if not 0 <= count <= 1e6:
        raise ValueRangeError("--times", text, "a positive step and at most a million times", "correct the times")
    return np.asarray(start + step * np.arange(int(np.floor(count + 1e-9)) + 1))


def run(request: SimulateRequest, *, out: Path | None = None, execution: Execution | None = None) -> SimulateResult:
    """Simulate a model.

    Parameters
    ----------
    request : SimulateRequest
    out : Path, optional
        Run directory; the trajectory is kept in ``results/trajectory.parquet``.
    execution : Execution, optional
        How to run.

    Returns
    -------
    SimulateResult

    Raises
    ------
    UnknownNameError
        No such model, name or dose target.
    FileReadError, EventTableError, ModelError, UnsupportedFeatureError
        The model or the dose table cannot be read or used.
    UnitError
        A unit is missing where the model needs one, unknown, or of the wrong kind.
    ValueRangeError
        A negative concentration or dose, a time or a tolerance that is not allowed.
    SolveError
        The simulation failed; what was reached is kept in the run directory.
    """
    execution = execution or Execution(seed=request.seed)
    times = parse_times(request.times)
    model, units, sourced = load_any_model(request.model)
    settings = dict(find_protocol(request.stimulus).settings) if request.stimulus is not None else {}
    asked = [read_setting(text, model, units) for text in request.settings]
    doubled = [name for i, (name, _) in enumerate(asked) if name in dict(asked[:i])]
    if doubled:
        raise InputError("--set", f"{doubled[0]} twice", "one value for a name", "leave one of them out")
    settings |= dict(asked)
    model = model.with_values(settings, where="--set")
    findings = run_checks(model, MODEL_CHECKS)
    raise_on_errors(findings, ModelError)
    if sourced is not None:
        check_values(sourced, model.values, float(times[-1] - times[0]))
    given = _doses(request, model)
    compiled = compile_model(model, request.outputs or None)
    if not compiled.outputs:
        raise ModelError(
            f"model {model.name}",
            "nothing that could be put out",
            "a species, or a variable with a rule",
            "check the model file",
        )
    directory = None
    if out is not None:
        inputs = [Path(p) for p in (request.model, request.doses) if p is not None and Path(p).is_file()]
        directory = open_run(out, "simulate", request.as_dict(), execution, inputs)
    result = simulate(
        compiled,
        times,
        given.inputs,
        doses=given.treatment,
        start=min(float(times[0]), given.start),
        relative_tolerance=request.relative_tolerance,
        absolute_tolerance=request.absolute_tolerance,
        execution=execution,
    )
    if directory is not None:
        columns = {"time": times} | {name: result.output(name)[0] for name in result.outputs}
        write_parquet(Table.create(columns), directory.path / "results" / "trajectory.parquet")
    result.require_success(f"model {model.name}")
    warnings = (*(finding.message for finding in findings), *given.notes)
    return SimulateResult(model.name, result, model.units.time, warnings, request.seed)


def _doses(request: SimulateRequest, model: Model) -> GivenDoses:
    if request.doses is not None:
        return read_doses(Path(request.doses), model, units=request.units, subject=request.subject)
    for option, found in (("--unit", ", ".join(request.units)), ("--id", request.subject)):
        if found:
            raise InputError(option, found, "with --doses and a NONMEM table", "leave it out")
    return GivenDoses(Treatment.create(), {}, np.inf, ())


def load_any_model(name: str) -> tuple[Model, Mapping[str, str], SourcedModel | None]:
    """Load a model of the library with its accepted fit, or a file of one's own.

    Parameters
    ----------
    name : str
        Name in the library, or path of an ``.ant`` or ``.xml`` file.

    Returns
    -------
    tuple of (Model, mapping of str to str, SourcedModel or None)
        The model, the unit of each parameter where known, and the library's entry if it is one of the library.

    Raises
    ------
    UnknownNameError
        No such model.
    FileReadError, ModelError, UnsupportedFeatureError
        The file cannot be read or used.
    """
    path = Path(name)
    if path.suffix or path.is_file():
        model = read_model(path)
        return model, {p.name: p.unit for p in model.parameters if p.unit}, None
    if name not in model_names():
        near = near_names(name, model_names())
        hint = f"did you mean {near[0]}?" if near else "or give the path of an .ant or .xml file"
        raise UnknownNameError("model", name, ", ".join(model_names()), hint)
    sourced = load_model(name)
    return sourced.model, {p.name: p.unit for p in sourced.parameters.values()}, sourced


def read_setting(text: str, model: Model, units: Mapping[str, str]) -> tuple[str, float]:
    """Read ``name=value[unit]``; a drug's name stands for its concentration in the medium.

    Parameters
    ----------
    text : str
    model : Model
    units : mapping of str to str
        Unit of each parameter where known.

    Returns
    -------
    tuple of (str, float)
        Name, and value in the model's unit.

    Raises
    ------
    InputError
        Not of this form.
    UnknownNameError
        A name that the model does not have.
    UnitError
        An unknown unit, one of another kind, or one where the model declares none.
    ValueRangeError
        A negative concentration.
    """
    name, equals, quantity = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise InputError("--set", text, "name=value with an optional unit", "write for example tacrolimus.medium=1nM")
    name = meant_name(name, model)
    if name not in model.values:
        model.with_values({name: 0.0}, where="--set")  # raises with near names
    species = {s.name: s for s in model.species}.get(name)
    if species is not None:
        substance, volume = model.units.substance, model.units.volume
        wanted = _concentration_unit(substance, volume) if not species.initial_is_amount else substance
    else:
        wanted = units.get(name, "")
    value, unit = parse_quantity(quantity, where=f"--set {name}", default_unit=wanted or "dimensionless")
    bare = not quantity.strip(" +-.0123456789eE")
    if not bare and not wanted:
        raise UnitError(
            f"--set {name}", quantity, "a bare number: the model declares no unit for it", "leave the unit out"
        )
    if not bare:
        value = _convert(value, unit, wanted, name)
    if species is not None and value < 0:
        raise ValueRangeError(
            f"--set {name}", f"{value:g} {wanted}", "a concentration of zero or more", "correct the value"
        )
    return name, value


def _concentration_unit(substance: str, volume: str) -> str:
    if not substance or not volume:
        return ""
    unit = f"{substance}/{volume}"
    return "nM" if same_dimension(unit, "nM") and abs(convert(1.0, unit, "nM") - 1.0) < 1e-12 else unit


def _convert(value: float, unit: str, wanted: str, name: str) -> float:
    return convert(value, unit, wanted, molar_mass_g_per_mol=molar_mass_of(name), where=f"{name}")
