"""A compound: its names, its identity and its constants, each with a source.

The library ships one TOML file per compound under ``library/compounds``. A name is looked up by INN or synonym without
regard to case and to hyphens; a name that is not there is an error, never a stand-in. Where two papers give a constant
there are two entries, and whoever wants it names one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from limus.kernel.errors import FileReadError, InputError, UnknownNameError, near_names
from limus.kernel.provenance import Kind, SourcedValue
from limus.kernel.units import convert

__all__ = [
    "Compound",
    "CompoundConstant",
    "SourcedText",
    "find_compound",
    "fold_name",
    "library_folder",
    "load_compounds",
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


def library_folder() -> Path:
    """Return the folder of the shipped library (text files)."""
    return Path(str(resources.files("limus"))) / "library"


def load_compounds(folder: Path | None = None) -> Mapping[str, Compound]:
    """Read every compound file of a folder.

    Parameters
    ----------
    folder : Path, optional
        Folder with ``*.toml``; the shipped library (read once) where left out.

    Returns
    -------
    mapping of str to Compound
        By name, sorted by file name; read-only.

    Raises
    ------
    FileReadError
        No such folder or no file in it, a file that is not a compound file, or one name in two files; the message
        names file and key.

    Examples
    --------
    >>> load_compounds()["tacrolimus"].target
    'calcineurin'
    """
    return _built_in_compounds() if folder is None else _read_folder(folder)


@lru_cache(maxsize=1)
def _built_in_compounds() -> Mapping[str, Compound]:
    return _read_folder(library_folder() / "compounds")


def _read_folder(folder: Path) -> Mapping[str, Compound]:
    from limus.molecule.compound_file import read_compound  # noqa: PLC0415

    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise FileReadError(str(folder), "no *.toml file", "a folder with compound files", "check the path")
    compounds: dict[str, Compound] = {}
    for path in paths:
        compound = read_compound(path)
        if compound.name in compounds:
            raise FileReadError(
                f"{path}, key name", compound.name, "a name that no other file has", "rename or remove one"
            )
        compounds[compound.name] = compound
    return MappingProxyType(compounds)


def find_compound(name: str, compounds: Mapping[str, Compound] | None = None) -> Compound:
    """Find a compound by name or synonym; case, hyphens and spaces do not count.

    Parameters
    ----------
    name : str
        What the user wrote.
    compounds : mapping of str to Compound, optional
        Where to look; the shipped library where left out.

    Returns
    -------
    Compound

    Raises
    ------
    UnknownNameError
        No compound has this name; the message lists near ones, nothing is substituted.
    InputError
        Two compounds have this name.

    Examples
    --------
    >>> find_compound("fk-506").name
    'tacrolimus'
    """
    known = load_compounds() if compounds is None else compounds
    wanted = fold_name(name)
    found = [compound for compound in known.values() if wanted in map(fold_name, compound.names)]
    if len(found) > 1:
        both = " and ".join(compound.name for compound in found)
        raise InputError("compound", name, "a name that one compound has", f"{both} share it: use the full name")
    if found:
        return found[0]
    owners = {other: compound.name for compound in known.values() for other in compound.names}
    close = dict.fromkeys(owners[other] for other in near_names(name, owners, most=3))
    do = f"did you mean {' or '.join(close)}?" if close else "choose one of the allowed names; nothing is substituted"
    raise UnknownNameError("compound", name, f"one of {', '.join(known)}", do)


def fold_name(name: str) -> str:
    """Return a name without case, hyphens, underscores and spaces, as names are compared."""
    return re.sub(r"[-_\s]+", "", name).casefold()
