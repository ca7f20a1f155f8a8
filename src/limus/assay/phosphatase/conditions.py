"""What a phosphatase assay must be told beside the wells: reaction, enzyme, immunophilin, substrate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from limus.assay.layout.records import Layout
from limus.assay.layout.wells import read_quantity
from limus.kernel.errors import InputError, UnitError
from limus.kernel.provenance import Kind
from limus.kernel.tables import Entry, parse_record
from limus.kernel.units import convert
from limus.molecule.catalogue import known_compound

__all__ = ["Affinity", "PhosphataseConditions", "find_affinity", "read_conditions"]

Percent = Annotated[float, Field(ge=0, le=200)]


class _Section(Entry):
    """Section ``[phosphatase]`` of a layout."""

    reaction_time: str = ""
    enzyme_mass: str = ""
    enzyme_concentration: str = ""
    enzyme_concentration_cv_percent: Percent = 0.0
    immunophilin: str = ""
    immunophilin_concentration: str = ""
    immunophilin_concentration_cv_percent: Percent = 0.0
    dissociation_constants: dict[str, str] = Field(default_factory=dict)
    mechanism: Literal["competitive", "noncompetitive", "not stated"] = "not stated"
    substrate_concentration: str = ""
    michaelis_constant: str = ""
    reaction_volume: str = ""
    standard_volume: str = ""
    standard_model: Literal["auto", "line", "quadratic"] = "auto"


@dataclass(frozen=True, slots=True)
class PhosphataseConditions:
    """Conditions in canonical units; None where the layout does not say.

    Attributes
    ----------
    reaction_time_min, enzyme_mass_ug : float or None
        Of wells that do not name their own.
    enzyme_nM, enzyme_cv_percent : float or None, float
        Active enzyme in the reaction, and how uncertain that is.
    immunophilin : str
    immunophilin_nM, immunophilin_cv_percent : float or None, float
    dissociation_constants : mapping of str to str
        By compound as written: a quantity, or an entry of the library.
    mechanism : str
        ``competitive``, ``noncompetitive`` or ``not stated``.
    substrate_nM, michaelis_nM : float or None
    reaction_volume_L, standard_volume_L : float or None
    standard_model : str
    """

    reaction_time_min: float | None
    enzyme_mass_ug: float | None
    enzyme_nM: float | None  # noqa: N815
    enzyme_cv_percent: float
    immunophilin: str
    immunophilin_nM: float | None  # noqa: N815
    immunophilin_cv_percent: float
    dissociation_constants: Mapping[str, str]
    mechanism: str
    substrate_nM: float | None  # noqa: N815
    michaelis_nM: float | None  # noqa: N815
    reaction_volume_L: float | None  # noqa: N815
    standard_volume_L: float | None  # noqa: N815
    standard_model: Literal["auto", "line", "quadratic"]

    @property
    def substrate_over_km(self) -> float | None:
        """S / K_m where the inhibitor is said to compete and both are known, else None."""
        if self.mechanism != "competitive" or not self.substrate_nM or not self.michaelis_nM:
            return None
        return self.substrate_nM / self.michaelis_nM


@dataclass(frozen=True, slots=True)
class Affinity:
    """The dissociation constant of a drug and its immunophilin, or why there is none.

    Attributes
    ----------
    value_nM : float or None
    origin : str
        Where it stands, for people.
    kind : Kind or None
        None where the layout gives it.
    source : tuple of str
        Keys of the bibliography.
    refused : str
        Why there is none; empty where there is one.
    """

    value_nM: float | None = None  # noqa: N815
    origin: str = ""
    kind: Kind | None = None
    source: tuple[str, ...] = ()
    refused: str = ""


def read_conditions(layout: Layout) -> PhosphataseConditions:
    """Read the conditions of a phosphatase assay from section ``[phosphatase]`` of its layout.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    PhosphataseConditions

    Raises
    ------
    InputError
        A key that is unknown or wrong, or a quantity that is not positive.
    UnitError
        A unit is missing, unknown or of another kind.
    """
    section = parse_record(dict(layout.sections["phosphatase"]), _Section, where=f"{layout.path}, [phosphatase]")

    def read(key: str, unit: str) -> float | None:
        return _positive(getattr(section, key), unit, layout.path, key)

    return PhosphataseConditions(
        reaction_time_min=read("reaction_time", "min"),
        enzyme_mass_ug=read("enzyme_mass", "ug"),
        enzyme_nM=read("enzyme_concentration", "nM"),
        enzyme_cv_percent=section.enzyme_concentration_cv_percent,
        immunophilin=section.immunophilin,
        immunophilin_nM=read("immunophilin_concentration", "nM"),
        immunophilin_cv_percent=section.immunophilin_concentration_cv_percent,
        dissociation_constants=section.dissociation_constants,
        mechanism=section.mechanism,
        substrate_nM=read("substrate_concentration", "nM"),
        michaelis_nM=read("michaelis_constant", "nM"),
        reaction_volume_L=read("reaction_volume", "L"),
        standard_volume_L=read("standard_volume", "L"),
        standard_model=section.standard_model,
    )


def _positive(text: str, unit: str, path: Path, key: str) -> float | None:
    if not text:
        return None
    where = f"{path}, [phosphatase] {key}"
    quantity = read_quantity(text, where)
    if not quantity.unit:
        raise UnitError(where, text, f"a number with its unit, such as 10 {unit}", "write the unit")
    value = quantity.in_unit(unit, where=where)
    if not value > 0:
        raise InputError(where, text, "more than zero", "correct it, or leave it out if it is not known")
    return value


def find_affinity(name: str, conditions: PhosphataseConditions) -> Affinity:
    """Find the dissociation constant of a drug and the assay's immunophilin: the layout's, else the library's.

    Parameters
    ----------
    name : str
        The compound as the layout writes it.
    conditions : PhosphataseConditions

    Returns
    -------
    Affinity
        Where the library has none or several, the reason; none is chosen for the user.

    Raises
    ------
    InputError
        What the layout gives is neither a quantity nor an entry of the library.
    """
    written = conditions.dissociation_constants.get(name, "")
    compound = known_compound(name)
    if written[:1].isdigit():
        where = f"[phosphatase.dissociation_constants] {name}"
        return Affinity(read_quantity(written, where).in_unit("nM", where=where), "the layout")
    if compound is None:
        return Affinity(refused=f"{name} is not in the library and the layout gives no dissociation constant for it")
    key = f"{conditions.immunophilin.casefold().replace(' ', '_')}_dissociation_constant"
    named = written.rpartition(":")[2]  # as in a model's file, or without the compound
    found = [compound.constant(named)] if named else [c for c in compound.constants if c.property == key]
    found = [c for c in found if c.value.value is not None]
    if len(found) != 1:
        ids = ", ".join(c.id for c in found) or "none"
        return Affinity(
            refused=f"the library has {ids} for {compound.name} and {conditions.immunophilin}; name one constant under "
            "[phosphatase.dissociation_constants]"
        )
    value = found[0].value
    return Affinity(
        convert(float(value.value or 0.0), value.unit, "nM"), f"{compound.name}:{found[0].id}", value.kind, value.source
    )
