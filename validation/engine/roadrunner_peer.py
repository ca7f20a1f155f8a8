"""Time course of an SBML file by libroadrunner, in a process of its own that knows nothing of limus.

``python roadrunner_peer.py FILE.xml SAVE.npz LONGEST_STEP TIME SPECIES...``: ``TIME`` is ``start:end:points``, the
points even. It saves ``times`` and ``values``, (T, S), concentrations, at a relative tolerance of 1e-10.
"""

from __future__ import annotations

import sys

import numpy as np
import roadrunner


def main(file: str, save: str, longest_step: str, time: str, *species: str) -> None:
    runner = roadrunner.RoadRunner(file)
    runner.integrator.relative_tolerance = 1e-10
    runner.integrator.absolute_tolerance = 1e-16
    runner.integrator.maximum_time_step = float(longest_step)
    runner.integrator.maximum_num_steps = 1_000_000
    runner.timeCourseSelections = ["time", *(f"[{name}]" for name in species)]
    start, end, points = time.split(":")
    found = np.array(runner.simulate(float(start), float(end), int(points)))
    np.savez(save, times=found[:, 0], values=found[:, 1:], version=roadrunner.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
