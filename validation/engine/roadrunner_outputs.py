"""Any outputs of an SBML file by libroadrunner, in a process of its own that knows nothing of limus.

``python roadrunner_outputs.py FILE.xml REQUEST.json OUT.npy``: the request names ``end``, ``points``, ``relative``,
``absolute`` and ``outputs``, identifiers with species in brackets for their concentration. It saves (points, outputs).
"""

from __future__ import annotations

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


if __name__ == "__main__":
    main()
