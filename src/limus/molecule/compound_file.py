"""The file of a compound: what it must hold, and how it becomes a :class:`~limus.molecule.compound.Compound`."""

from __future__ import annotations

import math
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from limus.kernel.provenance import Kind, SourcedValue
from limus.kernel.tables import Entry, read_toml
from limus.molecule.compound import Compound, CompoundConstant, SourcedText

__all__ = ["read_compound"]


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("a finite number")
    return number


Text = Annotated[str, Field(min_length=1)]
Key = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
KindName = Literal["measured", "compiled", "fitted", "assumed"]


class _Sourced(Entry):
    kind: KindName
    source: list[Key] = Field(default_factory=list)
    note: str = ""

    @model_validator(mode="after")
    def _has_source_unless_assumed(self) -> Self:
        if (self.kind == "assumed") == bool(self.source):
            raise ValueError(
                "at least one source where kind is measured, compiled or fitted; none where it is assumed "
                "(an alleged source belongs in the note)"
            )
        return self


class _IdentityEntry(_Sourced):
    value: Text


class _ConstantEntry(_Sourced):
    property: Key
    unit: Text
    value: Annotated[float, AfterValidator(_finite)] | None = None
    printed: str = ""
    spread: str = ""
    conditions: str = ""

    @model_validator(mode="after")
    def _has_value_or_text(self) -> Self:
        if self.value is None and not self.printed:
            raise ValueError("a value, or the text as printed")
        return self


class _Identity(Entry):
    inchikey: _IdentityEntry | None = None
    smiles: _IdentityEntry | None = None
    formula: _IdentityEntry | None = None
    cas: _IdentityEntry | None = None
    pubchem_cid: _IdentityEntry | None = None
    chembl: _IdentityEntry | None = None
    drugbank: _IdentityEntry | None = None


class _CompoundFile(Entry):
    limus_compound: Literal[1]
    name: Text
    synonyms: list[Text]
    drug_class: Literal["calcineurin inhibitor", "mTOR inhibitor", "IMPDH inhibitor", "topical corticosteroid"]
    immunophilin: Literal["FKBP12", "cyclophilin A", "none"]
    target: Literal["calcineurin", "mTORC1", "IMPDH", "glucocorticoid receptor"]
    summary: Text
    note: str = ""
    identity: _Identity
    constants: list[_ConstantEntry] = Field(default_factory=list)


def read_compound(path: Path) -> Compound:
    """Read one compound file.

    Parameters
    ----------
    path : Path
        TOML, with ``limus_compound = 1``.

    Returns
    -------
    Compound

    Raises
    ------
    FileReadError
        Unreadable file, not TOML, another version, or a key that is missing, unknown or wrong; the message names file
        and key, what came and what is allowed.
    """
    file = read_toml(path, _CompoundFile)
    identity = {
        name: SourcedText(entry.value, Kind(entry.kind), tuple(entry.source), entry.note)
        for name in _Identity.model_fields
        if (entry := getattr(file.identity, name)) is not None
    }
    return Compound(
        name=file.name,
        synonyms=tuple(file.synonyms),
        drug_class=file.drug_class,
        immunophilin=file.immunophilin,
        target=file.target,
        summary=file.summary,
        note=file.note,
        identity=MappingProxyType(identity),
        constants=tuple(_constant(entry) for entry in file.constants),
    )


def _constant(entry: _ConstantEntry) -> CompoundConstant:
    value = SourcedValue(
        value=entry.value,
        unit=entry.unit,
        kind=Kind(entry.kind),
        source=tuple(entry.source),
        printed=entry.printed,
        spread=entry.spread,
        conditions=entry.conditions,
        note=entry.note,
    )
    return CompoundConstant(entry.property, f"{entry.property}@{'+'.join(entry.source) or 'assumed'}", value)
