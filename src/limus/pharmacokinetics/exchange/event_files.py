"""Files of events of any kind that limus reads, told apart by their variables.

=====================================  =============================================
variables                              file
=====================================  =============================================
``EXTRT``                              exposure domain (EX) of SDTM
``PCTESTCD``                           concentration domain (PC) of SDTM
``USUBJID`` and ``AFRLT``              analysis data set ADPPK
``USUBJID``, none of these             one row a subject: constant covariates
none: the file begins with ``{``       FHIR R4 bundle of one patient, JSON
anything else                          NONMEM event table, CSV or Parquet
=====================================  =============================================

One NONMEM table, one ADPPK or one bundle stands alone; EX may have PC and a table of subjects beside it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from limus.kernel.errors import FileReadError, InputError, near_names
from limus.pharmacokinetics.event_table.plausibility import TypicalRange
from limus.pharmacokinetics.event_table.read import read_event_table
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits, override_units, with_concentration_unit
from limus.pharmacokinetics.exchange.adppk_read import read_adppk
from limus.pharmacokinetics.exchange.cdisc import read_sdtm
from limus.pharmacokinetics.exchange.fhir.bundle import is_fhir_file
from limus.pharmacokinetics.exchange.fhir.read import MonitoredDrug, read_bundle
from limus.pharmacokinetics.exchange.xpt import variables_of

__all__ = ["KINDS", "EventFileOptions", "header_of", "kind_of_file", "read_event_files"]

KINDS = {
    "nonmem": "a NONMEM event table",
    "adppk": "ADPPK",
    "fhir": "a FHIR bundle",
    "ex": "EX",
    "pc": "PC",
    "subjects": "a table of subjects",
}
_CHOICES = ("EXTRT", "PCTESTCD", "PCSPEC")
_TOGETHER = "one NONMEM table, one ADPPK, one FHIR bundle, or EX with PC and a table of subjects"


@dataclass(frozen=True, slots=True)
class EventFileOptions:
    """What the reader knows beside the files.

    Attributes
    ----------
    units : TableUnits
        Of a NONMEM table; its unit of levels is the one wanted of every kind of file.
    unit_settings : tuple of str
        ``AMT=ug`` and the like, over ``units`` and over what ADPPK states; SDTM carries its units with each value.
    compartments : mapping of int to str, optional
        Compartments of the model by number.
    typical : tuple of TypicalRange
        For the check of slipped units of a NONMEM table.
    choices : mapping of str to str
        Which EXTRT, PCTESTCD or PCSPEC to take of SDTM domains that hold several.
    drug : MonitoredDrug, optional
        What to look for in a FHIR bundle.
    """

    units: TableUnits
    unit_settings: tuple[str, ...] = ()
    compartments: Mapping[int, str] | None = None
    typical: tuple[TypicalRange, ...] = ()
    choices: Mapping[str, str] | None = None
    drug: MonitoredDrug | None = None


def kind_of_file(path: Path) -> str:
    """Tell what kind of file of events a file is.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        A key of :data:`KINDS`.

    Raises
    ------
    FileReadError
        The file cannot be read.
    """
    if path.suffix.lower() == ".parquet":
        return "nonmem"
    if is_fhir_file(path):
        return "fhir"
    names = variables_of(path) if path.suffix.lower() == ".xpt" else header_of(path)
    for variable, kind in (("EXTRT", "ex"), ("PCTESTCD", "pc")):
        if variable in names:
            return kind
    if "USUBJID" in names:
        return "adppk" if "AFRLT" in names else "subjects"
    return "nonmem"


def header_of(path: Path) -> tuple[str, ...]:
    """Return the names in the first line of a text file that is no comment.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tuple of str

    Raises
    ------
    FileReadError
        The file cannot be read, or has no lines.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 table", "check path and encoding") from None
    for line in io.StringIO(text):
        if line.strip(" \t\r\n,;") and line.lstrip()[:1] not in {"#", "@"}:
            separator = max(",;\t", key=line.count)
            return tuple(name.strip() for name in next(csv.reader([line], delimiter=separator)))
    raise FileReadError(str(path), "no lines", "a header line and rows", "check the file")


def read_event_files(
    paths: Sequence[Path], options: EventFileOptions, *, molar_mass_g_per_mol: float | None = None
) -> EventTable:
    """Read one or more files of events as one event table.

    Parameters
    ----------
    paths : sequence of Path
        In any order.
    options : EventFileOptions
    molar_mass_g_per_mol : float, optional
        Of what is measured, for levels by amount of substance.

    Returns
    -------
    EventTable
        Levels in the unit of ``options.units``.

    Raises
    ------
    InputError
        Files that do not belong together, units given for SDTM, or a choice that the files do not offer.
    EventTableError, FileReadError, UnitError
        As the reader of the kind of file.
    """
    kinds = [kind_of_file(path) for path in paths]
    if sorted(kinds) not in (["nonmem"], ["adppk"], ["fhir"]) and not _is_sdtm(kinds):
        got = ", ".join(f"{path.name} ({KINDS[kind]})" for path, kind in zip(paths, kinds, strict=True)) or "none"
        raise InputError("event files", got, _TOGETHER, "give the files of one kind")
    choices = options.choices or {}
    _check_choices(choices, sdtm="ex" in kinds)
    by_kind = dict(zip(kinds, paths, strict=True))
    if kinds == ["nonmem"]:
        units = override_units(options.units, options.unit_settings)
        table = read_event_table(
            paths[0], units=units, compartments=options.compartments, typical=options.typical, text_ids=True
        )
    elif kinds == ["adppk"]:
        given = override_units(options.units, options.unit_settings) if options.unit_settings else None
        table = read_adppk(paths[0], units=given, compartments=options.compartments)
    elif options.unit_settings:
        got = ", ".join(options.unit_settings)
        allowed = f"no units: {' and '.join(KINDS[kind] for kind in kinds)} carry them with each value"
        raise InputError("--unit", got, allowed, "leave it out")
    elif kinds == ["fhir"]:
        if options.drug is None:
            raise InputError("event files", f"{paths[0].name} (a FHIR bundle)", "another kind", "use limus tdm")
        unit = options.units.concentration
        table = read_bundle(paths[0], options.drug, concentration=unit, typical=options.typical)
    else:
        table = read_sdtm(
            by_kind["ex"],
            by_kind.get("pc"),
            concentration=options.units.concentration,
            subjects=by_kind.get("subjects"),
            molar_mass_g_per_mol=molar_mass_g_per_mol,
            treatment=choices.get("EXTRT"),
            analyte=choices.get("PCTESTCD"),
            specimen=choices.get("PCSPEC"),
        )
    return with_concentration_unit(table, options.units.concentration, molar_mass_g_per_mol=molar_mass_g_per_mol)


def _is_sdtm(kinds: Sequence[str]) -> bool:
    return "ex" in kinds and len(set(kinds)) == len(kinds) and set(kinds) <= {"ex", "pc", "subjects"}


def _check_choices(given: Mapping[str, str], *, sdtm: bool) -> None:
    for name in given:
        if name not in _CHOICES or not sdtm:
            near = near_names(name, _CHOICES)
            do = f"did you mean {near[0]}?" if near and sdtm else "leave it out"
            raise InputError("--take", name, f"{', '.join(_CHOICES)}, with EX and PC", do)
