"""The reference's own environment, the process in it, and the files that a problem goes there as."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.course import stops_of
from engine.problem import Floats, Problem, rows_of

__all__ = ["NAME", "Peer", "make_environment"]

HERE = Path(__file__).parent
FOLDER = HERE / ".venv"
NAME, VERSION = "scikit-sundae", "1.2.0"  # its wheel bundles SUNDIALS 7


def make_environment() -> bool:
    """Install the reference once, away from limus; return whether it is there."""
    python = FOLDER / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    check = f"from importlib.metadata import version; assert version('{NAME}') == '{VERSION}'"
    if subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0:
        return True
    quietly = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*quietly, f"{NAME}=={VERSION}"], check=False).returncode == 0


class Peer:
    """A process that solves with CVODE or Radau, and a folder for what passes between."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._log = (folder / "peer.log").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [FOLDER / "bin" / "python", HERE / "cvode_peer.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=os.environ | one | {"PYTHONPATH": ""},
        )
        self.versions: dict[str, str] = {}

    def solve(
        self, problem: Problem, method: str, relative: float, absolute: float, sets: Sequence[int] | None = None
    ) -> Floats:
        """Return the states of the sets (by default all) at all times, (N, T, S)."""
        case, kept = self._write(problem), self._folder / "solution.npy"
        chosen = list(range(len(rows_of(problem)))) if sets is None else list(sets)
        request = {"case": str(case), "method": method, "relative": relative, "absolute": absolute, "sets": chosen}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request | {"save": str(kept)}) + "\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"failed": "its process ended"}')
        if "failed" in reply:
            raise ArithmeticError(f"{method} on {problem.name}: {reply['failed']}")
        self.versions = reply["versions"]
        return np.load(kept)

    def _write(self, problem: Problem) -> Path:
        """Equations as source, numbers as arrays."""
        path, model, rows = self._folder / problem.name, problem.model, rows_of(problem)
        place = model.states.index
        threshold = None
        if problem.threshold is not None:
            known = problem.threshold
            threshold = {"value": known.value, "amount": known.amount}
            threshold |= {"state": place(known.state), "target": place(known.target)}
        about = {
            "states": len(model.states),
            "derivatives": model.source("derivatives", careful=False),
            "jacobian": model.source("jacobian", careful=False),
            "jacobian_places": model.jacobian_places,
            "stops": [stops_of(problem, n) for n in range(len(rows))],
            "threshold": threshold,
        }
        path.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
        start = float(problem.times[0])
        initial = np.array([model.evaluate("initial", start, [], row) for row in rows.tolist()])
        np.savez(path.with_suffix(".npz"), times=problem.times, inputs=rows, initial=initial)
        return path

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        self._log.close()
