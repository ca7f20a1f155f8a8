"""One solver in a process of its own: ``python worker.py MODULE CASE`` reads a request a line, answers a line.

The module has ``VERSIONS`` and ``prepare(data)``, which returns ``solve(count, tolerance) -> (count, T) levels``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from importlib import metadata

import numpy as np


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what solvers print must not mix with the replies
    peer = importlib.import_module(sys.argv[1])
    versions = {name: metadata.version(name) for name in peer.VERSIONS}
    begin = time.perf_counter()
    solve = peer.prepare(dict(np.load(sys.argv[2])))
    solve(2, 1e-6)
    ready = time.perf_counter() - begin
    for line in sys.stdin:
        request = json.loads(line)
        wall, cpu = time.perf_counter(), time.process_time()
        values = solve(request["count"], request["tolerance"])
        result = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        if request["save"]:
            np.save(request["save"], np.asarray(values)[:20])
        replies.write(json.dumps(result | {"ready_s": ready, "versions": versions}) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
