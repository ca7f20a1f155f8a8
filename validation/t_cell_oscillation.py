"""Check that the period-averaged calcium of the T-cell model is right for runs of more than two hours.

    python validation/t_cell_oscillation.py [--figure FILE.png]

The model ``calcium_oscillation`` (store release, CRAC entry) drives the calcineurin and NFAT module of the T-cell model
with calcium that oscillates. The same module is then driven by two constants: the calcium at which calcineurin is as
active as on average over the oscillation, and the plain mean of calcium. The first must give the nuclear share of NFAT
within 10 % from two hours on, ripple included; how wrong the second is, is shown. Levels of stimulus, and half of
calcineurin taken away as by a drug. 10 % of the share is small beside what a threshold on it is fitted to (a potency is
known to a factor of 1.6).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation import CompiledModel, compile_model, simulate
from limus.report.figures.base import drawing_style, new_panels
from limus.signalling.culture import Culture, run_culture
from limus.signalling.model_library import load_model
from limus.signalling.protocol import find_protocol

STRENGTHS = (0.4, 0.6, 0.8, 1.0)
HELD = (0.0, 0.5)
HOURS = 10.0
FROM_HOURS = 2.0
TOLERANCE = 0.10
PERIOD_MINUTES = (1.0, 3.0)
STEP = 3.0 / 3600.0
LANES = 4
NUCLEAR, ACTIVE = "nfat.nuclear_fraction", "nfat.active_fraction"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """One line of the matrix."""

    claim: str
    against: str
    result: str
    passed: bool | None


@dataclass(frozen=True, eq=False)
class Courses:
    """One condition: what oscillates, and the shares under the two constants."""

    strength: float
    held_fraction: float
    times: Floats
    calcium: Floats
    share: Floats
    period_min: float
    equal_activity_nM: float  # noqa: N815
    mean_nM: float  # noqa: N815
    share_equal_activity: Floats
    share_mean: Floats

    def error(self, share: Floats) -> float:
        """Largest relative difference from two hours on."""
        late = self.times >= FROM_HOURS
        return float(np.max(np.abs(share[late] / self.share[late] - 1.0)))

    @property
    def ripple(self) -> float:
        """Half the range of the share over the last five periods, relative to its mean."""
        last = self.share[self.times > self.times[-1] - 5 * self.period_min / 60.0]
        return float(np.ptp(last) / 2.0 / last.mean())


def compiled() -> CompiledModel:
    return compile_model(load_model("calcium_oscillation").model, ("calcium", NUCLEAR, ACTIVE))


def run(model: CompiledModel, times: Floats, inputs: dict[str, Any]) -> dict[str, Floats]:
    result = simulate(model, times, inputs, relative_tolerance=1e-7, absolute_tolerance=1e-9)
    result.require_success("calcium oscillation")
    return {name: result.output(name) for name in result.outputs}


def rises(times: Floats, values: Floats) -> Floats:
    """Times at which a course crosses its own middle upwards."""
    middle = 0.5 * (values.min() + values.max())
    at = np.flatnonzero((values[:-1] < middle) & (values[1:] >= middle))
    return times[at] + (middle - values[at]) / (values[at + 1] - values[at]) * np.diff(times)[at]


def calcium_for(active: float) -> float:
    """Calcium at which a share of calcineurin is active, nM: the module's equation turned round."""
    p = {name: q.value for name, q in load_model("calcium_oscillation").parameters.items()}
    half = p["nfat.half_activation"] ** p["nfat.hill"]
    half *= 1.0 + p["nfat.calmodulin_dissociation_constant"] / p["nfat.calmodulin"]
    return float((half * active / (1.0 - active)) ** (1.0 / p["nfat.hill"]))


@lru_cache(maxsize=1)
def courses() -> tuple[Courses, ...]:
    """Every condition: oscillating, and under both constants."""
    model, times = compiled(), np.arange(0.0, HOURS + STEP / 2, STEP)
    strength, held = (a.ravel() for a in np.meshgrid(STRENGTHS, HELD, indexing="ij"))
    swinging = run(model, times, {"stimulus_strength": strength, "calcineurin_held_fraction": held})
    found = []
    for i in range(len(strength)):
        late = times >= FROM_HOURS
        at = rises(times[late], swinging["calcium"][i, late])
        whole = (times >= at[0]) & (times < at[-1])  # whole periods
        equal = calcium_for(float(swinging[ACTIVE][i, whole].mean()))
        mean = float(swinging["calcium"][i, whole].mean())
        constant = run(
            model,
            times,
            {
                "stimulus_strength": 0.0,
                "calcineurin_held_fraction": float(held[i]),
                "calcium_held": np.array([equal, mean]),
            },
        )[NUCLEAR]
        period = float(np.diff(at).mean() * 60.0)
        found.append(
            Courses(
                strength=float(strength[i]),
                held_fraction=float(held[i]),
                times=times,
                calcium=swinging["calcium"][i],
                share=swinging[NUCLEAR][i],
                period_min=period,
                equal_activity_nM=equal,
                mean_nM=mean,
                share_equal_activity=constant[0],
                share_mean=constant[1],
            )
        )
    return tuple(found)


def cost() -> tuple[float, float, float]:
    """Processor seconds of 72 h: oscillating, constant, and the whole T-cell model; the usual tolerances."""
    model, times, spent = compiled(), np.array([0.0, 72.0]), []
    for inputs in ({"stimulus_strength": 1.0}, {"stimulus_strength": 0.0, "calcium_held": 500.0}):
        many = {name: np.full(LANES, value) for name, value in inputs.items()}
        for _ in range(2):  # the first call compiles
            begun = time.process_time()
            simulate(model, times, many, relative_tolerance=1e-6, absolute_tolerance=1e-9)
        spent.append((time.process_time() - begun) / LANES)
    culture = replace(Culture.usual(find_protocol("anti_cd3_cd28"), "nfat"), hours=72.0)
    for _ in range(2):
        begun = time.process_time()
        run_culture(load_model("t_cell"), culture, {"tacrolimus": np.full(LANES, 1.0)}, [NUCLEAR], times)
    return spent[0], spent[1], (time.process_time() - begun) / LANES


def t_cell_share(calcium: float, hours: Floats) -> Floats:
    """Nuclear share in the T-cell model with that calcium and as much calcineurin, no drug."""
    culture = replace(Culture.usual(find_protocol("anti_cd3_cd28"), "nfat"), hours=float(hours[-1]))
    values = {
        "stimulus_strength": 1.0,
        "calcium_stimulated": calcium,
        "calcineurin_total": load_model("calcium_oscillation").parameters["calcineurin_total"].value,
    }
    result = run_culture(
        load_model("t_cell"), culture, {"tacrolimus": np.zeros(1)}, [NUCLEAR], hours, parameters=values
    )
    return result.output(NUCLEAR)[0]


def outcomes() -> Iterator[Outcome]:
    """Everything, a row each."""
    all_courses = courses()
    rest = run(compiled(), np.array([0.0, 6.0, 12.0]), {"stimulus_strength": 0.0})
    yield Outcome(
        "without a stimulus calcium rests and NFAT is outside the nucleus",
        "definition of rest: calcium below 150 nM and steady, nuclear share below 0.01",
        f"calcium {rest['calcium'][0, -1]:.0f} nM, nuclear share {rest[NUCLEAR][0, -1]:.1e}",
        bool(
            rest["calcium"][0, -1] < 150.0
            and abs(rest["calcium"][0, 2] / rest["calcium"][0, 1] - 1.0) < 0.01
            and rest[NUCLEAR][0, -1] < 0.01
        ),
    )
    for one in all_courses:
        late = one.calcium[one.times >= FROM_HOURS]
        if one.held_fraction == 0.0:
            yield Outcome(
                f"calcium oscillates with a period of 1 to 3 min at stimulus {one.strength:g}",
                "periods of minutes in T cells; the constants of calcium handling were chosen for it",
                f"period {60 * one.period_min:.0f} s, {late.min():.0f} to {late.max():.0f} nM, "
                f"mean {one.mean_nM:.0f} nM",
                bool(PERIOD_MINUTES[0] <= one.period_min <= PERIOD_MINUTES[1]),
            )
    for one in all_courses:
        error = one.error(one.share_equal_activity)
        plain = one.share_mean[-1] / one.share[-1]
        yield Outcome(
            f"constant calcium of equal calcineurin activity gives the NFAT of the oscillation from 2 to {HOURS:g} h: "
            f"stimulus {one.strength:g}, {100 * one.held_fraction:.0f} % of calcineurin held",
            "the oscillating module, same NFAT module; within 10 %, ripple included",
            f"nuclear share {one.share[-1]:.3f}, largest difference {100 * error:.1f} % at "
            f"{one.equal_activity_nM:.0f} nM (ripple {100 * one.ripple:.1f} %); the plain mean of {one.mean_nM:.0f} nM "
            f"gives {plain:.2f} times the share",
            error <= TOLERANCE,
        )
    strongest = next(one for one in all_courses if one.strength == 1.0 and one.held_fraction == 0.0)
    hours = np.array([0.0, 2.0, 4.0, 8.0])
    share = t_cell_share(strongest.equal_activity_nM, hours)
    swinging = np.interp(hours, strongest.times, strongest.share)
    worst = float(np.max(np.abs(share[1:] / swinging[1:] - 1.0)))
    yield Outcome(
        "the T-cell model with that constant shows the same NFAT",
        "oscillating module, stimulus 1, at 2, 4 and 8 h; within 10 %",
        ", ".join(f"{a:.3f} for {b:.3f}" for a, b in zip(share[1:], swinging[1:], strict=True)),
        worst <= TOLERANCE,
    )
    dear, cheap, whole = cost()
    yield Outcome(
        "averaging saves what makes 72 h dear",
        "processor time of 72 h at a relative tolerance of 1e-6; at least 20 times the whole T-cell model",
        f"{1000 * dear:.0f} ms oscillating; {1000 * whole:.2f} ms the whole T-cell model with a drug and averaged "
        f"calcium ({dear / whole:.0f} times), {1000 * cheap:.2f} ms the same small model with constant calcium",
        dear / whole >= 20.0,
    )


def draw(path: Path) -> None:
    """Calcium over ten minutes, and NFAT under the oscillation and the two constants."""
    with drawing_style():
        figure, (left, right) = new_panels(2, columns=2, height_in=3.0)
        for one, colour in zip((c for c in courses() if c.held_fraction == 0.0), ("C0", "C1", "C2", "C3"), strict=True):
            part = (one.times >= 4.0) & (one.times <= 4.0 + 10.0 / 60.0)
            left.plot(60.0 * (one.times[part] - 4.0), one.calcium[part], color=colour, linewidth=1.1)
            right.plot(one.times, one.share, color=colour, linewidth=1.6, label=f"stimulus {one.strength:g}")
            right.plot(one.times, one.share_equal_activity, color="black", linestyle="--", linewidth=0.8)
            right.plot(one.times, one.share_mean, color=colour, linestyle=":", linewidth=1.2)
        left.set_xlabel("Minutes")
        left.set_ylabel("Calcium (nM)")
        right.set_xlabel("Hours")
        right.plot([], [], "k--", linewidth=0.8, label="equal calcineurin activity")
        right.plot([], [], "k:", linewidth=1.2, label="mean calcium")
        right.set_ylim(0.0, 0.46)
        right.set_ylabel("NFAT in the nucleus (share)")
        right.legend(fontsize=7, ncols=2, loc="upper right")
        figure.savefig(path, dpi=120)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, help="PNG to draw")
    options = parser.parse_args()
    found = list(outcomes())
    for one in found:
        print(f"{'holds' if one.passed else 'FAILS':6}{one.claim} [{one.against}]: {one.result}")
    print(f"{sum(bool(one.passed) for one in found)} of {len(found)} hold")
    if options.figure:
        draw(options.figure)


if __name__ == "__main__":
    main()
