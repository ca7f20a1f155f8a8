"""Solve an SBML file with libroadrunner; runs in the environment beside it, without limus.

``python peer.py FILE.xml REQUEST.json OUT.npy``: the request names ``end``, ``points``, ``relative``, ``absolute`` and
``outputs``, identifiers with species in brackets for their concentration. The output is (points, outputs).
"""

import json
import sys
from pathlib import Path

import numpy as np

import roadrunner


def main() -> None:
    file, asked, out = sys.argv[1:]
    request = json.loads(Path(asked).read_text(encoding="utf-8"))
    model = roadrunner.RoadRunner(file)
    model.integrator.relative_tolerance = request["relative"]
    model.integrator.absolute_tolerance = request["absolute"]
    model.timeCourseSelections = request["outputs"]
    np.save(out, np.array(model.simulate(0.0, request["end"], request["points"])))
    print(roadrunner.__version__)


main()
