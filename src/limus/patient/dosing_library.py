"""What a drug can be given as: strengths, intervals, limits and starting doses, from the library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from limus.kernel.errors import UnknownNameError, near_names
from limus.kernel.provenance import Kind
from limus.kernel.tables import Entry, library_folder, read_toml

__all__ = ["DoseForm", "DosingRules", "GenotypeRule", "Origin", "StartingRule", "load_dosing"]

Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule comes from."""

    kind: Kind
    source: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class DoseForm:
    """A form of a drug: strengths, mg, rising; the intervals at which it is given, h."""

    name: str
    strengths_mg: tuple[float, ...]
    intervals_h: tuple[float, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class StartingRule:
    """A starting dose: by body weight, or one for all; the other is 0."""

    setting: str
    daily_mg_per_kg: float
    daily_mg: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class GenotypeRule:
    """What carriers of an active gene start with: a factor on the starting dose, and the limit it may not exceed."""

    gene: str
    phenotypes: tuple[str, ...]
    factor_lower: float
    factor_upper: float
    daily_mg_per_kg: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class DosingRules:
    """Everything the library says about giving a drug.

    Attributes
    ----------
    substance : str
        What AMT weighs.
    forms : tuple of DoseForm
        The first is the default.
    cap_daily_mg_per_kg : float or None
        Limit of every candidate.
    cap_origin : Origin or None
    starting : tuple of StartingRule
    genotype : GenotypeRule or None
    """

    substance: str
    forms: tuple[DoseForm, ...]
    cap_daily_mg_per_kg: float | None
    cap_origin: Origin | None
    starting: tuple[StartingRule, ...]
    genotype: GenotypeRule | None


class _Sourced(Entry):
    kind: Literal["measured", "compiled", "assumed"]
    source: list[str] = Field(default_factory=list)
    note: str = ""

    @property
    def origin(self) -> Origin:
        return Origin(Kind(self.kind), tuple(self.source), self.note)


class _Form(_Sourced):
    name: Text
    strengths_mg: Annotated[list[Positive], Field(min_length=1)]
    intervals_h: Annotated[list[Positive], Field(min_length=1)]


class _Cap(_Sourced):
    daily_mg_per_kg: Positive


class _Starting(_Sourced):
    setting: Text
    daily_mg_per_kg: float = 0.0
    daily_mg: float = 0.0


class _Genotype(_Sourced):
    gene: Text
    phenotypes: list[str]
    factor_lower: Positive
    factor_upper: Positive
    daily_mg_per_kg: Positive


class _File(Entry):
    limus_dosing: Literal[1]
    substance: Text
    forms: Annotated[list[_Form], Field(min_length=1)]
    cap: _Cap | None = None
    starting: list[_Starting] = Field(default_factory=list)
    genotype: _Genotype | None = None


@lru_cache(maxsize=16)
def load_dosing(substance: str) -> DosingRules:
    """Load what the library says about giving a substance.

    Parameters
    ----------
    substance : str
        As a model's ``dosing.substance``.

    Returns
    -------
    DosingRules

    Raises
    ------
    UnknownNameError
        No file for it.
    FileReadError
        The file is wrong.

    Examples
    --------
    >>> load_dosing("tacrolimus").forms[0].strengths_mg
    (0.5, 1.0, 5.0)
    """
    folder = library_folder() / "dosing"
    path = folder / f"{substance.replace(' ', '_')}.toml"
    if not path.is_file():
        known = sorted(p.stem.replace("_", " ") for p in folder.glob("*.toml"))
        near = near_names(substance, known)
        do = f"did you mean {near[0]}?" if near else "state the strengths, as --strengths 0.5,1,5"
        raise UnknownNameError("dosing rules", substance, ", ".join(known), do)
    file = read_toml(path, _File)
    genotype = file.genotype
    return DosingRules(
        substance=file.substance,
        forms=tuple(
            DoseForm(f.name, tuple(sorted(f.strengths_mg)), tuple(f.intervals_h), f.origin) for f in file.forms
        ),
        cap_daily_mg_per_kg=file.cap.daily_mg_per_kg if file.cap else None,
        cap_origin=file.cap.origin if file.cap else None,
        starting=tuple(StartingRule(s.setting, s.daily_mg_per_kg, s.daily_mg, s.origin) for s in file.starting),
        genotype=None
        if genotype is None
        else GenotypeRule(
            genotype.gene,
            tuple(genotype.phenotypes),
            genotype.factor_lower,
            genotype.factor_upper,
            genotype.daily_mg_per_kg,
            genotype.origin,
        ),
    )
