"""What the comparative guide is made of: compounds, measured potencies, simulated curves, the calibration as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from limus.kernel.execution import Execution
from limus.kernel.provenance import Reference, load_bibliography
from limus.kernel.tables import Entry, Table, library_folder, read_toml
from limus.molecule.bench_result import BenchValue
from limus.molecule.compound import Compound
from limus.signalling.bench_parameters import with_bench_values
from limus.signalling.culture import Culture, drugs_of, run_culture
from limus.signalling.model_library import load_model
from limus.signalling.observations import Potency, load_potencies
from limus.signalling.prediction import PredictedRow, predict_observations
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import SourcedModel
from limus.workflows.potency import Curve, simulate_curves

__all__ = ["Comparison", "Condition", "GuidePlan", "bench_key", "gather", "load_plan"]


class Condition(Entry):
    """A readout under a stimulus."""

    readout: str
    stimulus: str

    @property
    def key(self) -> str:
        """Name of the condition, ``readout/stimulus``."""
        return f"{self.readout}/{self.stimulus}"


class _Panels(Entry):
    panels: list[str]


class _TimeCourse(Entry):
    stimulus: str
    hours: float
    points: int
    concentrations_nM: list[float]  # noqa: N815
    quantities: list[str]


class GuidePlan(Entry):
    """What the guide shows, read from ``library/guides/compare.toml``."""

    limus_guide: Literal[1]
    name: str
    model: str
    potencies: list[Condition]
    dose_response: _Panels
    time_course: _TimeCourse
    words: dict[str, str] = Field(default_factory=dict)


def load_plan() -> GuidePlan:
    """Load the plan of the comparative guide.

    Returns
    -------
    GuidePlan

    Raises
    ------
    FileReadError
        The library file is wrong.
    """
    return read_toml(library_folder() / "guides" / "compare.toml", GuidePlan)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that the guide says, before it is put into words.

    Attributes
    ----------
    compounds : tuple of Compound
    modelled : tuple of str
        Those of the compounds that the model contains.
    model : SourcedModel
    plan : GuidePlan
    curves : mapping of (str, str) to Curve
        (drug, condition key) to the simulated curve.
    observations : tuple of Potency
        Published potencies of the compounds.
    calibration : tuple of PredictedRow
        Every observation that the model can answer, at the accepted fit.
    time_course : Table
        For the figure.
    bibliography : mapping of str to Reference
    draws, seed : int
    accepted : SourcedModel
        The model with its own values, whatever was measured.
    bench : tuple of BenchValue
        Values that the user measured, of these compounds.
    bench_used : tuple of BenchValue
        Those that stand in the place of the model's own.
    """

    compounds: tuple[Compound, ...]
    modelled: tuple[str, ...]
    model: SourcedModel
    plan: GuidePlan
    curves: Mapping[tuple[str, str], Curve]
    observations: tuple[Potency, ...]
    calibration: tuple[PredictedRow, ...]
    time_course: Table
    bibliography: Mapping[str, Reference]
    draws: int
    seed: int
    accepted: SourcedModel
    bench: tuple[BenchValue, ...] = ()
    bench_used: tuple[BenchValue, ...] = ()

    @property
    def simulation_note(self) -> str:
        """Which model and seed a simulated number comes from."""
        said = f"model {self.model.name}, seed {self.seed}, {self.draws} draws from the fit"
        return f"{said}, {len(self.bench_used)} of its values measured on a bench" if self.bench_used else said


def gather(
    compounds: Sequence[Compound], *, draws: int, execution: Execution, bench: Sequence[BenchValue] = ()
) -> Comparison:
    """Simulate and look up everything that the guide shows.

    Parameters
    ----------
    compounds : sequence of Compound
    draws : int
        Parameter sets drawn for the bands.
    execution : Execution
    bench : sequence of BenchValue
        Values that the user measured; where the model has the same quantity of a compound, they take its place.

    Returns
    -------
    Comparison

    Raises
    ------
    SolveError
        A simulation failed.
    FileReadError
        A library file is wrong.
    InputError
        Two measured values for one parameter of the model.
    """
    plan = load_plan()
    accepted = load_model(plan.model)
    names = {c.name for c in compounds}
    own = tuple(value for value in bench if value.compound in names)
    references = {bench_key(value): _bench_reference(value) for value in own}
    model, used = with_bench_values(accepted, own, {value: bench_key(value) for value in own})
    modelled = tuple(c.name for c in compounds if c.name in drugs_of(model))
    curves = _curves(model, plan, modelled, draws, execution)
    calibration, _ = predict_observations(accepted, execution=execution)
    return Comparison(
        compounds=tuple(compounds),
        modelled=modelled,
        model=model,
        plan=plan,
        curves=curves,
        observations=tuple(p for p in load_potencies() if p.compound in names),
        calibration=calibration,
        time_course=_time_course(model, plan, modelled),
        bibliography={**load_bibliography(library_folder() / "references.bib"), **references},
        draws=draws,
        seed=execution.seed,
        accepted=accepted,
        bench=own,
        bench_used=used,
    )


def bench_key(value: BenchValue) -> str:
    """Return the key under which a measured value is cited: one for each file that was measured.

    Parameters
    ----------
    value : BenchValue
    """
    return f"bench_{value.file_sha256[:12]}"


def _bench_reference(value: BenchValue) -> Reference:
    note = f"SHA-256 {value.file_sha256}; layout {value.layout}, SHA-256 {value.layout_sha256}"
    return Reference(bench_key(value), ("This bench",), title=f"Measured file {value.file}", note=note)


def _curves(
    model: SourcedModel,
    plan: GuidePlan,
    drugs: Sequence[str],
    draws: int,
    execution: Execution,
) -> dict[tuple[str, str], Curve]:
    by_stimulus: dict[str, list[Condition]] = {}
    for condition in plan.potencies:
        by_stimulus.setdefault(condition.stimulus, []).append(condition)
    execution.progress.start("dose-response", len(drugs) * len(by_stimulus))
    curves: dict[tuple[str, str], Curve] = {}
    for drug in drugs:
        for stimulus, conditions in by_stimulus.items():
            protocol = find_protocol(stimulus)
            hours = {c.readout: protocol.hours_for(c.readout) for c in conditions}
            culture = Culture.usual(protocol, conditions[0].readout)
            made = simulate_curves(model, culture, drug, hours, draws=draws, execution=execution)
            curves |= {(drug, c.key): made[c.readout] for c in conditions}
            execution.progress.advance()
    execution.progress.finish()
    return curves


def _time_course(model: SourcedModel, plan: GuidePlan, drugs: Sequence[str]) -> Table:
    course = plan.time_course
    culture = Culture.usual(find_protocol(course.stimulus), "proliferation")
    times = np.linspace(0.0, course.hours, course.points)
    readouts = [model.readout(name) for name in course.quantities]
    symbols = [readout.symbol for readout in readouts]
    rows: list[dict[str, object]] = []
    for drug in drugs:
        levels = np.array([0.0, *course.concentrations_nM])
        result = run_culture(model, culture, {drug: levels}, symbols, times)
        for i, level in enumerate(levels):
            for readout in readouts:
                values = result.output(readout.symbol)
                peak = float(np.max(values[0]))
                rows += [
                    {
                        "drug": drug,
                        "concentration_nM": level,
                        "quantity": readout.label,
                        "time_h": t,
                        "value": 100.0 * v / peak,
                        "unit": "% of the untreated peak",
                    }
                    for t, v in zip(times, values[i], strict=True)
                ]
    return Table.from_rows(rows)
