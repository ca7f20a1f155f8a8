"""A compound: its names, its identity and its constants, each with a source.

Where two papers give a constant there are two entries, and whoever wants it names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from limus.kernel.errors import InputError, UnknownNameError, near_names
from limus.kernel.provenance import Kind, SourcedValue
from limus.kernel.units import convert

__all__ = [
    "Compound",
    "CompoundConstant",
    "SourcedText",
]


@dataclass(frozen=True, slots=True)
class SourcedText:
    """A text such as an InChIKey; fields as in :class:`~limus.kernel.provenance.SourcedValue`."""

    value: str
    kind: Kind
    source: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class CompoundConstant:
    """One constant of a compound from one source.

    Attributes
    ----------
    property : str
        What it is, such as ``fkbp12_dissociation_constant``.
    id : str
        ``property@source_key``, or ``property@assumed`` where there is no source.
    value : SourcedValue
        Number, unit, kind, source, conditions.
    """

    property: str
    id: str
    value: SourcedValue


@dataclass(frozen=True, slots=True)
class Compound:
    """A compound of the library.

    Attributes
    ----------
    name : str
        International nonproprietary name, or code.
    synonyms : tuple of str
        Other names that find it.
    drug_class : str
        calcineurin inhibitor, mTOR inhibitor, IMPDH inhibitor or topical corticosteroid.
    immunophilin, target : str
        The protein that binds it first (or none), and what is inhibited.
    summary, note : str
        What it is and what is special; caveats and conflicts.
    identity : mapping of str to SourcedText
        inchikey, smiles, formula, cas, pubchem_cid, chembl, drugbank; what is not known is absent.
    constants : tuple of CompoundConstant
        In the order of the file.
    """

    name: str
    synonyms: tuple[str, ...]
    drug_class: str
    immunophilin: str
    target: str
    summary: str
    note: str
    identity: Mapping[str, SourcedText]
    constants: tuple[CompoundConstant, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The name and all synonyms."""
        return (self.name, *self.synonyms)

    def constant(self, property_or_id: str) -> CompoundConstant:
        """Return one constant, by property where there is one source, else by id.

        Parameters
        ----------
        property_or_id : str
            Such as ``molar_mass`` or ``fraction_unbound_plasma@zahir_2004``.

        Returns
        -------
        CompoundConstant

        Raises
        ------
        UnknownNameError
            The compound has no such constant.
        InputError
            Several sources give the property and none was named.
        """
        found = [one for one in self.constants if property_or_id in (one.property, one.id)]
        where = f"constant of {self.name}"
        if not found:
            known = list(dict.fromkeys(one.property for one in self.constants))
            close = near_names(property_or_id, [*known, *(one.id for one in self.constants)])
            do = f"did you mean {' or '.join(close)}?" if close else "use one of the allowed names"
            raise UnknownNameError(where, property_or_id, f"one of {', '.join(known) or 'none'}", do)
        if len(found) > 1:
            ids = ", ".join(one.id for one in found)
            raise InputError(where, property_or_id, f"one of {ids}", "name the source; none is chosen for you")
        return found[0]

    @property
    def molar_mass_g_per_mol(self) -> float:
        """Molar mass, g/mol.

        Raises
        ------
        InputError
            The compound has no molar mass, or has several without a source named.
        """
        entries = [one for one in self.constants if one.property == "molar_mass"]
        value = self.constant("molar_mass").value if entries else None
        if value is None or value.value is None:
            raise InputError(
                f"molar mass of {self.name}",
                "none in the library",
                "a compound whose structure is known",
                "give amounts by mass only, or add the molar mass with its source to a compound file of your own",
            )
        return convert(value.value, value.unit, "g/mol", where=f"molar mass of {self.name}")
