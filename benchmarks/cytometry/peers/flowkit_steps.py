"""One file by flowio and FlowKit, step by step: ``flowkit_steps.py PEER FILE GATES``; PEER is flowio or flowkit."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")


def by_flowio(file: str) -> tuple[dict[str, float], dict[str, object]]:
    import flowio  # noqa: PLC0415 (each peer by itself)

    begun = time.process_time()
    data = flowio.FlowData(file)
    table = np.asarray(data.as_array(preprocess=True))
    return {"read": time.process_time() - begun}, {"events": int(table.shape[0])}


def by_flowkit(file: str, gates: str) -> tuple[dict[str, float], dict[str, object]]:
    import flowkit  # noqa: PLC0415

    seconds: dict[str, float] = {}
    last = time.process_time()

    def step(name: str) -> None:
        nonlocal last
        now = time.process_time()
        seconds[name] = now - last
        last = now

    sample = flowkit.Sample(file)
    step("read")
    sample.apply_compensation(sample.metadata["spillover"])
    step("compensate")
    sample.apply_transform(flowkit.transforms.LogicleTransform(262_144.0, 0.5, 4.5, 0.0))
    step("logicle")
    strategy = flowkit.parse_gating_xml(gates)
    result = strategy.gate_sample(sample)
    counts = result.report
    step("gate")
    last_gate = [name for name, _ in strategy.get_gate_ids()][-1]
    gated = int(counts.loc[counts["gate_name"] == last_gate, "count"].iloc[0])
    return seconds, {"events": int(sample.event_count), "gated": gated}


def main() -> None:
    peer, file, gates = sys.argv[1:4]
    seconds, found = by_flowio(file) if peer == "flowio" else by_flowkit(file, gates)
    found["peak_MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "found": found}))


if __name__ == "__main__":
    main()
