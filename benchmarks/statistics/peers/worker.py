"""One program in a process of its own: reads a request a line, answers with the time it took a line.

``python worker.py NAME`` serves the program of module NAME, which has ``VERSIONS`` (packages to report) and ``WORK``, a
mapping from a task's name to a function of the arrays of the case that returns an array.
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
    with np.load(request["case"]) as data:
        arrays = {name: data[name] for name in data.files}
    count = request.get("count")
    if count is not None:
        arrays = {name: values[:count] for name, values in arrays.items()}
    work = peer.WORK[request["task"]]
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(arrays)
    times = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    np.save(request["save"], found)
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
