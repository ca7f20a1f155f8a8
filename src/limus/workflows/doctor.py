"""``limus doctor``: is this installation sound? Versions, library files, models, the accepted fit, a guide's parts."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from limus._version import __version__
from limus.kernel.errors import LimusError
from limus.kernel.execution import Execution
from limus.kernel.provenance import load_bibliography
from limus.kernel.tables import library_folder
from limus.molecule.catalogue import load_compounds
from limus.pharmacokinetics.population_model import (
    check_population_model,
    load_population_model,
    population_model_names,
)
from limus.signalling.accepted_fit import fit_is_current
from limus.signalling.model_library import load_model, model_names
from limus.signalling.observations import load_potencies
from limus.signalling.protocol import load_protocols
from limus.signalling.sourced_model import check_sourced_model
from limus.workflows.request import Request, keep_result

__all__ = ["DoctorRequest", "DoctorResult", "run"]

_PACKAGES = (
    "numpy",
    "scipy",
    "antimony",
    "python-libsbml",
    "pydantic",
    "pint",
    "duckdb",
    "matplotlib",
    "typst",
    "typer",
)


class DoctorRequest(Request):
    """Nothing to ask for."""


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """One row a check: ``name``, ``ok``, ``detail``."""

    rows: tuple[dict[str, Any], ...]

    @property
    def healthy(self) -> bool:
        """Whether every check passed."""
        return all(row["ok"] for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"healthy": self.healthy, "limus": __version__, "checks": list(self.rows)}


def run(request: DoctorRequest, *, out: Path | None = None, execution: Execution | None = None) -> DoctorResult:
    """Look the installation over.

    Parameters
    ----------
    request : DoctorRequest
    out : Path, optional
        Run directory; the result is kept in ``result.json``.
    execution : Execution, optional
        Not used.

    Returns
    -------
    DoctorResult
    """
    checks: dict[str, Callable[[], str]] = {
        "python": _python,
        "packages": _packages,
        "library": _library,
        "models": _models,
        "population models": _population_models,
        "fits": _fits,
        "temporary folder": _temporary_folder,
    }
    result = DoctorResult(tuple(_rows(checks)))
    keep_result(result, out, "doctor", request, execution)
    return result


def _rows(checks: dict[str, Callable[[], str]]) -> Iterator[dict[str, Any]]:
    for name, check in checks.items():
        try:
            yield {"name": name, "ok": True, "detail": check()}
        except (LimusError, OSError, metadata.PackageNotFoundError, AssertionError) as error:
            yield {"name": name, "ok": False, "detail": str(error)}


def _python() -> str:
    assert sys.version_info >= (3, 11), f"Python {sys.version.split()[0]} is older than 3.11"
    return sys.version.split()[0]


def _packages() -> str:
    return ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)


def _library() -> str:
    references = load_bibliography(library_folder() / "references.bib")
    compounds, potencies, protocols = load_compounds(), load_potencies(), load_protocols()
    return (
        f"{len(compounds)} compounds, {len(potencies)} potencies, {len(protocols)} protocols, "
        f"{len(references)} references"
    )


def _models() -> str:
    words = []
    for name in model_names():
        findings = check_sourced_model(load_model(name))
        assert not findings, f"{name}: {findings[0].message}"
        words.append(name)
    return f"{', '.join(words)}: every check silent"


def _population_models() -> str:
    names = population_model_names()
    for name in names:
        findings = check_population_model(load_population_model(name))
        assert not findings, f"{name}: {findings[0].message}"
    return f"{len(names)}: every check silent"


def _fits() -> str:
    stale = [name for name in model_names() if not fit_is_current(load_model(name))]
    assert not stale, f"the fit of {', '.join(stale)} is stale: run limus calibrate --accept"
    return "current"


def _temporary_folder() -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "x").write_text("x", encoding="utf-8")
    return "can be written"
