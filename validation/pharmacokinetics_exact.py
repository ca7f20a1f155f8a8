"""Every shipped population model against scipy, and steady state against very many doses.

scipy knows nothing of the engine: the right-hand sides are evaluated number by number from the model's text, doses are
added between pieces, lag and bioavailability are evaluated beside them. Linear models are propagated by
``scipy.linalg.expm`` of the matrix that the right-hand sides of unit vectors give; all are also integrated by LSODA at
1e-12. Random effects are not 0, so that every formula counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from limus.kernel.language import evaluate_arrays
from limus.kernel.simulation.system import TIME, build_system, input_symbol, state_symbol
from limus.kernel.units import convert
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exposure import find_exposure
from limus.pharmacokinetics.population_model.library import load_population_model, population_model_names
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_simulation import simulate_population
from limus.pharmacokinetics.regimen import Regimen, regimen_events

Floats = NDArray[np.float64]
LIMIT_EXACT, LIMIT_LSODA, LIMIT_STEADY = 1e-12, 1e-9, 1e-10
_DOSE_TIMES_H = (0.0, 11.5, 24.0, 40.0)
_DOSE_SHARES = (1.0, 0.5, 2.0, 1.0)
_OBSERVED_H = np.sort(np.concatenate([np.geomspace(0.05, 60.0, 45), [11.5, 24.0, 40.0]]))


@dataclass(frozen=True, eq=False)
class Equations:
    """A model with numbers put in: f(y) for the states, the level of a state, lag and bioavailability."""

    model: PopulationModel
    system: Any
    known: dict[str, Any]

    def rates(self, state: Floats) -> Floats:
        names = dict(zip(map(state_symbol, self.system.states), map(np.asarray, state), strict=True))
        at = self.known | names
        return np.array([float(evaluate_arrays(e, at)) for e in self.system.derivatives])

    def output(self, name: str, state: Floats) -> float:
        names = dict(zip(map(state_symbol, self.system.states), map(np.asarray, state), strict=True))
        place = self.system.outputs.index(name)
        return float(evaluate_arrays(self.system.output_expressions[place], self.known | names))


def effects_of(model: PopulationModel) -> dict[str, float]:
    """Effects of a third of a standard deviation, up and down by turns."""
    found = {}
    for level in (model.between_subject, model.between_occasion):
        for k, name in enumerate(level.names):
            found[name] = (-1.0) ** k / 3.0 * float(np.sqrt(level.covariance[k, k]))
    return found


def equations_of(model: PopulationModel) -> Equations:
    values = dict(model.typical.covariates) | effects_of(model)
    names = [model.observation.output, model.dosing.lag, model.dosing.bioavailability]
    system = build_system(model.model.with_values(values), [name for name in names if name])
    known = {input_symbol(n): np.asarray(v) for n, v in zip(system.inputs, system.defaults, strict=True)}
    return Equations(model, system, known | {TIME: np.asarray(0.0)})


def propagate(equations: Equations, how: str) -> Floats:
    """Levels at the observed times by scipy."""
    model, system = equations.model, equations.system
    size = len(system.states)
    zero = np.zeros(size)
    lag = equations.output(model.dosing.lag, zero) if model.dosing.lag else 0.0
    fraction = equations.output(model.dosing.bioavailability, zero) if model.dosing.bioavailability else 1.0
    place = system.states.index(model.dosing.compartment)
    matrix = np.stack([equations.rates(row) for row in np.eye(size)], axis=1)
    doses = {
        time + lag: share * model.typical.dose * _to_mg(model) * model.dosing.salt_factor * fraction
        for time, share in zip(_DOSE_TIMES_H, _DOSE_SHARES, strict=True)
    }
    stops = sorted({*doses, *_OBSERVED_H.tolist()})
    state, now, levels = zero, 0.0, {}
    for stop in stops:
        if stop > now:
            if how == "expm":
                state = expm(matrix * (stop - now)) @ state
            else:
                solved = solve_ivp(lambda _, y: matrix @ y, (now, stop), state, method="LSODA", rtol=1e-12, atol=1e-16)
                state = solved.y[:, -1]
            now = stop
        levels[stop] = equations.output(model.observation.output, state)
        if stop in doses:
            state = state.copy()
            state[place] += doses[stop]
    return np.array([levels[time] for time in _OBSERVED_H.tolist()])


def _to_mg(model: PopulationModel) -> float:
    return convert(1.0, model.units.AMT, "mg")


def linear_error(model: PopulationModel) -> float:
    """How far the right-hand sides are from being linear, at an odd state."""
    equations = equations_of(model)
    size = len(equations.system.states)
    matrix = np.stack([equations.rates(row) for row in np.eye(size)], axis=1)
    odd = np.linspace(0.3, 7.0, size)
    return float(np.abs(equations.rates(odd) - matrix @ odd).max() / np.abs(matrix @ odd).max())


def limus_levels(model: PopulationModel) -> Floats:
    covariates = {name: [value] for name, value in model.typical.covariates.items()}
    columns: dict[str, Any] = {
        "ID": [1] * len(_DOSE_TIMES_H),
        "TIME": list(_DOSE_TIMES_H),
        "AMT": [share * model.typical.dose for share in _DOSE_SHARES],
        "DV": [np.nan] * len(_DOSE_TIMES_H),
    } | {name: value * len(_DOSE_TIMES_H) for name, value in covariates.items()}
    units = TableUnits(model.units.AMT, model.units.DV)
    table = event_table_from_arrays(columns, units=units, covariates=list(covariates))
    effects: dict[str, Any] = {
        name: [[value]] if name in model.between_occasion.names else [value]
        for name, value in effects_of(model).items()
    }
    return simulate_population(model, table, _OBSERVED_H, effects=effects).level[0]


def against_scipy(name: str) -> dict[str, float]:
    """Largest error over the largest level, by either method."""
    model = load_population_model(name)
    ours, equations = limus_levels(model), equations_of(model)
    found = {"not linear": linear_error(model)}
    for how in ("expm", "LSODA"):
        theirs = propagate(equations, how)
        found[how] = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    return found


def steady_against_many(name: str) -> tuple[float, int]:
    """Largest relative difference of area, trough and peak between steady state and many doses; how many."""
    model = load_population_model(name)
    covariates = {key: [value] for key, value in model.typical.covariates.items()}
    system = equations_of(model)
    size = len(system.system.states)
    slowest = -np.linalg.eigvals(np.stack([system.rates(row) for row in np.eye(size)], axis=1)).real.max()
    every = model.typical.interval_h
    count = int(np.ceil(45.0 / (slowest * every)))
    dose = model.typical.dose * _to_mg(model)
    one = find_exposure(model, regimen_events([Regimen(dose, every, steady_state=True)], covariates=covariates))
    many = find_exposure(model, regimen_events([Regimen(dose, every, count)], covariates=covariates), only_last=True)
    pairs = [(getattr(one, key)[0], getattr(many, key)[0]) for key in ("auc", "trough", "cmax")]
    return max(abs(a / b - 1.0) for a, b in pairs), count


def outcomes() -> list[tuple[str, str, str, bool]]:
    """Claim, against what, result, whether it holds."""
    names = population_model_names()
    errors = {name: against_scipy(name) for name in names}
    found = []
    for how, limit in (("expm", LIMIT_EXACT), ("LSODA", LIMIT_LSODA)):
        worst = max(names, key=lambda name, how=how: errors[name][how])
        result = f"{len(names)} models, largest error {errors[worst][how]:.1e} of the highest level ({worst})"
        against = f"scipy {scipy.__version__} {how}" + (", relative tolerance 1e-12" if how == "LSODA" else "")
        holds = errors[worst][how] <= limit and errors[worst]["not linear"] < 1e-12
        found.append(("levels of every shipped model are exact", against, f"{result}; limit {limit:.0e}", holds))
    many = {name: steady_against_many(name) for name in names}
    worst = max(names, key=lambda name: many[name][0])
    most = max(count for _, count in many.values())
    result = f"area, trough, peak: largest difference {many[worst][0]:.1e} ({worst}); limit {LIMIT_STEADY:.0e}"
    against = f"the last of up to {most:,} doses, 45 times the slowest time constant"
    found.append(("steady state is where many doses lead", against, result, many[worst][0] <= LIMIT_STEADY))
    return found


if __name__ == "__main__":
    for row in outcomes():
        print(*row, sep=" | ")
