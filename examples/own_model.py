"""A model of one's own (own_model.ant) with a dose every twelve hours, and when it has settled.

The last trough is compared with the closed form of the same one-compartment model at steady state.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from limus.kernel.language import read_model
from limus.kernel.simulation import Dose, compile_model, simulate

INTERVAL_H, DOSES, AMOUNT_NMOL = 12.0, 20, 100.0


def steady_trough_nM(absorption: float, elimination: float, volume: float) -> float:  # noqa: N802
    """Return the trough after many doses: absorption and elimination exponentials, each summed over all doses."""
    scale = AMOUNT_NMOL / volume * absorption / (absorption - elimination)
    remaining = [math.exp(-rate * INTERVAL_H) for rate in (elimination, absorption)]
    slow, fast = (share / (1.0 - share) for share in remaining)
    return scale * (slow - fast)


def main() -> None:
    """Simulate and print."""
    model = read_model(Path(__file__).with_name("own_model.ant"))
    compiled = compile_model(model, ["drug"])
    schedule = Dose(time=0.0, target="depot", amount=AMOUNT_NMOL, interval=INTERVAL_H, additional=DOSES - 1)
    # an output at the time of a dose is the value just before it: the trough
    times = INTERVAL_H * np.arange(DOSES + 1)
    elimination_per_h = np.array([0.06, 0.12])
    result = simulate(compiled, times, {"elimination_rate": elimination_per_h}, doses=[schedule])
    result.require_success("own_model.py")
    for rate, trough in zip(elimination_per_h, result.output("drug"), strict=True):
        settled = times[np.flatnonzero(trough >= 0.95 * trough[-1])[0]]
        expected = steady_trough_nM(1.2, rate, 20.0)
        print(
            f"elimination {rate:.2f} 1/h: trough {trough[-1]:.4f} nM (closed form {expected:.4f} nM), "
            f"95 % of it after {settled:.0f} h"
        )


if __name__ == "__main__":
    main()
