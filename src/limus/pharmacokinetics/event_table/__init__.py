"""NONMEM event tables: read strictly, checked, written out, written."""

from limus.pharmacokinetics.event_table.expand import expand_additional
from limus.pharmacokinetics.event_table.plausibility import TypicalRange
from limus.pharmacokinetics.event_table.read import event_table_from_arrays, read_event_table
from limus.pharmacokinetics.event_table.records import (
    Doses,
    EventRecords,
    EventTable,
    Observations,
    repeat_subjects,
    same_events,
    select_subjects,
)
from limus.pharmacokinetics.event_table.units import TableUnits, override_units
from limus.pharmacokinetics.event_table.write import write_event_table

__all__ = [
    "Doses",
    "EventRecords",
    "EventTable",
    "Observations",
    "TableUnits",
    "TypicalRange",
    "event_table_from_arrays",
    "expand_additional",
    "override_units",
    "read_event_table",
    "repeat_subjects",
    "same_events",
    "select_subjects",
    "write_event_table",
]
