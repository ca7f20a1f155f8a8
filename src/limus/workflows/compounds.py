"""``limus compounds``: what the library holds, one row a compound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.execution import Execution
from limus.kernel.provenance import Kind
from limus.molecule.catalogue import load_compounds
from limus.signalling.culture import drugs_of
from limus.signalling.model_library import load_model
from limus.workflows.request import Request, keep_result

__all__ = ["CompoundsRequest", "CompoundsResult", "run"]


class CompoundsRequest(Request):
    """Nothing to ask for."""


@dataclass(frozen=True, slots=True)
class CompoundsResult:
    """One row a compound, in the order of the library."""

    rows: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        return {"compounds": list(self.rows)}


def run(request: CompoundsRequest, *, out: Path | None = None, execution: Execution | None = None) -> CompoundsResult:
    """List the compounds of the library.

    Parameters
    ----------
    request : CompoundsRequest
    out : Path, optional
        Run directory; the result is kept in ``result.json``.
    execution : Execution, optional
        Not used.

    Returns
    -------
    CompoundsResult
    """
    modelled = drugs_of(load_model("t_cell"))
    rows = []
    for compound in load_compounds().values():
        mass = [c for c in compound.constants if c.property == "molar_mass"]
        rows.append(
            {
                "name": compound.name,
                "synonyms": list(compound.synonyms),
                "class": compound.drug_class,
                "immunophilin": compound.immunophilin,
                "target": compound.target,
                "molar_mass_g_per_mol": compound.molar_mass_g_per_mol if mass else math.nan,
                "status": "ok" if mass else "structure not public",
                "constants": len(compound.constants),
                "constants_assumed": sum(c.value.kind is Kind.ASSUMED for c in compound.constants),
                "in_t_cell_model": compound.name in modelled,
            }
        )
    result = CompoundsResult(tuple(rows))
    keep_result(result, out, "compounds", request, execution)
    return result
