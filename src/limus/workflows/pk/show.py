"""``limus pk show``: a population model with every number and its source, and its card as a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from limus.kernel.checks import Finding, raise_on_errors
from limus.kernel.errors import FileReadError
from limus.kernel.execution import Execution
from limus.kernel.provenance import SourcedValue, stamp_run
from limus.kernel.tables import write_csv
from limus.pharmacokinetics.population_model.checks import check_population_model
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.mass_balance import is_linear
from limus.pharmacokinetics.population_model.random_effects import RandomEffects
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.residual_error import ResidualError
from limus.pharmacokinetics.population_model.validity_limits import Covariate, limits_in_words
from limus.pharmacokinetics.population_profile import Profile, typical_profile
from limus.report.content import Figure, Guide, walk_blocks
from limus.report.html import write_html
from limus.report.pdf import write_pdf
from limus.workflows.pk.card import card_sections
from limus.workflows.request import Request, keep_result, open_run

__all__ = ["PkShowRequest", "PkShowResult", "run"]


class PkShowRequest(Request):
    """The model, by name or as the path of its ``.toml``."""

    model: str
    subjects: int = Field(default=1000, ge=0, le=100_000, description="virtual subjects of the band")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class PkShowResult:
    """A model, what its checks found, its typical profile, and where the card stands (None without ``--out``)."""

    model: PopulationModel
    findings: tuple[Finding, ...]
    profile: Profile
    card_html: Path | None
    card_pdf: Path | None
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; numbers in the units that stand beside them."""
        model = self.model
        return _about(model) | {
            "parameters": [{"name": p.name, "unit": p.unit, "meaning": p.meaning} for p in model.parameters.values()],
            "values": [{"name": name} | _sourced(value) for name, value in model.values.items()],
            "covariates": [_limited(entry) for entry in model.covariates.values()],
            "limits": [_limited(entry) for entry in model.limits],
            "between_subject": _effects(model.between_subject),
            "between_occasion": _effects(model.between_occasion),
            "residual": _residual(model.residual),
            "residual_alternatives": {name: _residual(r) for name, r in model.residual_alternatives.items()},
            "conflicts": [
                {"about": c.about, "used": c.used, "other": c.other, "reason": c.reason} for c in model.conflicts
            ],
            "changes": [{"what": c.what, "why": c.why} for c in model.changes],
            "typical": {
                "covariates": dict(model.typical.covariates),
                "dose": model.typical.dose,
                "dose_unit": model.units.AMT,
                "interval_h": model.typical.interval_h,
                "doses": model.typical.doses,
                "note": model.typical.note,
            },
            "profile": {
                "begins_h": self.profile.begins_h,
                "time_h": self.profile.time_h,
                "typical": self.profile.typical,
                "lower": self.profile.lower,
                "upper": self.profile.upper,
                "unit": model.units.DV,
                "subjects": self.profile.subjects,
            },
            "findings": [finding.as_dict() for finding in self.findings],
            "references": {key: model.bibliography[key].citation for key in (model.paper, *model.via)},
            "card_html": None if self.card_html is None else str(self.card_html),
            "card_pdf": None if self.card_pdf is None else str(self.card_pdf),
            "seed": self.seed,
        }


def run(request: PkShowRequest, *, out: Path | None = None, execution: Execution | None = None) -> PkShowResult:
    """Show a population model; with a folder, write its card as HTML and PDF.

    Parameters
    ----------
    request : PkShowRequest
    out : Path, optional
        Run directory for ``card.html``, ``card.pdf``, ``figures/`` and ``result.json``.
    execution : Execution, optional
        How to run; the request's seed is used.

    Returns
    -------
    PkShowResult

    Raises
    ------
    UnknownNameError
        No such model.
    FileReadError
        A file of one's own is wrong, or a check found an error in it.
    ModelError, UnsupportedFeatureError
        The equations are wrong.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    model = load_population_model(request.model)
    findings = check_population_model(model)
    raise_on_errors(findings, FileReadError)
    profile = typical_profile(model, subjects=request.subjects, execution=execution)
    if out is None:
        return PkShowResult(model, findings, profile, None, None, request.seed)
    inputs = (model.path, model.path.with_suffix(".ant"))
    directory = open_run(out, "pk_show", request.as_dict(), execution, inputs)
    guide = Guide.create(
        model.name.replace("_", " "),
        model.title,
        card_sections(model, profile, request.seed),
        values={},
        stamp=stamp_run(request.seed),
        bibliography=model.bibliography,
    )
    _write_figures(guide, directory.path / "figures")
    html = write_html(guide, directory.path / "card.html")
    pdf = write_pdf(guide, directory.path / "card.pdf")
    result = PkShowResult(model, findings, profile, html, pdf, request.seed)
    keep_result(result, out, "pk_show", request, execution)
    return result


def _write_figures(guide: Guide, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            (folder / f"{block.key}.svg").write_text(block.svg, encoding="utf-8")
            write_csv(block.data, folder / f"{block.key}.csv")


def _about(model: PopulationModel) -> dict[str, Any]:
    population, dosing = model.population, model.dosing
    return {
        "name": model.name,
        "title": model.title,
        "drug": model.drug,
        "matrix": model.matrix,
        "assay": model.assay,
        "structure": model.structure,
        "linear": is_linear(model),
        "paper": model.paper,
        "via": list(model.via),
        "sha256": model.content_hash,
        "units": {"AMT": model.units.AMT, "DV": model.units.DV, "TIME": model.units.TIME, "states": model.units.states},
        "observation": {
            "output": model.observation.output,
            "linear": model.observation.linear,
            "clearance": model.observation.clearance,
        },
        "dosing": {
            "substance": dosing.substance,
            "compartment": dosing.compartment,
            "routes": dict(dosing.routes),
            "numbered": dict(dosing.numbered),
            "infusion": dosing.infusion,
            "lag": dosing.lag,
            "bioavailability": dosing.bioavailability,
            "salt_factor": dosing.salt_factor,
            "note": dosing.note,
        },
        "population": {
            "description": population.description,
            "subjects": population.subjects,
            "observations": population.observations,
            "age": population.age,
            "weight": population.weight,
            "region": population.region,
            "comedication": population.comedication,
        },
    }


def _sourced(value: SourcedValue) -> dict[str, Any]:
    return {
        "value": value.value,
        "unit": value.unit,
        "printed": value.printed,
        "spread": value.spread,
        "kind": str(value.kind),
        "source": list(value.source),
        "note": value.note,
    }


def _limited(entry: Any) -> dict[str, Any]:
    row = {
        "name": entry.name,
        "meaning": entry.meaning,
        "unit": entry.unit,
        "lower": entry.lower,
        "upper": entry.upper,
        "allowed": limits_in_words(entry),
        "columns": list(entry.columns),
        "kind": str(entry.kind),
        "note": entry.note,
    }
    if isinstance(entry, Covariate):
        row |= {"default": entry.default, "default_reason": entry.default_reason, "carry": entry.carry}
    return row


def _effects(effects: RandomEffects) -> dict[str, Any]:
    return {
        "names": list(effects.names),
        "covariance": effects.covariance,
        "printed": [
            {"name": p.name, "given_as": p.given_as, "variance": p.variance} | _sourced(p.sourced)
            for p in effects.printed
        ],
        "correlations": [
            {"between": list(c.between), "given_as": c.given_as} | _sourced(c.sourced) for c in effects.correlations
        ],
    }


def _residual(residual: ResidualError) -> dict[str, Any]:
    return {
        "form": residual.form,
        "proportional_sd": residual.proportional,
        "additive_sd": residual.additive,
        "log_additive_sd": residual.log_additive,
        "formula": residual.formula,
        "printed": {part: {"given_as": given} | _sourced(value) for part, (value, given) in residual.printed.items()},
        "note": residual.note,
    }
