"""The models that limus exists for: the T cell, linear and saturable pharmacokinetics, stimuli and doses on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.closed_form import linear_answer, redosed_answer
from engine.problem import DISSIPATIVE, Floats, Problem, Threshold, compile_states, own_model
from limus.kernel.simulation import CompiledModel, Dose
from limus.signalling.model_library import load_model
from limus.signalling.protocol import load_protocols

__all__ = ["pharmacology_problems"]

SEED = 20260601
SETS = 24
STIMULI = ("pha", "anti_cd3", "mlr", "il2")
START_H = 1.0  # of the stimulus: cells are pre-incubated
TREATMENTS: tuple[Mapping[str, float], ...] = (
    {},
    {"tacrolimus": 1.0},
    {"ciclosporin": 100.0},
    {"sirolimus": 1.0},
    {"tacrolimus": 3.0, "everolimus": 3.0},
)
DOSES = (
    Dose(0.0, "gut", 10.0, interval=12.0, additional=9, lag=0.5, bioavailability=0.25),
    Dose(24.0, "central", 8.0, duration=4.0, interval=24.0, additional=3),
    Dose(26.0, "central", 3.0, duration=6.0),
    Dose(60.0, "central", 5.0),
    Dose(60.0, "gut", 2.0),
)
DOSE_WORDS = "17 doses: oral with lag and bioavailability, infusions that overlap, two boluses at one time"


def pharmacology_problems() -> list[Problem]:
    """Return the six problems."""
    return [t_cell(), linear_pk(), michaelis_menten_pk(), steady_dosing(), threshold_dosing(), periodic_stimulus()]


def t_cell() -> Problem:
    """Four stimuli by five treatments, 73 h, every fitted parameter drawn within its standard error.

    The drugs of the last treatment are added 6 h after the stimulus, the others are there from the start.
    """
    sourced = load_model("t_cell")
    model = compile_states(sourced.model)
    usual = dict(zip(model.inputs, model.defaults, strict=True))
    random = np.random.default_rng(SEED)
    number = len(STIMULI) * len(TREATMENTS)
    parameters = {
        p.name: usual[p.name] * 10.0 ** (p.log10_standard_error * random.standard_normal(number))
        for p in sourced.fitted
    }
    late = TREATMENTS[-1]
    doses: list[Dose] = []
    for n in range(number):
        settings = load_protocols()[STIMULI[n // len(TREATMENTS)]].settings | {"stimulus_start": START_H}
        treatment = TREATMENTS[n % len(TREATMENTS)]
        if treatment is late:
            # one millilitre of medium: 1 nM is 1e-3 nmol
            doses += [Dose(START_H + 6.0, f"{drug}.medium", 1e-3 * nM, subject=n) for drug, nM in late.items()]
        else:
            settings |= {f"{drug}.medium": nM for drug, nM in treatment.items()}
        for name, value in settings.items():
            parameters.setdefault(name, np.full(number, usual[name]))[n] = value
    return Problem(
        "t_cell",
        "T cell",
        "4 stimuli by 5 treatments, fitted parameters drawn; pre-incubated, one treatment added 6 h late",
        model,
        np.linspace(0.0, 73.0, 74),
        10.0,
        DISSIPATIVE,
        parameters=parameters,
        doses=tuple(doses),
        sizes={f"{drug}.medium": 1e-3 for drug in late},
        breaks=(START_H,),
        absolute=1e-8,
        smallest=1e-7,
    )


def _spread(model: CompiledModel, names: Sequence[str], sets: int = SETS) -> dict[str, float | Floats]:
    """Log-normal values around the model's own, 30 per cent."""
    usual = dict(zip(model.inputs, model.defaults, strict=True))
    random = np.random.default_rng(SEED)
    return {name: usual[name] * np.exp(0.3 * random.standard_normal(sets)) for name in names}


def _irregular_times(last: float, number: int) -> Floats:
    """Random times, and those of some doses: an output at a dose is the value before it."""
    inside = np.random.default_rng(SEED).uniform(0.0, last, number - 4)
    return np.sort(np.concatenate(([0.0, 24.0, 60.0, last], inside)))


def linear_pk() -> Problem:
    """Every kind of dose on two linear compartments."""
    model = compile_states(own_model("linear_pk"))
    names = ("absorption_rate", "clearance", "central_volume", "exchange", "peripheral_volume")

    def rates(p: Mapping[str, float], _: float) -> tuple[Floats, Floats]:
        absorbed, out = p["absorption_rate"], p["clearance"] / p["central_volume"]
        there, back = p["exchange"] / p["central_volume"], p["exchange"] / p["peripheral_volume"]
        return np.array([[-absorbed, 0, 0], [absorbed, -out - there, back], [0, there, -back]]), np.zeros(3)

    return Problem(
        "linear_pk",
        "Linear PK",
        f"2 compartments; {DOSE_WORDS}",
        model,
        _irregular_times(144.0, 120),
        10.0,
        DISSIPATIVE,
        parameters=_spread(model, names),
        doses=DOSES,
        exact=lambda problem: linear_answer(problem, rates),
    )


def michaelis_menten_pk() -> Problem:
    """The same doses where elimination saturates."""
    model = compile_states(own_model("michaelis_menten_pk"))
    names = ("absorption_rate", "most_elimination", "half_saturation", "exchange", "central_space")
    parameters = _spread(model, names)
    parameters["central_space"] = 50.0  # a dose is divided by it, and ``sizes`` holds for every set
    return Problem(
        "michaelis_menten_pk",
        "Michaelis-Menten PK",
        f"2 compartments, saturable elimination; {DOSE_WORDS}",
        model,
        _irregular_times(144.0, 120),
        10.0,
        DISSIPATIVE,
        parameters=parameters,
        doses=DOSES,
        sizes={"central": 50.0},
    )


def steady_dosing() -> Problem:
    """What else can be done to a subject: steady state, inputs that change, a reset."""
    model = compile_states(own_model("michaelis_menten_pk"))
    usual = dict(zip(model.inputs, model.defaults, strict=True))
    most = usual["most_elimination"]
    return Problem(
        "steady_dosing",
        "Steady state",
        "saturable elimination at steady state, halved from 30 to 54 h, an infusion, a reset at 80 h, a dose",
        model,
        np.linspace(0.0, 96.0, 97),
        10.0,
        DISSIPATIVE,
        parameters=_spread(model, ("absorption_rate", "half_saturation", "exchange"), 4),
        doses=(
            Dose(0.0, "gut", 40.0, interval=12.0, additional=5, steady_state=1),
            Dose(31.0, "central", 20.0, duration=6.0),
            Dose(83.0, "gut", 10.0),
        ),
        changes=((30.0, "most_elimination", 0.5 * most), (54.0, "most_elimination", most)),
        resets=(80.0,),
        sizes={"central": usual["central_space"]},
    )


def threshold_dosing() -> Problem:
    """A dose whenever a level is reached, found by the solver."""
    model = compile_states(own_model("threshold_dosing"))
    usual = dict(zip(model.inputs, model.defaults, strict=True))
    return Problem(
        "threshold_dosing",
        "Dose at threshold",
        "a dose of 10 mg whenever the concentration falls to 0.05 mg/L",
        model,
        np.linspace(0.0, 100.0, 101),
        10.0,
        DISSIPATIVE,
        threshold=Threshold("central", usual["threshold"] * usual["distribution"], "gut", usual["dose"]),
        exact=lambda problem: redosed_answer(
            problem, usual["absorption_rate"], usual["clearance"] / usual["distribution"]
        ),
    )


def periodic_stimulus() -> Problem:
    """Pulses that repeat: the edges are known beforehand, as for a condition on time that is linear."""
    model = compile_states(own_model("periodic_stimulus"))
    usual = dict(zip(model.inputs, model.defaults, strict=True))
    period, pulse = usual["period"], usual["pulse"]

    def rates(p: Mapping[str, float], time: float) -> tuple[Floats, Floats]:
        made = p["gain"] if time % period < pulse else 0.0
        return np.array([[-p["decay"], 0.0], [p["turnover"], -p["turnover"]]]), np.array([made, 0.0])

    return Problem(
        "periodic_stimulus",
        "Periodic stimulus",
        "pulses of 1 h every 8 h, written with floor(time/period)",
        model,
        np.linspace(0.0, 96.0, 25),
        10.0,
        DISSIPATIVE,
        breaks=tuple(sorted(k * period + edge for k in range(12) for edge in (0.0, pulse)))[1:],
        exact=lambda problem: linear_answer(problem, rates),
    )
