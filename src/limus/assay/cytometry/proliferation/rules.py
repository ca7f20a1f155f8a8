"""The limits by which cytometry goes: the library's, each with kind and reason, unless a layout sets its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Literal

from limus.assay.cytometry.gate.proposals import GateRules
from limus.assay.cytometry.generation.records import DeconvolutionRules
from limus.assay.cytometry.tube.acquisition import AcquisitionRules
from limus.kernel.errors import InputError
from limus.kernel.provenance import Kind
from limus.kernel.tables import Entry, library_folder, parse_record, read_toml

__all__ = ["CytometryRule", "CytometryRules", "cytometry_rules", "load_cytometry_rules"]


class _RuleEntry(Entry):
    value: float
    unit: str
    kind: Literal["measured", "compiled", "fitted", "assumed"]
    source: list[str]
    note: str


class _RulesFile(Entry):
    limus_cytometry_rules: Literal[1]
    least_events: _RuleEntry
    most_generations: _RuleEntry
    separation: _RuleEntry
    staining_tolerance: _RuleEntry
    poor_dispersion: _RuleEntry
    control_distance: _RuleEntry
    debris_share: _RuleEntry
    singlet_spread: _RuleEntry
    population_spread: _RuleEntry
    margin_percent: _RuleEntry
    drift_percent: _RuleEntry
    rate_fold: _RuleEntry


@dataclass(frozen=True, slots=True)
class CytometryRule:
    """A limit with kind, source and reason."""

    name: str
    value: float
    unit: str
    kind: Kind
    source: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class CytometryRules:
    """The limits that hold, for each part that goes by them."""

    deconvolution: DeconvolutionRules
    gates: GateRules
    acquisition: AcquisitionRules


@lru_cache(maxsize=1)
def load_cytometry_rules() -> Mapping[str, CytometryRule]:
    """Load the limits of the library.

    Returns
    -------
    mapping of str to CytometryRule

    Raises
    ------
    FileReadError
        The library file is wrong.
    """
    file = read_toml(library_folder() / "constants" / "cytometry_rules.toml", _RulesFile)
    entries: dict[str, _RuleEntry] = {
        name: getattr(file, name) for name in _RulesFile.model_fields if name != "limus_cytometry_rules"
    }
    return {
        name: CytometryRule(name, e.value, e.unit, Kind(e.kind), tuple(e.source), e.note) for name, e in entries.items()
    }


class _Given(Entry):
    value: float


def cytometry_rules(given: Mapping[str, Any], where: str) -> CytometryRules:
    """Return the limits that hold: a layout's where it sets them, else the library's.

    Parameters
    ----------
    given : mapping of str to number
    where : str
        Named in errors.

    Returns
    -------
    CytometryRules

    Raises
    ------
    InputError
        An unknown limit, or one that is not a positive number.
    """
    values = {name: rule.value for name, rule in load_cytometry_rules().items()}
    for name, value in given.items():
        if name not in values:
            raise InputError(where, name, ", ".join(values), "correct the name of the limit")
        wanted = {"value": float(value) if isinstance(value, int) else value}
        number = parse_record(wanted, _Given, where=f"{where} {name}").value
        if not number > 0:
            raise InputError(f"{where} {name}", value, "a positive number", "correct the limit")
        values[name] = number

    def pick(kind: Any) -> dict[str, float]:
        return {field.name: values[field.name] for field in fields(kind)}

    return CytometryRules(
        DeconvolutionRules(**pick(DeconvolutionRules)),
        GateRules(**pick(GateRules)),
        AcquisitionRules(**pick(AcquisitionRules)),
    )
