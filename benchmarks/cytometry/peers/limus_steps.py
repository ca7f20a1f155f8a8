"""One file by limus, step by step: ``limus_steps.py FILE GATES``; prints seconds by step and what came out."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from limus.assay.cytometry.fcs.read import read_fcs
from limus.assay.cytometry.gate.gates import apply_gates
from limus.assay.cytometry.gate.gating_ml_read import read_gating_ml
from limus.assay.cytometry.gate.scales import Scale, place_on_scale
from limus.assay.cytometry.generation.bootstrap import bootstrap_indices
from limus.assay.cytometry.generation.fit import fit_generations
from limus.assay.cytometry.generation.histogram import bin_dye, bin_edges
from limus.assay.cytometry.generation.peak_shapes import Floor
from limus.assay.cytometry.proliferation.rules import cytometry_rules
from limus.assay.cytometry.tube.spillover import compensate, find_spillover

FLOOR = Floor(187.0, 78.0**2, 0.3 * 78.0**3, 5000)  # of the unstained cells of the simulation


def main() -> None:
    file, gates_file = map(Path, sys.argv[1:3])
    seconds: dict[str, float] = {}
    last = time.process_time()

    def step(name: str) -> None:
        nonlocal last
        now = time.process_time()
        seconds[name] = now - last
        last = now

    data = read_fcs(file)
    raw = {name: data.values(name) for name in data.names}
    step("read")
    spillover = find_spillover(data)
    assert spillover is not None
    light = compensate(raw, spillover)
    step("compensate")
    scale = Scale("logicle", 262_144.0, 4.5, 0.5)
    for name in spillover.names:
        place_on_scale(light[name], scale)
    step("logicle")
    document = read_gating_ml(gates_file)
    masks = apply_gates(document.gates, lambda c: raw if c == "uncompensated" else light, data.events)
    step("gate")
    dye = light["CTV-A"][masks[document.gates[-1].name]]
    edges, cofactor = bin_edges(dye, FLOOR)
    fit = fit_generations(bin_dye(dye, edges, cofactor), FLOOR, None, cytometry_rules({}, "benchmark").deconvolution)
    step("deconvolute")
    found = bootstrap_indices(fit, np.random.default_rng(1), replicates=200)
    step("intervals")
    index = found.indices["division_index"]
    said = {
        "events": data.events,
        "gated": int(masks[document.gates[-1].name].sum()),
        "division_index": [index.value, index.lower, index.upper],
        "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps({"seconds": seconds, "found": said}))


if __name__ == "__main__":
    main()
