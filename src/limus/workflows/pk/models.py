"""``limus pk models``: the population models of the library, one row each, and those that are not shipped, with why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.errors import UnknownNameError
from limus.kernel.execution import Execution
from limus.molecule.catalogue import find_compound
from limus.pharmacokinetics.population_model.library import (
    load_population_model,
    models_not_shipped,
    population_model_names,
)
from limus.pharmacokinetics.population_model.mass_balance import is_linear
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.workflows.request import Request, keep_result

__all__ = ["PkModelsRequest", "PkModelsResult", "run"]


class PkModelsRequest(Request):
    """A compound, by name or synonym, or none for all."""

    drug: str | None = None


@dataclass(frozen=True, slots=True)
class PkModelsResult:
    """One row a model, in the order of drug and name; then the models that are not shipped."""

    rows: tuple[dict[str, Any], ...]
    not_shipped: tuple[dict[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        return {"models": list(self.rows), "not_shipped": list(self.not_shipped)}


def run(request: PkModelsRequest, *, out: Path | None = None, execution: Execution | None = None) -> PkModelsResult:
    """List the population models.

    Parameters
    ----------
    request : PkModelsRequest
    out : Path, optional
        Run directory; the result is kept in ``result.json``.
    execution : Execution, optional
        Not used.

    Returns
    -------
    PkModelsResult

    Raises
    ------
    UnknownNameError
        No such compound, or no population model of it.
    """
    models = [load_population_model(name) for name in population_model_names()]
    left_out = models_not_shipped()
    if request.drug is not None:
        drug = find_compound(request.drug).name
        models = [model for model in models if model.drug == drug]
        left_out = tuple(model for model in left_out if model.drug == drug)
        if not models:
            known = sorted({load_population_model(name).drug for name in population_model_names()})
            raise UnknownNameError("drug", request.drug, ", ".join(known), "the library has no population model of it")
    rows = tuple(_row(model) for model in sorted(models, key=lambda m: (m.drug, m.name.casefold())))
    reasons = tuple(
        {"name": model.name, "drug": model.drug, "paper": model.paper, "reason": model.reason} for model in left_out
    )
    result = PkModelsResult(rows, reasons)
    keep_result(result, out, "pk_models", request, execution)
    return result


def _row(model: PopulationModel) -> dict[str, Any]:
    organs = next((limit.allowed for limit in model.limits if limit.name == "organ"), ())
    return {
        "name": model.name,
        "drug": model.drug,
        "title": model.title,
        "organ": list(organs),
        "subjects": model.population.subjects,
        "structure": model.structure,
        "linear": is_linear(model),
        "matrix": model.matrix,
        "covariates": list(model.covariates),
        "between_subject": list(model.between_subject.names),
        "between_occasion": list(model.between_occasion.names),
        "residual": model.residual.form,
        "paper": model.bibliography[model.paper].short,
        "conflicts": len(model.conflicts),
    }
