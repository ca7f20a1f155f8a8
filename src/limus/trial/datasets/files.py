"""Data sets as files: Parquet, CSV and SAS transport, with their metadata; and read back from any of the three.

::

    FOLDER/sdtm/dm.parquet, dm.csv, dm.xpt ...     FOLDER/sdtm/metadata.json, define.xml
    FOLDER/adam/adsl.parquet ...                   FOLDER/adam/metadata.json, define.xml

A transport file cannot hold a data set without rows, nor other letters than ASCII; what is not written is named in the
metadata with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import FileReadError, OutputError
from limus.kernel.tables import Table, read_parquet, write_parquet
from limus.pharmacokinetics.exchange.xpt import Dataset, numbers_of, read_dataset, write_dataset
from limus.trial.datasets.calendar import days_of
from limus.trial.datasets.define_xml import define_xml
from limus.trial.datasets.spec import DatasetSpec, dataset_specs, schema_of

__all__ = ["FORMATS", "find_datasets", "read_datasets", "write_datasets"]

FORMATS = ("parquet", "csv", "xpt")


def write_datasets(
    datasets: Iterable[Dataset],
    folder: Path,
    *,
    formats: Sequence[str] = FORMATS,
    about: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Path]]:
    """Write data sets with their metadata, as JSON and as Define-XML.

    Parameters
    ----------
    datasets : iterable of Dataset
    folder : Path
    formats : sequence of str
        Of :data:`FORMATS`.
    about : mapping, optional
        What the metadata say of all of them: study, design, scenario, seed.

    Returns
    -------
    dict of str to dict of str to Path
        Files by data set and format.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    written: dict[str, dict[str, Path]] = {}
    described = []
    for dataset in datasets:
        written[dataset.name] = {}
        not_written = {}
        for form in formats:
            path = folder / f"{dataset.name.lower()}.{form}"
            reason = _why_not(dataset, form)
            if reason:
                not_written[form] = reason
                continue
            write_parquet(dataset.table, path) if form == "parquet" else write_dataset(dataset, path)
            written[dataset.name][form] = path
        described.append(_describe(dataset, written[dataset.name], not_written))
    content = {"limus_datasets": 1, **(about or {}), "datasets": described}
    path = folder / "metadata.json"
    said = {name: str(value) for name, value in (about or {}).items()}
    words = ", ".join(f"{name} {value}" for name, value in said.items() if name != "study")
    created = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        define = define_xml(described, study=said.get("study", "unknown"), about=words, created=created)
        (folder / "define.xml").write_text(define, encoding="utf-8")
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    return written


def _why_not(dataset: Dataset, form: str) -> str:
    if form != "xpt":
        return ""
    if not len(dataset.table):
        return "no rows: a transport file of version 5 cannot hold an empty data set"
    for name in dataset.table.names:
        values = dataset.table[name]
        texts = set(values.tolist()) if values.dtype == object else set()
        bad = next((text for text in texts if not text.isascii() or len(text) > 200), None)
        if bad is not None:
            return f"{name} holds a text that is not ASCII of at most 200 characters: {bad[:40]!r}"
    return ""


def _describe(dataset: Dataset, files: Mapping[str, Path], not_written: Mapping[str, str]) -> dict[str, Any]:
    spec = dataset_specs().get(dataset.name)
    origins = {one.name: one for one in spec.variables} if spec else {}
    variables = []
    for name in dataset.table.names:
        values = dataset.table[name]
        text = values.dtype == object
        length = max((len(value) for value in values.tolist()), default=0) if text else 8
        entry: dict[str, Any] = {
            "name": name,
            "label": dataset.labels.get(name, ""),
            "type": "text" if text else "float",
        }
        entry |= {"length": max(1, length)}
        if name in dataset.formats:
            entry |= {"type": "date", "format": dataset.formats[name]}
        if name in origins:
            entry["origin"] = origins[name].origin
        variables.append(entry)
    return {
        "name": dataset.name,
        "label": dataset.label,
        "model": spec.model if spec else "",
        "structure": spec.structure if spec else "",
        "keys": list(spec.keys) if spec else [],
        "records": len(dataset.table),
        "files": {form: path.name for form, path in files.items()},
        "not_written": dict(not_written),
        "variables": variables,
    }


def find_datasets(folder: Path, model: str) -> dict[str, Path]:
    """Find the files of data sets in a folder, or in its subfolder ``sdtm`` or ``adam``.

    Parameters
    ----------
    folder : Path
    model : str
        ``SDTM`` or ``ADaM``.

    Returns
    -------
    dict of str to Path
        By name; Parquet is taken before transport files and these before CSV. Case does not matter.

    Raises
    ------
    FileReadError
        No such folder.
    """
    if not folder.is_dir():
        raise FileReadError(str(folder), "no such folder", "a folder with data sets", "check the path")
    order = {f".{form}": k for k, form in enumerate(("parquet", "xpt", "csv"))}
    names = {name for name, spec in dataset_specs().items() if spec.model == model}
    found: dict[str, Path] = {}
    for place in (folder / model.lower(), folder):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            name, ending = path.stem.upper(), path.suffix.lower()
            if name not in names or ending not in order:
                continue
            known = found.get(name)
            if known is None or (known.parent == place and order[ending] < order[known.suffix.lower()]):
                found[name] = path
    return {name: found[name] for name in dataset_specs() if name in found}


def read_datasets(folder: Path, model: str, needed: Sequence[str] = ()) -> dict[str, Table]:
    """Read the data sets of a folder.

    Parameters
    ----------
    folder : Path
    model : str
        ``SDTM`` or ``ADaM``.
    needed : sequence of str
        Data sets that must be there.

    Returns
    -------
    dict of str to Table
        Variables of the specification have its types; others are as they come.

    Raises
    ------
    FileReadError
        A data set that is needed is missing, a file cannot be read, or a variable has the wrong type.
    """
    paths = find_datasets(folder, model)
    missing = [name for name in needed if name not in paths]
    if missing:
        got = ", ".join(path.name for path in paths.values()) or "none"
        do = "write them as parquet, xpt or csv, named after the data set"
        raise FileReadError(str(folder), got, f"data sets {', '.join(needed)} of {model}", do)
    return {name: _read(path, dataset_specs()[name]) for name, path in paths.items()}


def _read(path: Path, spec: DatasetSpec) -> Table:
    if path.suffix.lower() == ".parquet":
        table = read_parquet(path)
    elif path.suffix.lower() == ".csv":
        dates = {one.name for one in spec.variables if one.kind == "date"}
        schema = [column for column in schema_of(spec) if column.name not in dates]
        table, _ = read_dataset(path, schema)
    else:
        table, _ = read_dataset(path, [])
    kinds = {one.name: one.kind for one in spec.variables}
    upper = {name: name.upper() for name in table.names}
    columns = {
        upper[name]: _coerced(values, kinds.get(upper[name], ""), f"{path}, {name}")
        for name, values in table.columns.items()
    }
    missing = [key for key in spec.keys if key not in columns and key in ("STUDYID", "USUBJID")]
    if missing:
        raise FileReadError(str(path), ", ".join(columns), f"variables {', '.join(spec.keys)}", f"add {missing[0]}")
    return Table.create(columns)


def _coerced(values: NDArray[Any], kind: str, where: str) -> Sequence[Any] | NDArray[Any]:
    """Give a column the type of the specification."""
    if kind == "text" and values.dtype != object:
        return ["" if np.isnan(value) else f"{value:.15g}" for value in values.tolist()]
    if kind in {"text", ""}:
        numbers = numbers_of(values) if kind == "" and len(values) else None
        return values if numbers is None or np.isnan(numbers).all() else numbers
    if values.dtype != object:
        return values
    numbers = numbers_of(values)
    if numbers is not None:
        return numbers
    if kind == "date":
        days, flags = days_of(values)
        if "?" not in flags:
            return days
    bad = next(text for text in values.tolist() if numbers_of(np.array([text], dtype=object)) is None)
    raise FileReadError(where, bad, "numbers" if kind == "number" else "dates, 2026-01-05", "correct the cell")
