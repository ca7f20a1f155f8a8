"""Published models from BioModels, where the reference data hold their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.problem import DISSIPATIVE, Floats, Problem, compile_states
from limus.kernel.language import read_model

__all__ = ["MODELS", "biomodels_problems"]

MODELS: Mapping[int, tuple[str, Floats]] = {
    122: ("Fisher 2006, NFAT under calcium pulses, events at known times", np.arange(0.0, 2000.0, 33.0)),
    123: ("Fisher 2006, NFAT activation", np.linspace(0.0, 2000.0, 81)),
    665: ("Fallon 2000, interleukin-2 and its receptor", np.linspace(0.0, 1440.0, 73)),
    678: ("Tomida 2003, NFAT under calcium pulses written with floor(time/period)", np.linspace(0.0, 60.0, 41)),
    823: ("Varusai 2018, mTOR and DEPTOR", np.linspace(0.0, 600.0, 121)),
    867: ("Coulibaly 2019, interleukin-15 and HIF-1a", np.linspace(0.0, 100.0, 101)),
}
FACTORS: Mapping[int, tuple[float, str]] = {
    122: (30.0, "LSODA is started anew at each of 30 events, at order one, and each start adds its own error."),
    665: (
        30.0,
        "Growth max(0, g(t)) has a kink where it starts; a step across it has an error that is seen only in part.",
    ),
}


def biomodels_problems(folder: Path) -> list[Problem]:
    """Return the models whose file is in the folder."""
    problems = []
    for number, (about, times) in MODELS.items():
        path = folder / f"BIOMD{number:010d}.xml"
        if path.is_file():
            problems.append(
                Problem(
                    f"biomodels_{number}",
                    f"BioModels {number}",
                    about,
                    compile_states(read_model(path)),
                    times,
                    *FACTORS.get(number, (10.0, DISSIPATIVE)),
                    absolute=1e-6,
                    breaks=_pulse_edges() if number == 678 else (),
                    settings=_calcium_pulses() if number == 122 else (),
                )
            )
    return problems


def _pulse_edges() -> tuple[float, ...]:
    """BIOMD0000000678: stimulus while time - floor(time/3)*3 < 1."""
    return tuple(time for k in range(20) for time in (3.0 * k, 3.0 * k + 1.0) if time > 0.0)


def _calcium_pulses() -> tuple[tuple[float, Mapping[str, float]], ...]:
    """BIOMD0000000122: calcium is 1 for 10 s of every 100 s until 1500 s, 0.1 otherwise; its events in time order."""
    low, high = ({"Ca_Cyt": value, "Ca_Nuc": value} for value in (0.1, 1.0))
    found: list[tuple[float, Mapping[str, float]]] = []
    for k in range(15):
        if k:
            found.append((100.0 * k, high | {"Time_in_Seconds": 100.0 * (k + 1)}))
        found.append((100.0 * k + 10.0, low))
    return (*found, (1500.0, low))
