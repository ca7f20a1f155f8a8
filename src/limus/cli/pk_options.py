"""Options and phrases that the commands on event tables share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = ["Events", "ModelName", "Overrides", "Settings", "Take", "Units", "findings_lines"]

_EVENTS = "NONMEM table (CSV, Parquet), ADPPK, or EX, PC and subjects (.xpt, CSV), one option each."

ModelName = Annotated[str, typer.Option("--model", help="Name of a model, or the path of a .toml of your own.")]
Events = Annotated[list[str] | None, typer.Option("--events", help=_EVENTS)]
Units = Annotated[list[str] | None, typer.Option("--unit", help="AMT=ug where the table's unit differs.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="Covariate for all: HCT=33; repeatable.")]
Overrides = Annotated[list[str] | None, typer.Option("--override", help="Limit to go beyond; repeatable.")]
Take = Annotated[list[str] | None, typer.Option("--take", help="Which of several in EX and PC: EXTRT=TACROLIMUS.")]


def findings_lines(r: dict[str, Any]) -> list[str]:
    """Write errors and warnings of a result, and which limits were overridden."""
    serious = [f for f in r["findings"] if f["severity"] != "note"]
    lines = [
        f"{f['severity']}: {f['where']}: " + "; ".join(filter(None, (f["got"], f["allowed"], f["do"])))
        for f in serious[:10]
    ]
    lines += [f"{len(serious) - 10} more findings in --json"] if len(serious) > 10 else []
    return lines + ([f"limits overridden: {', '.join(r['overrides'])}"] if r["overrides"] else [])
