"""One solver in a process of its own: reads a request a line, answers with the time it took a line.

``python worker.py NAME`` serves the solver of module NAME, which has

- ``VERSIONS``: packages to report;
- ``prepare(case)``: compiles, and returns ``solve(count, relative_tolerance, absolute_tolerance) -> (N, T, S)``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
from case import load_case

os.environ["OMP_NUM_THREADS"] = "1"


def answer(request: dict[str, Any], peer: Any, prepared: dict[str, Callable[..., np.ndarray]]) -> dict[str, Any]:
    case, result = request["case"], {}
    if case not in prepared:
        begin = time.perf_counter()
        prepared[case] = peer.prepare(load_case(case))
        prepared[case](1, request["relative"], request["absolute"])
        result["prepare_s"] = time.perf_counter() - begin
    wall, cpu = time.perf_counter(), time.process_time()
    values = prepared[case](request["count"], request["relative"], request["absolute"])
    result |= {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    if request.get("save"):
        np.save(request["save"], np.asarray(values)[:200])
    return result | {"finite": bool(np.isfinite(values).all())}


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what solvers print must not mix with the replies
    peer = importlib.import_module(sys.argv[1])
    versions = {name: metadata.version(name) for name in peer.VERSIONS}
    prepared: dict[str, Callable[..., np.ndarray]] = {}
    for line in sys.stdin:
        try:
            result = answer(json.loads(line), peer, prepared)
        except Exception as problem:
            traceback.print_exc()
            result = {"failed": f"{type(problem).__name__}: {problem}"[:200]}
        replies.write(json.dumps(result | {"versions": versions}) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
