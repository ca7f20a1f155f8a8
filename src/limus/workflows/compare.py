"""``limus compare``: the comparative guide of two or more compounds, HTML and PDF."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.kernel.provenance import RunStamp, stamp_run
from limus.kernel.tables import Table, write_csv, write_parquet
from limus.molecule.bench_result import BenchValue, read_bench_result
from limus.molecule.catalogue import find_compound
from limus.molecule.compound import Compound
from limus.report.content import Figure, Guide, cells, walk_blocks
from limus.report.html import write_html
from limus.report.pdf import write_pdf
from limus.signalling.accepted_fit import library_inputs
from limus.workflows.comparison import Comparison, build_sections, gather
from limus.workflows.comparison.data import load_plan
from limus.workflows.request import Request, json_value, open_run

__all__ = ["CompareRequest", "CompareResult", "run"]


class CompareRequest(Request):
    """The compounds, by name or synonym."""

    compounds: tuple[str, ...]
    results: tuple[str, ...] | None = Field(default=None, description="result.toml files of assays")
    draws: int = Field(default=40, ge=0, le=1000, description="parameter sets drawn for the bands")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class CompareResult:
    """The guide, where it stands, and every cell of it."""

    guide: Guide
    report_html: Path
    report_pdf: Path
    compounds: tuple[str, ...]
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        return {
            "compounds": list(self.compounds),
            "report_html": str(self.report_html),
            "report_pdf": str(self.report_pdf),
            "seed": self.seed,
            "cells": cells(self.guide),
        }


def find_distinct(names: tuple[str, ...]) -> tuple[Compound, ...]:
    """Find two or more different compounds.

    Parameters
    ----------
    names : tuple of str
        Names or synonyms.

    Returns
    -------
    tuple of Compound

    Raises
    ------
    UnknownNameError
        A name that the library does not have; nothing is substituted.
    InputError
        Fewer than two, or two names of one compound.
    """
    compounds = tuple(find_compound(name) for name in names)
    if len(compounds) < 2:
        raise InputError("compounds", ", ".join(names) or "none", "two or more compounds", "name another compound")
    for i, compound in enumerate(compounds):
        for j in range(i):
            if compounds[j].name == compound.name:
                got = f"{names[j]} and {names[i]}"
                raise InputError(
                    "compounds", got, "different compounds", f"both are {compound.name}; name one of them once"
                )
    return compounds


def run(request: CompareRequest, *, out: Path | None = None, execution: Execution | None = None) -> CompareResult:
    """Write the comparative guide.

    Parameters
    ----------
    request : CompareRequest
    out : Path, optional
        Run directory; ``guide`` in the working folder by default.
    execution : Execution, optional
        How to run; the request's seed is used.

    Returns
    -------
    CompareResult

    Raises
    ------
    UnknownNameError
        A name that the library does not have.
    InputError
        Fewer than two different compounds, a result file that measured none of them, or two measured values for one
        parameter of the model.
    FileReadError
        A result file cannot be read.
    OutputError
        The folder cannot be written, or holds something else.
    SolveError
        A simulation failed.
    """
    compounds = find_distinct(request.compounds)
    execution = execution or Execution(seed=request.seed)
    files = tuple(map(Path, request.results or ()))
    bench = _read_bench(files, compounds)
    resolved = request.as_dict() | {"compounds": [c.name for c in compounds]}
    inputs = (*library_inputs(load_plan().model), *files)
    directory = open_run(out or Path("guide"), "compare", resolved, execution, inputs)
    comparison = gather(compounds, draws=request.draws, execution=execution, bench=bench)
    guide = _build_guide(comparison, stamp_run(request.seed, files))
    _write_results(guide, comparison, directory.path)
    return CompareResult(
        guide=guide,
        report_html=write_html(guide, directory.path / "guide.html"),
        report_pdf=write_pdf(guide, directory.path / "guide.pdf"),
        compounds=tuple(c.name for c in compounds),
        seed=request.seed,
    )


def _read_bench(files: tuple[Path, ...], compounds: tuple[Compound, ...]) -> tuple[BenchValue, ...]:
    names = {compound.name for compound in compounds}
    found: list[BenchValue] = []
    for path in files:
        values = [value for value in read_bench_result(path) if value.compound in names]
        if not values:
            allowed = f"values of {', '.join(sorted(names))}, under these names"
            raise InputError(f"--with {path}", "none of these compounds", allowed, "name the compound it measured")
        found += values
    return tuple(found)


def _build_guide(comparison: Comparison, stamp: RunStamp) -> Guide:
    names = [c.name for c in comparison.compounds]
    title = f"{', '.join(names[:-1])} and {names[-1]}"
    return Guide.create(
        title[0].upper() + title[1:],
        "A head-to-head guide from sourced numbers and a mechanism model",
        build_sections(comparison),
        values={},
        stamp=stamp,
        bibliography=comparison.bibliography,
    )


def _write_results(guide: Guide, comparison: Comparison, path: Path) -> None:
    """Keep every number beside the guide: cells as JSON, curves as Parquet, each figure with its data."""
    curves = [
        {
            "drug": drug,
            "condition": condition,
            "concentration_nM": c,
            "response_percent": curve.percent[i],
            "lower_percent": curve.lower[i],
            "upper_percent": curve.upper[i],
        }
        for (drug, condition), curve in comparison.curves.items()
        for i, c in enumerate(curve.concentrations)
    ]
    if curves:
        write_parquet(Table.from_rows(curves), path / "results" / "dose_response.parquet")
        write_parquet(comparison.time_course, path / "results" / "time_course.parquet")
    figures = path / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            (figures / f"{block.key}.svg").write_text(block.svg, encoding="utf-8")
            write_csv(block.data, figures / f"{block.key}.csv")
    (path / "cells.json").write_text(json.dumps(json_value(cells(guide)), indent=1) + "\n", encoding="utf-8")
