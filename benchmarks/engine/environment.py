"""The peers' own environment, and a process for each solver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["HERE", "SOLVERS", "Solver", "make_environment"]

HERE = Path(__file__).parent
FOLDER = HERE / ".venv"
PACKAGES = (
    "libroadrunner",
    "antimony",
    "diffrax",
    "scikit-sundae",
    "scipy",
    "numba",
    "numbalsoda==0.1.7",  # the last one that builds without a Fortran compiler; LSODA is the same
)

SOLVERS = {
    "limus": "limus_engine",
    "numbalsoda": "numbalsoda_lsoda",
    "libroadrunner": "roadrunner_cvode",
    "scikit-sundae": "sundae_cvode",
    "scipy": "scipy_lsoda",
    "diffrax": "diffrax_kvaerno",
}


def make_environment() -> list[str]:
    """Install the peers once; return those that could not be installed."""
    python = FOLDER / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    settings = os.environ | {"CMAKE_POLICY_VERSION_MINIMUM": "3.5"}  # numbalsoda's build file is older than CMake 4
    quietly = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [p for p in PACKAGES if subprocess.run([*quietly, p], env=settings, check=False).returncode != 0]


class Solver:
    """A solver in a process of its own, which keeps what it compiled."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        python = sys.executable if name == "limus" else str(FOLDER / "bin" / "python")
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        paths = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")])) if name == "limus" else ""
        self._process = subprocess.Popen(
            [python, str(HERE / "peers" / "worker.py"), SOLVERS[name]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            text=True,
            env=os.environ | one | {"PYTHONPATH": paths},
        )

    def run(self, case: Path, count: int, tolerance: float, save: Path | None = None) -> dict[str, Any]:
        """Solve ``count`` parameter sets with a relative tolerance and a thousandth of it as absolute tolerance."""
        request = {"case": str(case), "count": count, "relative": tolerance, "absolute": tolerance * 1e-3}
        request |= {"save": str(save) if save else None}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            reply = self._process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        return json.loads(reply) if reply else {"failed": "its process ended"}

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
