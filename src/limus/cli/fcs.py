"""The commands of FCS files: ``limus fcs ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from limus.cli.options import Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["app"]

app = typer.Typer(name="fcs", help="Files of flow cytometers.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="FCS file, version 1.0 to 3.2.")]
DataSet = Annotated[int, typer.Option("--data-set", min=1, help="Which data set, where the file holds several.")]


@app.callback()
def group() -> None:
    """Files of flow cytometers."""


@app.command()
def info(
    file: File, data_set: DataSet = 1, out: Out = None, seed: Seed = 1, json: Json = False, overwrite: Overwrite = False
) -> int:
    """Show version, events, channels and medians of an FCS file."""
    settings = {"file": file, "data_set": data_set}
    return run_command("fcs_info", settings, _show, Options(json, out, seed, overwrite))


def _show(r: dict[str, Any]) -> str:
    rows = [
        {
            "number": str(place),
            "name": p["name"],
            "label": p["label"],
            "stored": f"{p['datatype']}{p['bits'] or ''}",
            "range": f"{p['range']:g}",
            "amplifier": f"{p['decades']:g} decades from {p['at_zero']:g}" if p["decades"] else "linear",
            "gain": f"{p['gain']:g}",
            "median": number(r["median"][p["name"]], 6),
        }
        for place, p in enumerate(r["parameters"], start=1)
    ]
    titles = ("name", "label", "stored", "range", "amplifier", "gain", "median")
    several = f", data set {r['data_set']} of {r['data_sets']}" if r["data_sets"] > 1 else ""
    lines = [
        f"{r['file']}: FCS {r['version']}, {r['events']} events, {len(rows)} channels{several}",
        table(rows, (("number", "#"), *((title, title) for title in titles))),
    ]
    lines += [f"{f['severity']}: {f['where']}: {f['got']}; {f['do']} [{f['check']}]" for f in r["findings"]]
    return "\n".join(lines)
