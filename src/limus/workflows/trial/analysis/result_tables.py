"""The numbers of the analysis as tidy tables: ``results/*.parquet`` and ``.csv``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from limus.kernel.tables import Table, write_csv, write_parquet
from limus.trial.analysis.analyse import TrialAnalysis

__all__ = ["result_tables", "write_results"]


def result_tables(analysis: TrialAnalysis) -> dict[str, Table]:
    """Lay an analysis out as tables.

    Parameters
    ----------
    analysis : TrialAnalysis

    Returns
    -------
    dict of str to Table
        Without those that have no rows.
    """
    rows: dict[str, list[dict[str, Any]]] = {
        "estimands": list(_estimands(analysis)),
        "risks": list(_risks(analysis)),
        "comparisons": [
            {"code": one.code, **asdict(comparison)} for one in analysis.events for comparison in one.comparisons
        ],
        "baseline": [
            {"variable": one.variable, "label": one.label, "level": one.level, **asdict(arm)}
            | {"difference": one.difference}
            for one in analysis.baseline
            for arm in one.arms
        ],
        "laboratory": [asdict(one) for one in analysis.laboratory],
        "troughs": [asdict(one) for one in analysis.levels],
        "safety": list(_safety(analysis)),
    }
    return {name: Table.from_rows(found) for name, found in rows.items() if found}


def _estimands(analysis: TrialAnalysis) -> Iterator[dict[str, Any]]:
    nested = ("arms", "handled", "sensitivities", "warnings")
    for one in analysis.estimands:
        row = {name: value for name, value in asdict(one).items() if name not in nested}
        yield row | {"primary": float(one.primary), "warnings": "; ".join(one.warnings)}


def _risks(analysis: TrialAnalysis) -> Iterator[dict[str, Any]]:
    for one in analysis.events:
        for arm in one.arms:
            counts = {"n": arm.n, "all_events": arm.events, "competing": arm.competing, "lost": arm.lost}
            for mark in arm.risks:
                yield (
                    {"code": one.code, "label": one.label, "method": one.method, "arm": arm.arm} | counts | asdict(mark)
                )


def _safety(analysis: TrialAnalysis) -> Iterator[dict[str, Any]]:
    for one in analysis.safety:
        for arm, count, size, records in zip(analysis.plan.codes, one.counts, one.sizes, one.records, strict=True):
            yield {"event": one.label, "group": one.group, "arm": arm, "n": count, "of": size, "records": records}


def write_results(analysis: TrialAnalysis, folder: Path) -> None:
    """Write the tables as Parquet and CSV.

    Parameters
    ----------
    analysis : TrialAnalysis
    folder : Path

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    for name, table in result_tables(analysis).items():
        write_parquet(table, folder / f"{name}.parquet")
        write_csv(table, folder / f"{name}.csv")
