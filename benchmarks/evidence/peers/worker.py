"""One program in a process of its own: reads a request a line, answers with the time it took a line.

``python worker.py NAME`` serves the program of module NAME, which has ``VERSIONS`` (packages to report) and
``METHODS``, a mapping from a method's name to a function of effects and variances, (M, K), that returns (tau2,
estimate), each (M,).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
import warnings
from importlib import metadata
from typing import Any

import numpy as np


def answer(request: dict[str, Any], peer: Any) -> dict[str, Any]:
    data = np.load(request["case"])
    effects, variances = data["effects"][: request["count"]], data["variances"][: request["count"]]
    pool = peer.METHODS[request["method"]]
    wall, cpu = time.perf_counter(), time.process_time()
    tau2, estimate = pool(effects, variances)
    times = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    if request.get("save"):
        np.savez(request["save"], tau2=tau2, estimate=estimate)
    return times


def main() -> None:
    warnings.simplefilter("ignore")
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = importlib.import_module(sys.argv[1])
    versions = {name: metadata.version(name) for name in peer.VERSIONS}
    for line in sys.stdin:
        try:
            result = answer(json.loads(line), peer)
        except Exception as problem:
            traceback.print_exc()
            result = {"failed": f"{type(problem).__name__}: {problem}"[:200]}
        replies.write(json.dumps(result | {"versions": versions}) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
