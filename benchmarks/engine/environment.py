"""The peers' own environment, and a process for each solver."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # what all benchmarks share
import peer_program
from peer_program import machine

__all__ = ["FOLDER", "HERE", "SOLVERS", "Solver", "machine", "make_environment"]

HERE = Path(__file__).parent
FOLDER = HERE / ".venv"
PACKAGES = (
    "libroadrunner",
    "antimony",
    "diffrax",
    "scikit-sundae",
    "scipy",
    "numba",
    "amici",
    "numbalsoda==0.1.7",  # the last one that builds without a Fortran compiler; LSODA is the same
)

SOLVERS = {
    "limus": "limus_engine",
    "numbalsoda": "numbalsoda_lsoda",
    "libroadrunner": "roadrunner_cvode",
    "scikit-sundae": "sundae_cvode",
    "scipy": "scipy_lsoda",
    "amici": "amici_cvodes",
    "diffrax": "diffrax_kvaerno",
}


def make_environment() -> list[str]:
    """Install the peers once; return those that could not be installed."""
    # numbalsoda's build file is older than CMake 4
    return peer_program.make_environment(HERE, PACKAGES, CMAKE_POLICY_VERSION_MINIMUM="3.5")


class Solver:
    """A solver in a process of its own, which keeps what it compiled."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._program = peer_program.Program(HERE, name, SOLVERS[name], errors=log.open("w"))

    def run(self, case: Path, count: int, tolerance: float, save: Path | None = None) -> dict[str, Any]:
        """Solve ``count`` parameter sets with a relative tolerance and a thousandth of it as absolute tolerance."""
        kept = str(save) if save else None
        return self._program.run(case=str(case), count=count, relative=tolerance, absolute=tolerance * 1e-3, save=kept)

    def close(self) -> None:
        """End the process."""
        self._program.close()
