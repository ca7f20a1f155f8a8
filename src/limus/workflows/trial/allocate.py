"""``limus trial allocate``: the allocation list that is sealed before the first subject, with its hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.errors import InputError
from limus.kernel.execution import Execution, spawn_generators
from limus.kernel.provenance import hash_text
from limus.kernel.statistics.allocation import ConcealedList
from limus.kernel.tables import Table, write_csv
from limus.trial.design.design import AllocationMethod, Design
from limus.trial.design.file import design_path, load_design
from limus.trial.simulation.allocation import make_concealed_list
from limus.workflows.request import Request, open_run

__all__ = ["TrialAllocateRequest", "TrialAllocateResult", "run"]


class TrialAllocateRequest(Request):
    """A design with permuted blocks."""

    design: str
    seed: int = 1

    def as_dict(self) -> dict[str, Any]:
        """What decides the result; the design by its content."""
        text = design_path(self.design).read_text(encoding="utf-8")
        return {**super().as_dict(), "design_sha256": hash_text(text)}


@dataclass(frozen=True, eq=False)
class TrialAllocateResult:
    """A sealed list; the rows stand in the file only."""

    design: Design
    sealed: ConcealedList
    path: Path | None
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """The hash that may be published, and where the list is kept; never the list."""
        return {
            "design": self.design.name,
            "method": str(self.design.allocation.method),
            "strata": sorted({row[0] for row in self.sealed.rows}),
            "numbers": len(self.sealed.rows),
            "sha256": self.sealed.sha256,
            "list": None if self.path is None else str(self.path),
            "seed": self.seed,
            "n_failed": 0,
        }


def run(
    request: TrialAllocateRequest, *, out: Path | None = None, execution: Execution | None = None
) -> TrialAllocateResult:
    """Make a list of permuted blocks for every stratum and commit to it.

    Parameters
    ----------
    request : TrialAllocateRequest
    out : Path, optional
        Run directory for ``results/allocation_list.csv``, which holds list and salt.
    execution : Execution, optional
        Its seed makes the list: keep it as secret as the list.

    Returns
    -------
    TrialAllocateResult

    Raises
    ------
    UnknownNameError
        No such design.
    InputError
        The design has no list: it allocates by a coin or by minimisation.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed)
    design, _ = load_design(request.design)
    if design.allocation.method is not AllocationMethod.PERMUTED_BLOCKS:
        got = str(design.allocation.method)
        raise InputError("allocation, method", got, str(AllocationMethod.PERMUTED_BLOCKS), "there is no list to seal")
    sealed = make_concealed_list(design, spawn_generators(execution.seed, 1, stream="allocation list")[0])
    path = None
    if out is not None:
        directory = open_run(out, "trial_allocate", request.as_dict(), execution, [design_path(request.design)])
        path = directory.path / "results" / "allocation_list.csv"
        rows = [{"stratum": s, "number": number, "arm": arm} for s, number, arm in sealed.rows]
        comment = f"limus_allocation = 1\nsalt {sealed.salt}\nsha256 {sealed.sha256}"
        write_csv(Table.from_rows(rows), path, comment=comment)
    return TrialAllocateResult(design, sealed, path, execution.seed)
