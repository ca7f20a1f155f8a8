"""The commands: each parses its options, names a workflow and says how its result reads as text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from limus._version import __version__
from limus.cli import assay, cell_commands, diagram, evidence, fcs, pk, stats, tdm, trial
from limus.cli.model_text import show_model_text
from limus.cli.options import NUMBERS, RESEARCH_USE, Draws, Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["app", "command_names"]

app = typer.Typer(
    name="limus",
    help="Head-to-head pharmacology of immunosuppressants. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


app.add_typer(assay.app, name="assay")
app.add_typer(diagram.app, name="diagram")
app.add_typer(evidence.app, name="evidence")
app.add_typer(fcs.app, name="fcs")
app.add_typer(pk.app, name="pk")
app.add_typer(stats.app, name="stats")
app.add_typer(tdm.app, name="tdm")
app.add_typer(trial.app, name="trial")
cell_commands.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"limus {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Head-to-head pharmacology of immunosuppressants. Research use only."""


def command_names() -> tuple[str, ...]:
    """Return the names of the commands and groups of commands."""
    single = [str(command.callback.__name__) for command in app.registered_commands if command.callback]
    return tuple(sorted(single + [str(group.name) for group in app.registered_groups]))


@app.command()
def compare(
    compounds: Annotated[list[str], typer.Argument(help="Two or more compounds, by name or synonym.")],
    results: Annotated[
        list[str] | None, typer.Option("--with", help="result.toml of an assay, used for the library's; repeatable.")
    ] = None,
    out: Out = Path("guide"),
    seed: Seed = 1,
    draws: Draws = 40,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Write the comparative guide (HTML and PDF)."""

    def show(result: dict[str, Any]) -> str:
        return (
            f"{', '.join(result['compounds'])}: {len(result['cells'])} cells, each with its source; seed {seed}\n"
            f"HTML  {result['report_html']}\nPDF   {result['report_pdf']}\n{RESEARCH_USE}"
        )

    return run_command(
        "compare",
        {"compounds": tuple(compounds), "results": tuple(results) if results else None, "draws": draws},
        show,
        Options(json, out, seed, overwrite),
    )


@app.command(context_settings=NUMBERS)
def convert(
    value: Annotated[float, typer.Argument(help="Number.")],
    unit: Annotated[str, typer.Argument(help="Its unit.")],
    to: Annotated[str, typer.Argument(help="Unit wanted.")],
    compound: Annotated[str | None, typer.Option("--compound", help="Compound, for mass against amount.")] = None,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
) -> int:
    """Convert a value from one unit to another."""
    return run_command(
        "convert",
        {"value": value, "unit": unit, "to": to, "compound": compound},
        lambda r: f"{number(r['value'], 6)} {r['unit']}",
        Options(json, out, seed),
    )


@app.command()
def compounds(out: Out = None, seed: Seed = 1, json: Json = False) -> int:
    """List the compounds of the library."""
    columns = (
        ("name", "compound"),
        ("class", "class"),
        ("immunophilin", "immunophilin"),
        ("target", "target"),
        ("molar_mass", "g/mol"),
        ("constants", "constants"),
        ("constants_assumed", "assumed"),
        ("in_t_cell_model", "in T-cell model"),
        ("synonyms", "synonyms"),
    )
    return run_command("compounds", {}, lambda r: table(_with_mass(r["compounds"]), columns), Options(json, out, seed))


def _with_mass(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"molar_mass": number(row["molar_mass_g_per_mol"], 6)} for row in rows]


@app.command()
def show(
    compound: Annotated[str, typer.Argument(help="Compound, by name or synonym; or the model t_cell.")],
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Show a compound, each value with its source; or a model, each equation with its constants."""
    return run_command("show", {"compound": compound}, _show_subject, Options(json, out, seed, overwrite))


def _show_subject(r: dict[str, Any]) -> str:
    return show_model_text(r) if r.get("what") == "model" else _show_compound(r)


def _show_compound(r: dict[str, Any]) -> str:
    identity = [{"property": name} | entry for name, entry in r["identity"].items()]
    constants = [c | {"shown": c["printed"] or number(c["value"], 6)} for c in r["constants"]]
    potencies = [p | {"stimulus": f"{p['readout']}, {p['stimulus']}"} for p in r["potencies"]]
    source = ("source", "source")
    parts = [
        f"{r['name']} ({', '.join(r['synonyms'])})",
        f"{r['class']}; immunophilin {r['immunophilin']}; target {r['target']}",
        r["summary"],
        r["note"],
        table(identity, (("property", "identity"), ("value", "value"), ("kind", "kind"), source)),
        table(constants, (("property", "constant"), ("shown", "value"), ("unit", "unit"), ("kind", "kind"), source)),
    ]
    if potencies:
        columns = (("id", "id"), ("stimulus", "potency"), ("printed", "as printed"), ("kind", "kind"), source)
        parts.append(table(potencies, columns))
    parts.append("\n".join(f"{key}: {citation}" for key, citation in r["references"].items()))
    return "\n\n".join(part for part in parts if part)


@app.command(context_settings=NUMBERS)
def simulate(
    model: Annotated[str, typer.Argument(help="Name in the library, or path of an .ant or .xml file.")],
    times: Annotated[
        str, typer.Option("--times", help="Start, end and step as 0:24:0.5, or a list 0,1,2; h for library models.")
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="name=value, a unit behind it if wanted: drug=5nM; repeatable.")
    ] = None,
    doses: Annotated[
        str | None, typer.Option("--doses", help="CSV: time_h,target,amount,unit,... or a NONMEM table.")
    ] = None,
    unit: Annotated[list[str] | None, typer.Option("--unit", help="Of a NONMEM table: AMT=ug, TIME=min.")] = None,
    subject: Annotated[str | None, typer.Option("--id", help="Subject of a NONMEM table with several.")] = None,
    stimulus: Annotated[str | None, typer.Option("--stimulus", help="Protocol of the library: mlr, pha, ...")] = None,
    output: Annotated[list[str] | None, typer.Option("--output", help="Name to put out; repeatable.")] = None,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Simulate a model over time."""
    return run_command(
        "simulate",
        {
            "model": model,
            "times": times,
            "settings": tuple(settings or ()),
            "doses": doses,
            "units": tuple(unit or ()),
            "subject": subject,
            "stimulus": stimulus,
            "outputs": tuple(output or ()),
        },
        _show_simulation,
        Options(json, out, seed, overwrite),
    )


def _show_simulation(r: dict[str, Any]) -> str:
    times = list(r["time"])
    chosen = sorted({0, len(times) // 2, len(times) - 1})
    columns = [("name", "name"), *((str(i), f"t = {times[i]:g}") for i in chosen)]
    moving = {name: values for name, values in r["species"].items() if max(values) != 0 or min(values) != 0}
    rows = [{"name": name} | {str(i): float(values[i]) for i in chosen} for name, values in moving.items()]
    still = len(r["species"]) - len(moving)
    head = f"{r['model']}: {len(times)} times in {r['time_unit']}; --json prints all, --out keeps them"
    tail = [f"{still} more outputs are zero throughout"] if still else []
    return "\n".join([head, *r["warnings"], table(rows, columns), *tail])


@app.command()
def doctor(out: Out = None, seed: Seed = 1, json: Json = False) -> int:
    """Look the installation over."""
    return run_command(
        "doctor",
        {},
        lambda r: table(r["checks"], (("name", "check"), ("ok", "ok"), ("detail", "detail")), widest=160),
        Options(json, out, seed),
        status=lambda r: 0 if r["healthy"] else 1,
    )
