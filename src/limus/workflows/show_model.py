"""``limus show`` of a pathway model: each equation with its constants and their sources, and its page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.execution import Execution
from limus.kernel.provenance import Reference, load_bibliography, stamp_run
from limus.kernel.tables import library_folder, write_csv
from limus.report.content import Figure, Guide, walk_blocks
from limus.report.html import write_html
from limus.signalling.accepted_fit import library_inputs
from limus.signalling.model_account import ModelAccount, account_for
from limus.signalling.model_library import load_model
from limus.signalling.sourced_model import SourcedParameter
from limus.workflows.model_page import model_sections
from limus.workflows.request import Request, keep_result, open_run

__all__ = ["ShowModelResult", "show_model"]


@dataclass(frozen=True, eq=False)
class ShowModelResult:
    """A model with its account, the references that it cites, and where its page stands (None without ``--out``)."""

    account: ModelAccount
    references: dict[str, Reference]
    page: Path | None

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; values in the units that stand beside them."""
        account, model = self.account, self.account.model
        return {
            "name": model.name,
            "what": "model",
            "label": model.label,
            "summary": model.summary,
            "papers": list(model.papers),
            "changes": list(model.changes),
            "fit": model.fit_status,
            "sha256": model.content_hash,
            "validity": {
                "species": model.validity.species,
                "hours_upper": model.validity.hours_upper,
                "cells_per_ml": list(model.validity.cells_per_ml),
                "serum_percent": list(model.validity.serum_percent),
                "concentration_upper_nM": model.validity.concentration_upper_nM,
                "cannot_say": list(model.validity.cannot_say),
            },
            "counts": {
                "observations_fitted": len(account.observations["fit"]),
                "papers_fitted": len(account.papers_fitted),
                "observations_compared": len(account.observations["check"]),
                "observations_left_out": len(account.observations["left_out"]),
                "constants": sum(account.by_kind.values()),
                "constants_by_kind": account.by_kind,
                "constants_fitted": len(account.fitted),
                "effective_constants": account.effective_constants,
            },
            "fitted": [
                {
                    "parameter": one.parameter.name,
                    "unit": one.parameter.unit,
                    "prior": one.parameter.prior_value,
                    "prior_log10_sd": one.parameter.prior_log10_sd,
                    "value": one.parameter.value,
                    "log10_standard_error": one.parameter.log10_standard_error,
                    "remaining_fraction": one.remaining,
                    "prior_driven": one.prior_driven,
                    "at_bound": one.parameter.at_bound,
                }
                for one in account.fitted
            ],
            "modules": _modules(account),
            "constants": [_constant(p, model.followers) for p in model.parameters.values()],
            "conserved": {name: list(members) for name, members in model.conserved.items()},
            "readouts": {name: {"symbol": r.symbol, "label": r.label} for name, r in model.readouts.items()},
            "references": {key: reference.citation for key, reference in self.references.items()},
            "page_html": None if self.page is None else str(self.page),
        }


def _modules(account: ModelAccount) -> list[dict[str, Any]]:
    return [
        {
            "name": module.name,
            "file": module.file,
            "explanation": module.explanation,
            "used_as": [instance.prefix.removesuffix(".") for instance in account.instances[module.name]],
            "equations": [
                {
                    "kind": statement.kind,
                    "name": statement.name,
                    "equation": statement.text,
                    "explanation": statement.explanation,
                    "heading": statement.heading,
                    "constants": [p.name for p in account.constants_in(module, statement)],
                }
                for statement in module.statements
            ],
        }
        for module in account.modules
    ]


def _constant(parameter: SourcedParameter, followers: dict[str, str]) -> dict[str, Any]:
    sourced = parameter.sourced
    return {
        "parameter": parameter.name,
        "value": parameter.value,
        "unit": parameter.unit,
        "kind": str(sourced.kind),
        "source": list(sourced.source),
        "origin": parameter.origin,
        "follows": followers.get(parameter.name),
        "given": sourced.value,
        "given_unit": sourced.unit,
        "note": sourced.note,
    }


def show_model(
    name: str, request: Request, *, out: Path | None = None, execution: Execution | None = None
) -> ShowModelResult:
    """Show a pathway model; with a folder, write its page as HTML.

    Parameters
    ----------
    name : str
        Of the library.
    request : Request
        Kept in the run directory.
    out : Path, optional
        Run directory for ``model.html``, ``figures/`` and ``result.json``.
    execution : Execution, optional
        Its seed is stamped, its ``overwrite`` obeyed.

    Returns
    -------
    ShowModelResult

    Raises
    ------
    UnknownNameError
        No such model.
    FileReadError
        A file of the library is wrong.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution()
    account = account_for(load_model(name))
    bibliography = load_bibliography(library_folder() / "references.bib")
    cited = {key for p in account.model.parameters.values() for key in p.sourced.source} | set(account.model.papers)
    references = {key: bibliography[key] for key in sorted(cited)}
    if out is None:
        return ShowModelResult(account, references, None)
    directory = open_run(out, "show", request.as_dict(), execution, library_inputs(name))
    guide = Guide.create(
        account.model.label,
        f"Model {name}: every equation, and every number with its source",
        model_sections(account),
        values={},
        stamp=stamp_run(execution.seed),
        bibliography=bibliography,
    )
    _write_figures(guide, directory.path / "figures")
    result = ShowModelResult(account, references, write_html(guide, directory.path / "model.html"))
    keep_result(result, out, "show", request, execution)
    return result


def _write_figures(guide: Guide, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            (folder / f"{block.key}.svg").write_text(block.svg, encoding="utf-8")
            write_csv(block.data, folder / f"{block.key}.csv")
