"""What every peer does around its work: read the curves, take the time, keep the answer, report."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import metadata

import numpy as np

__all__ = ["serve"]

Answer = dict[str, np.ndarray]


def serve(
    work: dict[tuple[str, str], Callable[[np.ndarray, np.ndarray, np.ndarray], Answer]], names: list[str]
) -> None:
    """Run the work named on the command line: peer, work, count, data, where to keep the answer."""
    peer, task, count, data, kept = sys.argv[1:6]
    arrays = np.load(data)
    x, y, starts = arrays["x"], arrays["y"][: int(count)], arrays["starts"][: int(count)]
    run = work[peer, task]
    run(x, y[:2], starts[:2])  # imports and first calls are not timed
    wall, cpu = time.perf_counter(), time.process_time()
    answer = run(x, y, starts)
    seconds = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    np.savez(kept, **answer)
    print(json.dumps(seconds | {"versions": {name: metadata.version(name) for name in names}}))
