"""Checks of a compound library: each file with itself, with the others and with the bibliography."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from limus.kernel.checks import Check, Finding, Severity
from limus.kernel.errors import FileReadError, LimusError
from limus.kernel.provenance import Kind, Reference, load_bibliography
from limus.kernel.tables import library_folder
from limus.kernel.units import dimension
from limus.molecule.catalogue import fold_name, load_compounds
from limus.molecule.compound import Compound

__all__ = ["COMPOUND_CHECKS", "CompoundLibrary", "formula_mass_g_per_mol", "load_atomic_weights", "load_library"]

_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d*)+")
_MASS_TOLERANCE_G_PER_MOL = 0.02


@dataclass(frozen=True, slots=True)
class CompoundLibrary:
    """What the checks look at: compounds, references by key, and atomic weights by element (g/mol)."""

    compounds: Mapping[str, Compound]
    references: Mapping[str, Reference]
    atomic_weights: Mapping[str, float]


def load_library(folder: Path | None = None) -> CompoundLibrary:
    """Read compounds with the shipped bibliography and atomic weights.

    Parameters
    ----------
    folder : Path, optional
        Folder with compound files; the shipped ones where left out.

    Returns
    -------
    CompoundLibrary

    Raises
    ------
    FileReadError
        A file cannot be read or has the wrong content.
    """
    references = load_bibliography(library_folder() / "references.bib")
    return CompoundLibrary(load_compounds(folder), references, load_atomic_weights())


def load_atomic_weights(path: Path | None = None) -> Mapping[str, float]:
    """Read standard atomic weights.

    Parameters
    ----------
    path : Path, optional
        TOML with ``[[atomic_weights]]``; the shipped one where left out.

    Returns
    -------
    mapping of str to float
        By element symbol, g/mol; read-only.

    Raises
    ------
    FileReadError
        Unreadable file, or an entry without element and value.
    """
    path = path or library_folder() / "constants" / "atomic_weights.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["atomic_weights"]
        return MappingProxyType({str(entry["element"]): float(entry["value"]) for entry in entries})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise FileReadError(
            str(path), repr(error), "[[atomic_weights]] entries with element and value", "correct the file"
        ) from None


def formula_mass_g_per_mol(formula: str, atomic_weights: Mapping[str, float]) -> float:
    """Return the molar mass of a formula without brackets, charges or dots.

    Parameters
    ----------
    formula : str
        Such as ``C44H69NO12``.
    atomic_weights : mapping of str to float
        By element, g/mol.

    Returns
    -------
    float
        Molar mass, g/mol.

    Raises
    ------
    FileReadError
        Not such a formula, or an element without an atomic weight.
    """
    if not _FORMULA.fullmatch(formula):
        raise FileReadError("formula", formula, "elements and counts such as C44H69NO12", "correct the formula")
    atoms = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    missing = sorted({element for element, _ in atoms} - set(atomic_weights))
    if missing:
        raise FileReadError("formula", formula, f"elements {', '.join(atomic_weights)}", f"add {', '.join(missing)}")
    return sum(atomic_weights[element] * int(count or 1) for element, count in atoms)


def _finding(check: str, where: str, got: str, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, where, got, allowed, do)


def _molar_mass_agrees(library: CompoundLibrary) -> Iterator[Finding]:
    name = "molar-mass-agrees-with-formula"
    for compound in library.compounds.values():
        masses = [one for one in compound.constants if one.property == "molar_mass" and one.value.value is not None]
        formula = compound.identity.get("formula")
        if formula is None:
            yield from (
                _finding(name, f"{compound.name}, {one.id}", "no formula", "a formula beside a molar mass", "add it")
                for one in masses
            )
            continue
        try:
            expected = formula_mass_g_per_mol(formula.value, library.atomic_weights)
        except FileReadError as error:
            yield _finding(name, f"{compound.name}, identity.formula", error.got, error.allowed, error.do)
            continue
        for one in masses:
            if one.value.unit != "g/mol" or abs((one.value.value or 0.0) - expected) > _MASS_TOLERANCE_G_PER_MOL:
                allowed = f"{expected:.3f} +/- {_MASS_TOLERANCE_G_PER_MOL} g/mol for {formula.value}"
                got = f"{one.value.value} {one.value.unit}"
                yield _finding(name, f"{compound.name}, {one.id}", got, allowed, "correct mass or formula")


def _units_parse(library: CompoundLibrary) -> Iterator[Finding]:
    for compound in library.compounds.values():
        for one in compound.constants:
            try:
                dimension(one.value.unit, where=one.id)
            except LimusError as error:
                yield _finding("units-parse", f"{compound.name}, {one.id}", error.got, error.allowed, error.do)


def _sources_exist(library: CompoundLibrary) -> Iterator[Finding]:
    name = "sources-exist"
    for compound in library.compounds.values():
        entries: list[tuple[str, Kind, tuple[str, ...]]] = [
            (f"identity.{key}", text.kind, text.source) for key, text in compound.identity.items()
        ]
        entries += [(one.id, one.value.kind, one.value.source) for one in compound.constants]
        for place, kind, source in entries:
            where = f"{compound.name}, {place}"
            if kind is not Kind.ASSUMED and not source:
                yield _finding(name, where, f"{kind} without a source", "a source unless assumed", "add the source")
            for key in source:
                if key not in library.references:
                    yield _finding(name, where, key, "a key of references.bib", "add the entry or correct the key")


def _ids_unique(library: CompoundLibrary) -> Iterator[Finding]:
    for compound in library.compounds.values():
        for id_, count in Counter(one.id for one in compound.constants).items():
            if count > 1:
                yield _finding(
                    "ids-unique", f"{compound.name}, {id_}", f"{count} times", "once", "merge, or rename the property"
                )


def _names_not_shared(library: CompoundLibrary) -> Iterator[Finding]:
    owners: dict[str, set[str]] = {}
    for compound in library.compounds.values():
        for other in compound.names:
            owners.setdefault(fold_name(other), set()).add(compound.name)
    for folded, names in owners.items():
        if len(names) > 1:
            yield _finding(
                "names-not-shared", ", ".join(sorted(names)), folded, "a name that one compound has", "remove it"
            )


def _inchikeys_well_formed(library: CompoundLibrary) -> Iterable[Finding]:
    for compound in library.compounds.values():
        key = compound.identity.get("inchikey")
        if key is not None and not _INCHIKEY.fullmatch(key.value):
            yield _finding(
                "inchikey-well-formed",
                f"{compound.name}, identity.inchikey",
                key.value,
                "14, 10 and 1 capital letters joined by hyphens",
                "correct the key",
            )


COMPOUND_CHECKS: tuple[Check[CompoundLibrary], ...] = (
    Check("molar-mass-agrees-with-formula", "Every molar mass follows from its formula.", _molar_mass_agrees),
    Check("units-parse", "Every unit is one that can be converted.", _units_parse),
    Check("sources-exist", "Every source is in the bibliography, and only assumptions have none.", _sources_exist),
    Check("ids-unique", "Every constant of a compound has its own id.", _ids_unique),
    Check("names-not-shared", "No name leads to two compounds.", _names_not_shared),
    Check("inchikey-well-formed", "Every InChIKey has the form of one.", _inchikeys_well_formed),
)
