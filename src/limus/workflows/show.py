"""``limus show``: a compound with every value and its source, or a model with every equation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.execution import Execution
from limus.kernel.provenance import Reference, load_bibliography
from limus.kernel.tables import library_folder
from limus.molecule.catalogue import find_compound
from limus.molecule.compound import Compound
from limus.signalling.model_library import model_names
from limus.signalling.observations import load_potencies
from limus.workflows.request import Request, keep_result
from limus.workflows.show_model import ShowModelResult, show_model

__all__ = ["ShowRequest", "ShowResult", "run"]


class ShowRequest(Request):
    """The compound, by name or synonym, or a model of the library."""

    compound: str


@dataclass(frozen=True, slots=True)
class ShowResult:
    """A compound with its published potencies, and the references that they cite."""

    compound: Compound
    potencies: tuple[dict[str, Any], ...]
    references: dict[str, Reference]

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        compound = self.compound
        return {
            "name": compound.name,
            "synonyms": list(compound.synonyms),
            "class": compound.drug_class,
            "immunophilin": compound.immunophilin,
            "target": compound.target,
            "summary": compound.summary,
            "note": compound.note,
            "identity": {
                name: {"value": text.value, "kind": str(text.kind), "source": list(text.source), "note": text.note}
                for name, text in compound.identity.items()
            },
            "constants": [
                {
                    "property": constant.property,
                    "id": constant.id,
                    "value": constant.value.value,
                    "printed": constant.value.printed,
                    "unit": constant.value.unit,
                    "spread": constant.value.spread,
                    "kind": str(constant.value.kind),
                    "source": list(constant.value.source),
                    "conditions": constant.value.conditions,
                    "note": constant.value.note,
                }
                for constant in compound.constants
            ],
            "potencies": list(self.potencies),
            "references": {key: reference.citation for key, reference in self.references.items()},
        }


def run(
    request: ShowRequest, *, out: Path | None = None, execution: Execution | None = None
) -> ShowResult | ShowModelResult:
    """Show a compound, or a model.

    Parameters
    ----------
    request : ShowRequest
    out : Path, optional
        Run directory; the result is kept in ``result.json``, the page of a model in ``model.html``.
    execution : Execution, optional
        Its seed is stamped.

    Returns
    -------
    ShowResult or ShowModelResult

    Raises
    ------
    UnknownNameError
        No such compound; the message gives near names.
    FileReadError
        A file of the library is wrong.
    OutputError
        The folder cannot be written, or holds something else.
    """
    if request.compound in model_names():
        return show_model(request.compound, request, out=out, execution=execution)
    compound = find_compound(request.compound)
    rows = [p for p in load_potencies() if p.compound == compound.name]
    potencies = tuple(
        {
            "id": p.id,
            "readout": p.readout,
            "cells": p.cells,
            "stimulus": p.stimulus,
            "metric": p.metric,
            "printed": p.printed,
            "value_nM": p.value_nM,
            "lower_nM": p.lower_nM,
            "upper_nM": p.upper_nM,
            "kind": str(p.kind),
            "source": list(p.source),
            "use": p.use,
            "reason": p.reason,
        }
        for p in rows
    )
    cited = {key for text in compound.identity.values() for key in text.source}
    cited |= {key for constant in compound.constants for key in constant.value.source}
    cited |= {key for p in rows for key in p.source}
    bibliography = load_bibliography(library_folder() / "references.bib")
    result = ShowResult(compound, potencies, {key: bibliography[key] for key in sorted(cited)})
    keep_result(result, out, "show", request, execution)
    return result
