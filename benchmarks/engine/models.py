"""The work that every solver gets: models with random parameter sets, as files that need nothing but NumPy to read.

Every peer gets the same equations. They come from limus' own :class:`System`; parts that depend on parameters only are
computed beforehand, as the engine of limus has them too, so that a peer does not pay for them in each call.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.language import (
    Expression,
    Symbol,
    derivative,
    free_symbols,
    read_model_text,
    transform,
    without_inert_species,
)
from limus.kernel.simulation import CompiledModel, Dose, compile_model
from limus.kernel.simulation.python_code import load_function, write_function
from limus.kernel.simulation.system import TIME, input_symbol, state_symbol
from limus.signalling.model_library import load_model

__all__ = ["Work", "cascade", "linear_pharmacokinetics", "network", "t_cell", "write"]

SEED = 20240607
PEER_SETS = 200
"""Parameter sets that peers get; limus gets all."""


@dataclass(frozen=True, eq=False)
class Work:
    """One model with N parameter sets, output times and doses that are alike for every set."""

    name: str
    model: CompiledModel
    parameters: dict[str, NDArray[np.float64]]
    times: NDArray[np.float64]
    doses: tuple[Dose, ...] = ()

    def rows(self) -> NDArray[np.float64]:
        """Return every input of every set, (N, I)."""
        count = max(np.size(values) for values in self.parameters.values())
        rows = np.tile(self.model.defaults, (count, 1))
        for name, values in self.parameters.items():
            rows[:, self.model.inputs.index(name)] = values
        return rows


def t_cell(sets: int) -> Work:
    """Return a T cell with tacrolimus under phytohaemagglutinin for 24 h, 49 outputs, all states."""
    whole = load_model("t_cell").model
    reduced = without_inert_species(whole, ["tacrolimus.medium"])
    model = compile_model(reduced, compile_model(reduced).states)
    usual = dict(zip(model.inputs, model.defaults, strict=True))
    random = np.random.default_rng(SEED)
    varied = ("calcineurin_total", "fkbp12_total", "il2_threshold", "mtorc1_total")
    parameters = {name: usual[name] * np.exp(0.3 * random.standard_normal(sets)) for name in varied}
    parameters["tacrolimus.medium"] = 10.0 ** random.uniform(-3.0, 3.0, sets)
    stimulus = {"stimulus_strength": 0.6, "costimulation": 0.5, "protein_kinase_c": 0.4}
    parameters |= {name: np.full(sets, value) for name, value in stimulus.items()}
    return Work("t_cell", model, parameters, np.linspace(0.0, 24.0, 49))


def linear_pharmacokinetics(sets: int) -> Work:
    """Return two compartments with first-order absorption, 60 doses 12 h apart, 200 irregular output times."""
    text = """model pk()
      compartment body = 1; species gut in body = 0, central in body = 0, peripheral in body = 0;
      absorption = 1; clearance = 5; central_volume = 50; exchange = 10; peripheral_volume = 100;
      absorb: gut => central; body*absorption*gut;
      eliminate: central => ; body*clearance/central_volume*central;
      leave: central => peripheral; body*exchange/central_volume*central;
      come_back: peripheral => central; body*exchange/peripheral_volume*peripheral;
    end"""
    description = read_model_text(text, language="antimony")
    model = compile_model(description, ("gut", "central", "peripheral"))
    random = np.random.default_rng(SEED)
    usual = dict(zip(model.inputs, model.defaults, strict=True))
    varied = ("absorption", "clearance", "central_volume", "exchange", "peripheral_volume")
    parameters = {name: usual[name] * np.exp(0.3 * random.standard_normal(sets)) for name in varied}
    times = np.concatenate(([0.0], np.sort(random.uniform(0.0, 720.0, 199))))
    doses = (Dose(0.0, "gut", 5.0, interval=12.0, additional=59),)
    return Work("linear_pk", model, parameters, times, doses)


def network(states: int, sets: int) -> Work:
    """Return a stiff random network: 2 reversible bindings a species, turnover, saturable steps; seeded by its size."""
    random = np.random.default_rng(SEED + states)
    lines = ["model network()", "compartment cell = 1;"]
    names: dict[str, float] = {}

    def rate(lowest: float, highest: float) -> str:
        names[f"k{len(names)}"] = float(10.0 ** random.uniform(lowest, highest))
        return f"k{len(names) - 1}"

    lines += [f"species x{i} in cell = {random.uniform(0.1, 1.0):.6g};" for i in range(states)]
    for i in range(states):
        source, sink = rate(-2.0, 0.0), rate(-2.0, 0.0)
        lines += [f"made{i}: => x{i}; cell*{source};", f"lost{i}: x{i} => ; cell*{sink}*x{i};"]
        a, b = (int(j) for j in random.choice([j for j in range(states) if j != i], 2, replace=False))
        on, off = rate(-1.0, 3.0), rate(-1.0, 3.0)
        lines.append(f"bind{i}: x{i} + x{a} => x{b}; cell*({on}*x{i}*x{a} - {off}*x{b});")
        fastest, half = rate(-1.0, 2.0), rate(-1.0, 0.0)
        lines.append(f"turn{i}: x{i} => x{(i + 1) % states}; cell*{fastest}*x{i}/({half} + x{i});")
    lines += [f"{name} = {value:.10g};" for name, value in names.items()]
    description = read_model_text("\n".join([*lines, "end"]), language="antimony")
    model = compile_model(description, tuple(f"x{i}" for i in range(states)))
    parameters = {name: value * np.exp(0.3 * random.standard_normal(sets)) for name, value in names.items()}
    times = np.concatenate(([0.0], np.geomspace(1e-3, 24.0, 48)))  # numbalsoda allows 500 steps from output to output
    return Work(f"network_{states}", model, parameters, times)


def cascade(states: int, sets: int) -> Work:
    """Return a signalling cascade of kinases with explicit complexes and a feedback, 5 states a tier.

    As in Huang and Ferrell (1996, PNAS 93:10078): the active kinase of a tier binds and activates that of the next, and
    a phosphatase of each tier undoes it, with rate constants of the same size as theirs (1000 per uM min, 150 per min).
    The last kinase slows the first activation and every fourth one makes a transcript of a protein that is lost.
    """
    tiers = states // 5
    random = np.random.default_rng(SEED + 1000 + states)
    lines = ["model cascade()", "compartment cell = 1;", "stimulus = 0.05; threshold = 0.3;"]
    names: dict[str, float] = {}

    def rate(usual: float) -> str:
        names[f"k{len(names)}"] = float(usual * np.exp(0.5 * random.standard_normal()))
        return f"k{len(names) - 1}"

    for i in range(tiers):
        total, phosphatase = random.uniform(0.5, 1.5), random.uniform(0.05, 0.2)
        lines.append(f"species x{i} in cell = {total:.6g}, a{i} in cell = 0, p{i} in cell = {phosphatase:.6g};")
        lines.append(f"species c{i} in cell = 0, d{i} in cell = 0;")
        if i == 0:
            lines.append(f"start: x0 => c0; cell*{rate(150.0)}*stimulus*x0*threshold/(threshold + a{tiers - 1});")
            lines.append(f"go0: c0 => a0; cell*{rate(150.0)}*c0;")
        else:
            lines.append(f"bind{i}: x{i} + a{i - 1} => c{i}; cell*({rate(1000.0)}*x{i}*a{i - 1} - {rate(150.0)}*c{i});")
            lines.append(f"go{i}: c{i} => a{i} + a{i - 1}; cell*{rate(150.0)}*c{i};")
        lines.append(f"stop{i}: a{i} + p{i} => d{i}; cell*({rate(1000.0)}*a{i}*p{i} - {rate(150.0)}*d{i});")
        lines.append(f"back{i}: d{i} => x{i} + p{i}; cell*{rate(150.0)}*d{i};")
        if i % 4 == 3:  # transcription of the phosphatase of the next tier, or of the last
            j = min(i + 1, tiers - 1)
            lines.append(f"made{i}: => p{j}; cell*{rate(0.05)}*a{i}^2/({rate(0.3)}^2 + a{i}^2);")
            lines.append(f"lost{i}: p{j} => ; cell*{rate(0.3)}*p{j};")
    lines += [f"{name} = {value:.10g};" for name, value in names.items()]
    description = read_model_text("\n".join([*lines, "end"]), language="antimony")
    model = compile_model(description, compile_model(description).states)
    parameters = {name: value * np.exp(0.3 * random.standard_normal(sets)) for name, value in names.items()}
    times = np.concatenate(([0.0], np.geomspace(1e-3, 24.0, 48)))
    return Work(f"cascade_{states}", model, parameters, times)


def write(work: Work, folder: Path) -> Path:
    """Write what a peer needs of a piece of work; return the file without its suffix."""
    model = work.model
    rows = work.rows()[:PEER_SETS]
    derivatives, jacobian, constants = _without_constants(model)
    variables = {state_symbol(name): f"y[{i}]" for i, name in enumerate(model.states)} | {TIME: "t"}
    held = {f"constant:{i}": f"p[{i}]" for i in range(len(constants))}
    by_input = {input_symbol(name): f"p[{i}]" for i, name in enumerate(model.inputs)} | {TIME: "t"}
    compute = load_function("constants", write_function("constants", by_input, constants, careful=False), False)
    start = float(work.times[0])
    doses = [
        {"time": dose.time + k * dose.interval, "state": model.states.index(dose.target), "amount": dose.amount}
        for dose in work.doses
        for k in range(dose.additional + 1)
    ]
    about = {
        "name": work.name,
        "derivatives": write_function("derivatives", variables | held, derivatives, careful=False),
        "jacobian": write_function("jacobian", variables | held, jacobian, careful=False),
        "jacobian_places": model.jacobian_places,
        "doses": doses,
    }
    path = folder / work.name
    path.with_suffix(".pickle").write_bytes(pickle.dumps(work))
    path.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
    np.savez(
        path.with_suffix(".npz"),
        times=work.times,
        constants=np.array([compute(start, [], row) for row in rows.tolist()]),
        initial=np.array([model.evaluate("initial", start, [], row) for row in rows.tolist()]),
    )
    return path


def _without_constants(model: CompiledModel) -> tuple[list[Expression], list[Expression], list[Expression]]:
    """Derivatives and Jacobian with each largest part that depends on parameters only replaced by a symbol."""
    system = model.system
    found: dict[Expression, Symbol] = {}

    def change(node: Expression) -> Expression | None:
        symbols = free_symbols(node)
        if symbols and all(name.startswith(input_symbol("")) for name in symbols):
            return found.setdefault(node, Symbol(f"constant:{len(found)}"))
        return None

    derivatives = [transform(expression, change) for expression in system.derivatives]
    names = [state_symbol(name) for name in system.states]
    slopes = [transform(derivative(system.derivatives[i], names[j]), change) for i, j in model.jacobian_places]
    return derivatives, slopes, list(found)
