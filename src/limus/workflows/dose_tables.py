"""Doses for any model from a file: limus' own columns, or a NONMEM event table.

A NONMEM table carries no units: AMT is in the model's unit of substance and TIME in its unit of time, unless others are
named. CMT counts the species of the model from 1, in the order of its file; with one species it may be left out.
Columns named like parameters of the model change them with time, next observation backward, as covariates do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from limus.kernel.checks import Severity
from limus.kernel.errors import InputError, UnitError, ValueRangeError
from limus.kernel.language import Model
from limus.kernel.simulation import Dose, DoseTable, InputChanges, Resets, Treatment
from limus.kernel.tables import Column, read_csv
from limus.kernel.units import convert
from limus.molecule.catalogue import load_compounds
from limus.pharmacokinetics.covariate_history import covariate_history
from limus.pharmacokinetics.event_table.read import read_event_table
from limus.pharmacokinetics.event_table.records import EventTable, select_subjects
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exchange.event_files import header_of

__all__ = ["GivenDoses", "meant_name", "molar_mass_of", "read_doses"]

_OWN_COLUMNS = (
    Column("time_h", number=True, meaning="time of the dose, h"),
    Column("target", meaning="species that receives it"),
    Column("amount", number=True, meaning="amount in the unit beside it"),
    Column("unit", meaning="such as nmol or ng"),
    Column("duration_h", number=True, required=False, blank=True, meaning="length of an infusion, h"),
    Column("ii_h", number=True, required=False, blank=True, meaning="interval of repeats, h"),
    Column("addl", number=True, required=False, blank=True, meaning="further doses"),
)
_NONMEM = frozenset({"ID", "TIME", "AMT"})


@dataclass(frozen=True, eq=False)
class GivenDoses:
    """What a file of doses gives to a simulation.

    Attributes
    ----------
    treatment : Treatment
        In the model's units.
    inputs : mapping of str to float
        Parameters of the model that the table sets, at the start.
    start : float
        Earliest row of the table, in the model's unit of time; infinity where the file does not decide the start.
    notes : tuple of str
        What should be looked at.
    """

    treatment: Treatment
    inputs: Mapping[str, float]
    start: float
    notes: tuple[str, ...]


def read_doses(path: Path, model: Model, *, units: Sequence[str] = (), subject: str | None = None) -> GivenDoses:
    """Read doses for a model.

    Parameters
    ----------
    path : Path
        CSV with ``time_h, target, amount, unit``, or a NONMEM table as CSV or Parquet.
    model : Model
    units : sequence of str
        ``AMT=ug`` and ``TIME=min``, of a NONMEM table.
    subject : str, optional
        ID of a NONMEM table with several.

    Returns
    -------
    GivenDoses

    Raises
    ------
    FileReadError, EventTableError
        The file cannot be read, or breaks a rule of event tables.
    UnitError
        A unit is unknown, of the wrong kind, or the model declares none.
    ValueRangeError
        A negative amount, or further doses that are no whole number.
    InputError
        Several subjects and none chosen, a compartment that the model has not, a constant infusion at steady state.
    """
    if path.suffix.lower() == ".parquet" or {name.upper() for name in header_of(path)} >= _NONMEM:
        return _nonmem_doses(path, model, _units(units), subject)
    for option, given in (("--unit", ", ".join(units)), ("--id", subject)):
        if given:
            raise InputError(option, given, "with a NONMEM table", f"leave it out: {path.name} is none")
    return GivenDoses(Treatment.create(_own_doses(path, model)), {}, np.inf, ())


def meant_name(name: str, model: Model) -> str:
    """Return the name that is meant: a drug's stands for the drug in the medium.

    Parameters
    ----------
    name : str
    model : Model

    Returns
    -------
    str
    """
    inside = f"{name}.medium"
    return inside if name not in model.values and inside in model.values else name


def molar_mass_of(name: str) -> float | None:
    """Return the molar mass of the compound that a dotted name belongs to, where it is one of the library's.

    Parameters
    ----------
    name : str

    Returns
    -------
    float or None
        g/mol.
    """
    compound = load_compounds().get(name.split(".", maxsplit=1)[0])
    if compound is None or not any(c.property == "molar_mass" for c in compound.constants):
        return None
    return compound.molar_mass_g_per_mol


def _own_doses(path: Path, model: Model) -> tuple[Dose, ...]:
    table = read_csv(path, _OWN_COLUMNS)
    per_hour = 1.0 if model.units.time in {"", "h"} else convert(1.0, "h", model.units.time)
    doses = []
    for number, row in enumerate(table.rows(), start=1):
        where = f"{path}, dose {number}"
        _check_substance(model, where, row["unit"])
        amount = convert(
            row["amount"],
            row["unit"],
            model.units.substance,
            molar_mass_g_per_mol=molar_mass_of(row["target"]),
            where=where,
        )
        if amount < 0:
            got = f"{row['amount']:g} {row['unit']}"
            raise ValueRangeError(f"{where}, amount", got, "zero or more", "correct the dose table")
        optional = {k: 0.0 if np.isnan(row.get(k, np.nan)) else row[k] for k in ("duration_h", "ii_h", "addl")}
        if optional["addl"] != int(optional["addl"]):
            raise ValueRangeError(f"{where}, addl", optional["addl"], "a whole number", "correct the dose table")
        doses.append(
            Dose(
                time=row["time_h"] * per_hour,
                target=meant_name(row["target"], model),
                amount=amount,
                duration=optional["duration_h"] * per_hour,
                interval=optional["ii_h"] * per_hour,
                additional=int(optional["addl"]),
            )
        )
    return tuple(doses)


def _check_substance(model: Model, where: str, unit: str) -> None:
    if not model.units.substance:
        raise UnitError(where, unit, "a model that declares its unit of substance", "declare it in the model")


# ---- NONMEM tables


def _units(settings: Sequence[str]) -> dict[str, str]:
    found = {}
    for setting in settings:
        name, _, unit = (part.strip() for part in setting.partition("="))
        if name.upper() not in {"AMT", "TIME"} or not unit:
            raise UnitError("--unit", setting, "AMT= or TIME= with a unit", "write for example AMT=ug")
        found[name.upper()] = unit
    return found


def _nonmem_doses(path: Path, model: Model, units: Mapping[str, str], subject: str | None) -> GivenDoses:
    time_unit = units.get("TIME", model.units.time or "h")
    # amounts pass as they are and are converted below, where the target's molar mass is known
    table = read_event_table(path, units=TableUnits("mg", "ng/mL", time_unit), text_ids=True)
    table = _one_subject(table, subject)
    per_hour = 1.0 if model.units.time in {"", "h"} else convert(1.0, "h", model.units.time)
    doses = table.doses
    _refuse_unsupported(table)
    resets = doses.time_h[doses.reset] * per_hour
    # a row that only resets gives nothing and names no compartment
    gives = doses.amount_mg > 0
    compartment = doses.compartment[gives]
    species = {int(number): _species(table, model, int(number)) for number in np.unique(compartment)}
    targets = tuple(dict.fromkeys(species.values()))
    factor = {name: _amount_factor(path, model, units, name) for name in targets}
    names = [species[int(number)] for number in compartment]
    given: DoseTable | tuple[()] = ()
    if names:
        given = DoseTable.create(
            targets,
            target=[targets.index(name) for name in names],
            time=doses.time_h[gives] * per_hour,
            amount=doses.amount_mg[gives] * np.array([factor[name] for name in names]),
            duration=doses.duration_h[gives] * per_hour,
            interval=doses.interval_h[gives] * per_hour,
            additional=doses.additional[gives],
            steady_state=doses.steady_state[gives],
        )
    inputs, changes, unused = _inputs(table, model, per_hour)
    treatment = Treatment.create(given, Resets.create(subject=np.zeros(len(resets)), time=resets), changes)
    notes = [finding.message for finding in table.findings if finding.severity is Severity.WARNING]
    if unused:
        notes.append(f"{path}: columns that are no parameters of {model.name} are not used: {', '.join(unused)}")
    return GivenDoses(treatment, inputs, float(table.records.time_h.min() * per_hour), tuple(notes))


def _one_subject(table: EventTable, subject: str | None) -> EventTable:
    if subject is not None:
        return select_subjects(table, [subject])
    if len(table.subjects) > 1:
        some = ", ".join(table.subjects[:10]) + (", ..." if len(table.subjects) > 10 else "")
        raise InputError(f"{table.source}, ID", some, "one subject at a time", "choose one with --id")
    return table


def _refuse_unsupported(table: EventTable) -> None:
    doses = table.doses
    constant = (doses.amount_mg == 0) & (doses.rate_mg_per_h > 0)
    if constant.any():
        where = f"{table.source}, line {doses.line[int(np.argmax(constant))]}"
        do = "give AMT and RATE for its length"
        raise InputError(where, "a constant infusion at steady state", "an infusion of known length", do)


def _species(table: EventTable, model: Model, number: int) -> str:
    names = [species.name for species in model.species]
    if number == 0 and len(names) == 1:
        return names[0]
    if not 1 <= number <= len(names):
        known = ", ".join(f"{k} {name}" for k, name in enumerate(names, start=1)) or "no species"
        raise InputError(f"{table.source}, CMT", number or "none", known, f"name a species of {model.name} by number")
    return names[number - 1]


def _amount_factor(path: Path, model: Model, units: Mapping[str, str], target: str) -> float:
    """What one unit of AMT is in the model's unit of substance."""
    if "AMT" not in units:
        return 1.0
    where = f"{path}, AMT"
    _check_substance(model, where, units["AMT"])
    molar_mass = molar_mass_of(target)
    return convert(1.0, units["AMT"], model.units.substance, molar_mass_g_per_mol=molar_mass, where=where)


def _inputs(table: EventTable, model: Model, per_hour: float) -> tuple[dict[str, float], InputChanges, list[str]]:
    """Parameters that columns of the table set: at the start, and their changes; and columns without a meaning."""
    constants = {parameter.name for parameter in model.parameters if parameter.constant}
    ruled = {rule.variable for rule in model.rules}
    used = [name for name in table.records.names if name in constants - ruled]
    history = covariate_history(table, used)
    start = {name: float(value) for name, value in zip(used, history.start[0], strict=True) if np.isfinite(value)}
    time = np.where(history.after[history.name], np.nextafter(history.time_h, np.inf), history.time_h)
    changes = InputChanges.create(
        tuple(used),
        input=history.name,
        subject=np.zeros(len(time), dtype=np.int64),
        time=time * per_hour,
        value=history.value,
    )
    return start, changes, [name for name in table.records.names if name not in used]
