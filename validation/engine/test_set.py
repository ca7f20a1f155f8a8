"""Stiff problems of the Test Set for IVP Solvers (University of Bari), with its reference solutions.

The solutions are those of subroutine ``solut`` in its files of October 2006 (http://www.dm.uniba.it/~testset): RADAU or
RADAU5 at rtol = 1.1e-18 in extended arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.problem import DISSIPATIVE, Floats, Problem, compile_states, own_model

__all__ = ["published_problems"]

SOURCE = "Test Set for IVP Solvers (Bari, 2006)"
LAST: Mapping[str, tuple[float, ...]] = {
    "robertson": (0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050),
    "hires": (
        *(0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2),
        *(0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2),
    ),
    "oregonator": (0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3),
    "van_der_pol": (0.1706167732170483e1, -0.8928097010247975),
    "e5": (0.1152903278711829e-290, 0.8867655517642120e-22, 0.0),  # y1, y2, y4; y3 follows
    "pollu": (
        *(0.5646255480022769e-01, 0.1342484130422339, 0.4139734331099427e-08, 0.5523140207484359e-02),
        *(0.2018977262302196e-06, 0.1464541863493966e-06, 0.7784249118997964e-01, 0.3245075353396018),
        *(0.7494013383880406e-02, 0.1622293157301561e-07, 0.1135863833257075e-07, 0.2230505975721359e-02),
        *(0.2087162882798630e-03, 0.1396921016840158e-04, 0.8964884856898295e-02, 0.4352846369330103e-17),
        *(0.6899219696263405e-02, 0.1007803037365946e-03, 0.1772146513969984e-05, 0.5682943292316392e-04),
    ),
}


def _after_start(first: float, last: float, number: int = 61) -> Floats:
    times = np.concatenate(([0.0], np.geomspace(first, last, number)))
    times[-1] = last
    return times


PHASE = (
    "On a limit cycle an error along the orbit never decays, and where a flank is output it counts as the flank's slope"
    " times the shift in time."
)
# label, for readers, output times, absolute over relative tolerance (below what is reached), factor, reason
CASES: Mapping[str, tuple[str, str, Floats, float, float, str]] = {
    "robertson": ("Robertson", "3 species, 11 decades of time", _after_start(1e-4, 1e11), 1e-14, 10.0, DISSIPATIVE),
    "hires": ("HIRES", "8 species of phytochrome", _after_start(1e-3, 321.8122), 1e-5, 10.0, DISSIPATIVE),
    "oregonator": ("Oregonator", "limit cycle with spikes", np.linspace(0.0, 360.0, 361), 1e-3, 100.0, PHASE),
    "van_der_pol": ("Van der Pol", "relaxation, epsilon 1e-6", np.linspace(0.0, 2.0, 41), 1e-3, 100.0, PHASE),
    "e5": ("E5", "pyrolysis, values down to 1e-22", _after_start(1e-3, 1e13), 1e-22, 10.0, DISSIPATIVE),
    "pollu": ("POLLU", "20 species, 25 reactions", _after_start(1e-6, 60.0), 1e-17, 10.0, DISSIPATIVE),
}
PUBLISHED_ERROR = {"e5": 2e-3}
"""Of E5 as printed: its y2, y3, y4 miss the conserved y2 = y3 + y4 by 0.15 per cent, rounding at 1e-10 of the peak."""


def published_problems() -> list[Problem]:
    """Return the six problems."""
    problems = []
    for name, (label, about, times, absolute, factor, reason) in CASES.items():
        model = compile_states(own_model(name))
        problems.append(
            Problem(
                name,
                label,
                about,
                model,
                times,
                factor,
                reason,
                absolute=absolute,
                published=dict(zip(model.states, LAST[name], strict=True)),
                published_in=SOURCE,
                published_error=PUBLISHED_ERROR.get(name, 0.0),
            )
        )
    return problems
