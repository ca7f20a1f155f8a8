"""The compounds of the library, by name or synonym.

The library ships one TOML file per compound under ``library/compounds``. A name is looked up by INN or synonym without
regard to case and to hyphens; a name that is not there is an error, never a stand-in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from limus.kernel.errors import FileReadError, InputError, UnknownNameError, near_names
from limus.kernel.tables import library_folder
from limus.molecule.compound import Compound
from limus.molecule.compound_file import read_compound

__all__ = ["find_compound", "fold_name", "known_compound", "load_compounds"]


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


def known_compound(name: str) -> Compound | None:
    """Return the compound of the library that a name means; None where the library does not have it.

    Parameters
    ----------
    name : str

    Returns
    -------
    Compound or None
    """
    try:
        return find_compound(name)
    except UnknownNameError:
        return None


def fold_name(name: str) -> str:
    """Return a name without case, hyphens, underscores and spaces, as names are compared."""
    return re.sub(r"[-_\s]+", "", name).casefold()
