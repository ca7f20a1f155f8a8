"""Options and phrases that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["NUMBERS", "RESEARCH_USE", "Draws", "Json", "Out", "Overwrite", "Seed"]

# negative numbers are values, not options
NUMBERS = {"ignore_unknown_options": True}

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Out = Annotated[Path | None, typer.Option("--out", help="Run directory; the same request resumes.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all randomness.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another request's result in --out.")]
Draws = Annotated[int, typer.Option("--draws", help="Parameter sets drawn for intervals; 0 for none.")]

RESEARCH_USE = "Research use only; not for diagnosis, treatment or dosing."
