"""Constants: every value of the compounds, one row a source."""

from __future__ import annotations

from limus.report.content import Row, Section, Table, text_cell
from limus.workflows.cells import columns, key_of, missing, sourced_cell
from limus.workflows.comparison.data import Comparison

__all__ = ["constants"]


_NAMES = {"fkbp": "FKBP", "ic50": "IC50", "log p": "log P", "pbmc": "PBMC", "auc": "AUC"}
_NAMES |= {f"cyclophilin {letter}": f"cyclophilin {letter.upper()}" for letter in "abc"}


def _label(name: str) -> str:
    label = name.replace("_", " ")
    for plain, written in _NAMES.items():
        label = label.replace(plain, written)
    return label


def constants(data: Comparison) -> Section:
    """Build the section with every constant of the compounds."""
    properties = list(dict.fromkeys(c.property for compound in data.compounds for c in compound.constants))
    rows: list[Row] = []
    for name in properties:
        entries = [[c for c in compound.constants if c.property == name] for compound in data.compounds]
        for k in range(max(map(len, entries))):
            cells = tuple(sourced_cell(found[k].value) if k < len(found) else missing("") for found in entries)
            suffix = f"-{k + 1}" if k else ""
            label = _label(name)
            rows.append(Row(f"{key_of(name)}{suffix}", label + (f" ({k + 1})" if k else ""), cells))
    cells_of = [tuple(cell if cell.text else text_cell("\N{EN DASH}") for cell in row.cells) for row in rows]
    rows = [Row(row.key, row.label, cells) for row, cells in zip(rows, cells_of, strict=True)]
    table = Table(
        "constants",
        "Constants of the compounds",
        columns(data.compounds),
        tuple(rows),
        note="Two papers are two rows. *Assumed* entries are recollections that no source read here supports.",
        stub="Constant",
    )
    return Section("compound-constants", "Constants", (table,))
