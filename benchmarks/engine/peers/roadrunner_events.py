"""A model with events in libroadrunner: ``roadrunner_events.py REQUEST``; one JSON object on standard output."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import antimony
import roadrunner

request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
antimony.loadAntimonyString(request["text"])
model = roadrunner.RoadRunner(antimony.getSBMLString(antimony.getMainModuleName()))
model.integrator.relative_tolerance, model.integrator.absolute_tolerance = 1e-6, 1e-9
model.timeCourseSelections = [f"[{name}]" for name in request["outputs"]]
parameters = request["parameters"]
count = len(next(iter(parameters.values())))


def solve(i: int) -> list[list[float]]:
    model.resetAll()
    for name, values in parameters.items():
        model[name] = values[i]
    return model.simulate(*request["times"]).tolist()


solve(0)
start = time.process_time()
found = [solve(i) for i in range(count)]
print(json.dumps({"cpu_s": time.process_time() - start, "values": found}))
