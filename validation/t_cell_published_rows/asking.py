"""How the T-cell model is asked: its own cultures and read-outs, the accepted fit, point estimates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from limus.kernel.language import Assignment, Event, Number, Symbol, apply, without_inert_species
from limus.kernel.simulation import compile_model, simulate
from limus.molecule.catalogue import find_compound
from limus.signalling.blood_level import blood_culture, blood_map
from limus.signalling.combination import combine_drugs
from limus.signalling.culture import Culture, run_culture, run_responses
from limus.signalling.model_library import load_model
from limus.signalling.potency import CurveSummary, concentration_grid, summarise_curve
from limus.signalling.protocol import find_protocol

__all__ = [
    "MODEL",
    "after_sink",
    "after_wash",
    "combination_index",
    "course",
    "curve",
    "ic50",
    "in_blood",
    "inhibition",
    "kept",
    "treated",
    "untreated",
]

Floats = NDArray[np.float64]

MODEL = load_model("t_cell")
GRID = concentration_grid(1e-4, 1e4, 4)
LOADING_H = 2.0  # cells take the drug up before a wash
EMPTIED_EVERY_H = 0.25


def culture(stimulus: str, readout: str, **changes: float) -> Culture:
    """The usual culture with other hours, density, serum or times; what is left are inputs of the model."""
    usual = Culture.usual(find_protocol(stimulus), readout)
    return replace(
        usual,
        hours=changes.pop("hours", usual.hours),
        cells_per_ml=changes.pop("cells_per_ml", usual.cells_per_ml),
        serum_percent=changes.pop("serum_percent", usual.serum_percent),
        add_at_hours=changes.pop("add_at_hours", 0.0),
        overrides=changes,
    )


def curve(drug: str, readout: str, stimulus: str, *, blood: bool = False, **changes: float) -> CurveSummary:
    """The dose-response; in blood over levels in whole blood."""
    return summarise_curve(GRID, _percent(drug, readout, stimulus, tuple(sorted(changes.items())), blood))


@lru_cache(maxsize=256)
def _percent(drug: str, readout: str, stimulus: str, changes: tuple[tuple[str, float], ...], blood: bool) -> Floats:
    asked = culture(stimulus, readout, **dict(changes))
    if blood:
        asked = blood_culture(asked)
    outside = blood_map(MODEL, drug).plasma(GRID) if blood else GRID
    return run_responses(MODEL, asked, drug, outside, {readout: asked.hours}).percent[readout][0]


def ic50(drug: str, readout: str, stimulus: str, *, blood: bool = False, **changes: float) -> float:
    """Half the control's signal, nM."""
    return curve(drug, readout, stimulus, blood=blood, **changes).ic50_absolute_nM


def _inhibition(asked: Culture, drug: str, outside_nM: float, readout: str) -> float:
    answer = run_responses(MODEL, asked, drug, np.array([outside_nM]), {readout: asked.hours})
    return 100.0 - float(answer.percent[readout][0, 0])


def inhibition(drug: str, level_nM: float, readout: str, stimulus: str, **changes: float) -> float:
    """Inhibition at one concentration, %."""
    return _inhibition(culture(stimulus, readout, **changes), drug, level_nM, readout)


def in_blood(drug: str, ng_per_ml: float, readout: str, stimulus: str, hours: float) -> float:
    """Inhibition at a level in whole blood, %."""
    level_nM = ng_per_ml / find_compound(drug).molar_mass_g_per_mol * 1000.0
    outside_nM = float(blood_map(MODEL, drug).plasma(np.array([level_nM]))[0])
    return _inhibition(blood_culture(culture(stimulus, readout, hours=hours)), drug, outside_nM, readout)


def kept(drug: str, level_nM: float, readout: str, stimulus: str, add_at_hours: float) -> float:
    """What is left of the inhibition when the drug comes late, %."""
    late = inhibition(drug, level_nM, readout, stimulus, add_at_hours=add_at_hours)
    return 100.0 * late / inhibition(drug, level_nM, readout, stimulus)


def _symbol(output: str) -> str:
    """A read-out by its name, or any variable of the model."""
    return MODEL.readouts[output].symbol if output in MODEL.readouts else output


def course(
    output: str,
    stimulus: str,
    times: Sequence[float],
    levels_nM: Mapping[str, float] = MappingProxyType({}),
    /,
    **changes: float,
) -> Floats:
    """A culture, usually untreated, at hours after the stimulus, (T,)."""
    asked = culture(stimulus, output if output in MODEL.readouts else "il2", **changes)
    doses = {drug: np.array([level]) for drug, level in levels_nM.items()}
    result = run_culture(MODEL, asked, doses, [_symbol(output)], np.unique([0.0, *times]))
    return np.asarray(result.output(_symbol(output))[0, -len(times) :])


def untreated(readout: str, stimulus: str, **changes: float) -> float:
    """The untreated culture at harvest; the background is not taken off."""
    hours = culture(stimulus, readout, **changes).hours
    return float(course(readout, stimulus, [hours], **changes)[0])


def treated(levels_nM: Mapping[str, Sequence[float]], output: str, stimulus: str, **changes: float) -> Floats:
    """Output at harvest under each combination over that under the first, (N,)."""
    asked = culture(stimulus, output if output in MODEL.readouts else "il2", **changes)
    doses = {drug: np.array(values, dtype=float) for drug, values in levels_nM.items()}
    found = run_culture(MODEL, asked, doses, [_symbol(output)], [0.0, asked.harvest_time]).output(_symbol(output))
    return np.asarray(found[:, -1] / found[0, -1])


def combination_index(one: str, two: str, readout: str, stimulus: str) -> float:
    """Index of Loewe at half effect, both drugs in the proportion of their IC50s."""
    halves = ic50(one, readout, stimulus), ic50(two, readout, stimulus)
    if not np.isfinite(halves).all():
        return math.nan
    factors = np.logspace(-1.5, 1.5, 13)
    levels = halves[0] * factors, halves[1] * factors
    surface = combine_drugs(MODEL, culture(stimulus, readout), (one, two), levels, readout)
    diagonal = np.arange(1, len(factors) + 1)
    effect, index = surface.inhibition[0][diagonal, diagonal], surface.index[0][diagonal, diagonal]
    between = np.isfinite(index) & (effect > 0.02) & (effect < 0.98)
    return float(np.interp(0.5, effect[between], index[between]))


def after_wash(drug: str, level_nM: float, output: str, hours: float) -> tuple[float, float]:
    """Resting cells with the drug for two hours, then one change of medium: output just before it and hours after."""
    end = LOADING_H + hours
    asked = replace(culture("none", "calcineurin", hours=end), wash_at_hours=LOADING_H)
    found = run_culture(MODEL, asked, {drug: np.array([level_nM])}, [output], [0.0, LOADING_H, end])
    return float(found.output(output)[0, 1]), float(found.output(output)[0, 2])


def after_sink(drug: str, level_nM: float, output: str, hours: float) -> tuple[float, float]:
    """The same where something outside takes up what the cells lose: the medium is emptied every quarter hour."""
    medium, end = f"{drug}.medium", LOADING_H + hours
    emptied = tuple(
        Event(
            f"emptied at {time:g}",
            apply("greater_equal", Symbol("time"), Number(float(time))),
            (Assignment(medium, Number(0.0)),),
        )
        for time in np.arange(LOADING_H, end, EMPTIED_EVERY_H)
    )
    reduced = without_inert_species(MODEL.model, [medium])
    compiled = compile_model(replace(reduced, events=(*reduced.events, *emptied)), (output,))
    inputs = {name: value for name, value in culture("none", "calcineurin").inputs().items() if name in compiled.inputs}
    found = simulate(compiled, [0.0, LOADING_H, end], inputs | {medium: level_nM}).output(output)
    return float(found[0, 1]), float(found[0, 2])
