"""The population as arrays that every solver reads, and its exact levels for a few subjects."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from limus.kernel.execution import spawn_generators
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.random_effects import draw_random_effects

__all__ = ["HOURS", "reference", "write"]

MODEL = "Woillard_2011"
HOURS, EVERY_H, WEEK_H, TIMES = 720.0, 12.0, 168.0, 200


def write(subjects: int, folder: Path) -> Path:
    """Draw a population; the parameters of each week are computed here, by the equations that the paper prints."""
    random = np.random.default_rng(7)
    model = load_population_model(MODEL)
    drawn = draw_random_effects(model, subjects, 1, spawn_generators(7, 1)[0])
    effects = {name: drawn[name] for name in model.between_subject.names}
    weeks = int(np.ceil(HOURS / WEEK_H))
    haematocrit = np.clip(
        random.normal(33, 3, (subjects, 1)) + np.cumsum(random.normal(0.5, 1, (subjects, weeks)), axis=1), 21, 46
    )
    expresser = (random.random(subjects) < 0.15).astype(float)
    value = {name: entry.value for name, entry in model.values.items()}
    clearance = value["CL_typical"] * (haematocrit / value["HCT_reference"]) ** value["CL_HCT"]
    clearance = clearance * (value["CL_expresser"] ** expresser * np.exp(effects["eta_CL"]))[:, None]
    columns = {
        "haematocrit": haematocrit,
        "expresser": expresser,
        "dose_mg": random.choice([1.0, 2.0, 3.0, 4.0], subjects),
        "times_h": np.sort(random.uniform(0.0, HOURS, (subjects, TIMES)), axis=1),
        "clearance": clearance,
        "ktr": value["ktr_typical"] * value["ktr_immediate_release"] * np.exp(effects["eta_ktr"]),
        "Vc": value["Vc_typical"] * value["Vc_immediate_release"] * np.exp(effects["eta_Vc"]),
        "Q": value["Q_typical"] * np.exp(effects["eta_Q"]),
        "Vp": value["Vp_typical"] * np.exp(effects["eta_Vp"]),
    }
    path = folder / "population.npz"
    np.savez(path, **columns, **{f"effect_{name}": array for name, array in effects.items()})
    return path


def reference(case: Path, count: int) -> np.ndarray:
    """Levels of the first subjects by matrix exponentials from stop to stop."""
    from scipy.linalg import expm  # noqa: PLC0415

    data = np.load(case)
    found = np.empty((count, TIMES))
    for n in range(count):
        ktr, vc, q, vp = (float(data[name][n]) for name in ("ktr", "Vc", "Q", "Vp"))
        doses, changes = np.arange(0.0, HOURS, EVERY_H), np.arange(WEEK_H, HOURS, WEEK_H)
        stops = np.unique(np.concatenate([doses, changes, data["times_h"][n]]))
        state, now, levels = np.zeros(5), 0.0, {}
        for stop in stops.tolist():
            week = int(now // WEEK_H)
            out = float(data["clearance"][n, week]) / vc
            rates = np.zeros((5, 5))
            for k in range(3):
                rates[k, k], rates[k + 1, k] = -ktr, ktr
            rates[3, 3] = -out - q / vc
            rates[4, 3], rates[3, 4], rates[4, 4] = q / vc, q / vp, -q / vp
            state = expm(rates * (stop - now)) @ state
            now, levels[stop] = stop, state[3] / vc * 1e3
            if stop % EVERY_H == 0.0:
                state[0] += float(data["dose_mg"][n])
        found[n] = [levels[time] for time in data["times_h"][n].tolist()]
    return found
