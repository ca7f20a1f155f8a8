"""NFAT in three models through the same experiments: Fisher 2006, Tomida 2003 and the module of the T-cell model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.language import read_model
from limus.kernel.simulation import CompiledModel, InputChanges, Treatment, compile_model, simulate
from limus.signalling.model_library import load_model

Floats = NDArray[np.float64]
NUCLEUS = ("NFAT_Nuc", "NFAT_Pi_Nuc", "NFAT_Act_C_Nuc", "NFAT_Pi_Act_C_Nuc")
CYTOSOL = tuple(name.replace("Nuc", "Cyt") for name in NUCLEUS)
NUCLEUS_L, CYTOSOL_L = 1.13e-13, 2.69e-13  # of the files
REST_NM, STRONG_NM = 100.0, 1000.0
SHARE = "nfat.nuclear_fraction"
MINUTES = np.concatenate(([0.0], np.geomspace(0.05, 6000.0, 400)))
CALCIUM = np.array([100.0, 150.0, 200.0, 300.0, 400.0, 500.0, 700.0, 1000.0, 2000.0])
INPUTS = ("calcium_held", "nfat.reference_calcineurin")
LONG_H = 100.0


@dataclass(frozen=True, eq=False)
class Course:
    """A nuclear share of NFAT over time, minutes."""

    minutes: Floats
    share: Floats

    @property
    def half_time(self) -> float:
        """When half of the way from the first to the last value is done, min."""
        way = (self.share - self.share[0]) / (self.share[-1] - self.share[0])
        after = int(np.argmax(way >= 0.5))
        part = (0.5 - way[after - 1]) / (way[after] - way[after - 1])
        return float(self.minutes[after - 1] + part * (self.minutes[after] - self.minutes[after - 1]))


@dataclass(frozen=True, eq=False)
class Kinetics:
    """What the three models are compared in."""

    entry: Course
    leaving: Course
    calcium: Floats
    steady: Floats
    fisher_pulses: float
    tomida_pulses: float

    @property
    def half_calcium(self) -> float:
        """Calcium at half the share under 1 uM, nM; NaN where calcium is no input."""
        if not len(self.calcium):
            return float("nan")
        strong = float(np.interp(STRONG_NM, self.calcium, self.steady))
        return float(np.interp(0.5 * strong, self.steady, self.calcium))


def solve(
    model: CompiledModel, times: Floats, inputs: Mapping[str, Any] | None = None, treatment: Treatment | None = None
) -> dict[str, Floats]:
    result = simulate(model, times, inputs, doses=treatment or (), relative_tolerance=1e-9, absolute_tolerance=1e-14)
    result.require_success("anchor")
    return {name: result.output(name) for name in result.outputs}


def file_of(data: Path, number: int) -> Path:
    return data / "biomodels" / f"BIOMD{number:010d}.xml"


def published(data: Path, number: int) -> CompiledModel:
    return compile_model(read_model(file_of(data, number)))


def nuclear_share(found: Mapping[str, Floats]) -> Floats:
    """Of Fisher's models, (N, T)."""
    inside = sum(found[name] for name in NUCLEUS) * NUCLEUS_L
    outside = sum(found[name] for name in CYTOSOL) * CYTOSOL_L
    return np.asarray(inside / (inside + outside))


def fisher(data: Path) -> Kinetics:
    """Fisher 2006, model 122 past its own events; calcium held, from its steady state at 100 nM."""
    model, late = published(data, 122), 2000.0
    quiet: dict[str, Any] = {"Time_in_Seconds": 1e9}
    states = [s for s in model.outputs if not s.startswith("Ca_")]

    def held(calcium: Any, start: Mapping[str, Floats] | None = None, **more: float) -> dict[str, Any]:
        return quiet | {"Ca_Cyt": calcium, "Ca_Nuc": calcium} | dict(start or {}) | more

    times = late + 60.0 * MINUTES
    rest = solve(model, times, held(0.1))
    resting = {s: rest[s][:, -1] for s in states}
    steps = solve(model, times, held(CALCIUM / 1000.0, {s: np.repeat(v, len(CALCIUM)) for s, v in resting.items()}))
    strong = int(np.searchsorted(CALCIUM, STRONG_NM))
    full = {s: steps[s][strong : strong + 1, -1] for s in states}
    # calcineurin blocked and calcium back: no activation any more
    after = solve(model, times, held(0.1, full, k19=0.0))
    pulse = solve(published(data, 122), np.array([0.0, 1500.0]))
    sustained = solve(model, late + np.array([0.0, 1500.0]), held(1.0))
    shares = nuclear_share(steps)
    return Kinetics(
        Course(MINUTES, shares[strong]),
        Course(MINUTES, nuclear_share(after)[0]),
        CALCIUM,
        shares[:, -1],
        float(nuclear_share(pulse)[0, -1] / nuclear_share(sustained)[0, -1]),
        float("nan"),
    )


def tomida(data: Path) -> Kinetics:
    """Tomida 2003; the stimulus is on or off, so that there is no share over calcium."""
    model = published(data, 678)
    on = {"stim_duration": 10.0, "stim_frequency": 3.0}
    entry = solve(model, MINUTES, on)
    start = {name: entry[name][:, -1] for name in ("NFAT_phosphorylated", "NFAT_dephosphorylated")}
    after = solve(model, MINUTES, on | start | {"k1": 0.0})
    hour = np.array([0.0, 60.0])
    pulses, sustained = solve(model, hour), solve(model, hour, on)
    return Kinetics(
        Course(MINUTES, entry["NFAT_transported"][0]),
        Course(MINUTES, after["NFAT_transported"][0]),
        np.array([]),
        np.array([entry["NFAT_transported"][0, -1]]),
        float("nan"),
        float(pulses["NFAT_transported"][0, -1] / sustained["NFAT_transported"][0, -1]),
    )


def changes(*steps: tuple[float, str, Any]) -> Treatment:
    """Inputs of the subjects from a time on, h: the calcium held, one value a subject, or how active calcineurin is."""
    rows = [
        (INPUTS.index(name), subject, time, float(value))
        for time, name, values in steps
        for subject, value in enumerate(np.atleast_1d(values))
    ]
    which, subject, time, value = zip(*rows, strict=True)
    return Treatment.create(changes=InputChanges.create(INPUTS, input=which, subject=subject, time=time, value=value))


def ours(content: float | None = None) -> Kinetics:
    """The NFAT module with the T-cell model's numbers, its fitted calcineurin by default; 100 h at rest first."""
    model = compile_model(load_model("calcium_oscillation").model, (SHARE,))
    content = content or load_model("t_cell").parameters["calcineurin_total"].value
    quiet: dict[str, Any] = {"stimulus_strength": 0.0, "calcineurin_total": content, "calcium_held": REST_NM}

    def course(times_h: Floats, treatment: Treatment, subjects: int = 1) -> Floats:
        inputs = quiet | {"calcium_held": np.full(subjects, REST_NM)}
        return solve(model, np.concatenate(([-LONG_H], times_h)), inputs, treatment)[SHARE][:, 1:]

    hours = MINUTES / 60.0
    steps = course(hours, changes((0.0, "calcium_held", CALCIUM)), len(CALCIUM))
    # so much calcineurin to be active against: none is left
    blocked = changes(
        (0.0, "calcium_held", STRONG_NM),
        (LONG_H, "calcium_held", REST_NM),
        (LONG_H, "nfat.reference_calcineurin", 1e12),
    )
    after = course(LONG_H + hours, blocked)

    def build_up(period_s: float, duration_s: float, count: int) -> float:
        edges = [
            (k * period_s + at, level) for k in range(count) for at, level in ((0.0, STRONG_NM), (duration_s, REST_NM))
        ]
        pulses = changes(*((second / 3600.0, "calcium_held", level) for second, level in edges))
        end = np.array([period_s * count / 3600.0])
        sustained = course(end, changes((0.0, "calcium_held", STRONG_NM)))
        return float(course(end, pulses)[0, 0] / sustained[0, 0])

    strong = int(np.searchsorted(CALCIUM, STRONG_NM))
    return Kinetics(
        Course(MINUTES, steps[strong]),
        Course(MINUTES, after[0]),
        CALCIUM,
        steps[:, -1],
        build_up(100.0, 10.0, 15),
        build_up(180.0, 60.0, 20),
    )
