"""Names of studies: what tells two studies apart that stand under one name, and numbers that have no name at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from limus.evidence.study_columns import fold_name

__all__ = ["Record", "distinguish_studies"]

Record = dict[str, str]

_AUTHOR = ("author", "authors", "firstauthor")
_NUMBER = ("id", "trial", "study", "no", "nr")


def distinguish_studies(records: Sequence[Record], *, by_row: bool) -> list[Record]:
    """Give every study a name of its own.

    Parameters
    ----------
    records : sequence of dict
        With ``study`` and ``row``.
    by_row : bool
        Whether a row of the file held all arms of a study, so that two rows of one name are two studies unless all
        that they say of an arm is the same.

    Returns
    -------
    list of dict
        A study that is only a number gets author and year where these go with the number one to one. A name that
        stands for several years gets its year. What is then still one name for several rows gets the number of the
        study, or else of the row; rows that repeat an arm in every number are taken once.
    """
    found = _with_author([dict(record) for record in records])
    if _several(found, _column(found, ("year", "pubyear"))):
        year = _column(found, ("year", "pubyear"))
        found = [record | {"study": f"{record['study']} {record[year]}".strip()} for record in found]
    return _by_row(found) if by_row else found


def _column(records: Sequence[Record], names: Iterable[str]) -> str:
    header = list(records[0]) if records else []
    return next((column for name in names for column in header if fold_name(column) == name), "")


def _with_author(records: list[Record]) -> list[Record]:
    author, year = _column(records, _AUTHOR), _column(records, ("year", "pubyear"))
    numbers = all(re.fullmatch(r"\d+", record["study"].strip()) for record in records)
    if not author or not numbers:
        return records
    names = {record["study"]: f"{record[author]} {record[year] if year else ''}".strip() for record in records}
    if len(set(names.values())) < len(names) or any(
        names[record["study"]] != f"{record[author]} {record[year] if year else ''}".strip() for record in records
    ):
        return records
    return [record | {"study": names[record["study"]]} for record in records]


def _several(records: Sequence[Record], column: str) -> bool:
    """Whether a study's name goes with several values of a column."""
    if not column:
        return False
    values: dict[str, set[str]] = {}
    for record in records:
        values.setdefault(record["study"], set()).add(record[column])
    return any(len(of_one) > 1 for of_one in values.values())


def _by_row(records: list[Record]) -> list[Record]:
    rows: dict[str, set[str]] = {}
    for record in records:
        rows.setdefault(record["study"], set()).add(record["row"])
    number = _column(records, _NUMBER)
    kept: list[Record] = []
    for study, of_one in rows.items():
        mine = [record for record in records if record["study"] == study]
        if len(of_one) > 1 and not _repeats(mine):
            tells = number not in ("", "study") and _several(mine, number)
            for record in mine:
                told = record[number] if tells else ""
                record["study"] = f"{study} ({told})" if told else f"{study} (row {record['row']})"
        elif len(of_one) > 1:
            mine = list({record["treatment"]: record for record in mine}.values())
        kept += mine
    return kept


def _repeats(records: Sequence[Record]) -> bool:
    """Whether rows of one name are one study in pairs: an arm that stands twice has the same numbers each time."""
    arms: dict[str, set[tuple[str, ...]]] = {}
    for record in records:
        numbers = tuple(record.get(name, "") for name in ("n", "events", "mean", "sd"))
        arms.setdefault(record["treatment"], set()).add(numbers)
    return len(arms) > 2 and all(len(of_one) == 1 for of_one in arms.values())
