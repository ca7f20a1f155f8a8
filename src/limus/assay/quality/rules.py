"""The limits by which assays are judged: those of the library, each with its source, unless a layout sets its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from limus.kernel.errors import InputError
from limus.kernel.provenance import Kind
from limus.kernel.tables import Entry, library_folder, parse_record, read_toml

__all__ = ["Rule", "load_rules", "rule_values"]


class _RuleEntry(Entry):
    value: float
    unit: Literal["percent"]
    kind: Literal["measured", "compiled", "fitted", "assumed"]
    source: list[str]
    note: str


class _RulesFile(Entry):
    limus_assay_rules: Literal[1]
    accuracy_percent: _RuleEntry
    accuracy_at_limits_percent: _RuleEntry
    precision_percent: _RuleEntry
    precision_at_limits_percent: _RuleEntry
    parallelism_cv_percent: _RuleEntry
    recovery_lower_percent: _RuleEntry
    recovery_upper_percent: _RuleEntry
    viability_percent: _RuleEntry


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit, per cent, with kind, source and note."""

    name: str
    value_percent: float
    kind: Kind
    source: tuple[str, ...]
    note: str


@lru_cache(maxsize=1)
def load_rules() -> Mapping[str, Rule]:
    """Load the limits of the library.

    Returns
    -------
    mapping of str to Rule

    Raises
    ------
    FileReadError
        The library file is wrong.
    """
    file = read_toml(library_folder() / "constants" / "assay_rules.toml", _RulesFile)
    entries: dict[str, _RuleEntry] = {
        name: getattr(file, name) for name in _RulesFile.model_fields if name != "limus_assay_rules"
    }
    return {name: Rule(name, e.value, Kind(e.kind), tuple(e.source), e.note) for name, e in entries.items()}


class _Given(Entry):
    """What a layout may set."""

    value: float


def rule_values(given: Mapping[str, Any], where: str) -> dict[str, float]:
    """Return the limits that hold: the layout's where it sets them, else the library's.

    Parameters
    ----------
    given : mapping of str to number
        From a layout; keys that are no limits are refused.
    where : str
        Named in errors.

    Returns
    -------
    dict of str to float
        Per cent.

    Raises
    ------
    InputError
        An unknown limit, or one that is not a positive number.
    """
    rules = load_rules()
    values = {name: rule.value_percent for name, rule in rules.items()}
    for name, value in given.items():
        if name not in rules:
            raise InputError(where, name, ", ".join(rules), "correct the name of the limit")
        number = parse_record({"value": value}, _Given, where=f"{where} {name}").value
        if not number > 0:
            raise InputError(f"{where} {name}", value, "a positive number, per cent", "correct the limit")
        values[name] = number
    return values
