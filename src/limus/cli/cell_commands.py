"""Commands that ask the T-cell model: potency of a drug, two drugs, sensitivity, calibration; and a model as SBML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from limus.cli.cell_text import show_combination_text, show_potency_text
from limus.cli.options import NUMBERS, Draws, Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.sensitivity_text import show_sensitivity_text
from limus.cli.text import number, table

__all__ = ["add_to"]

Readout = Annotated[str, typer.Option("--readout", help="il2, ifn_gamma, proliferation, calcineurin, s6k, ...")]
Stimulus = Annotated[
    str, typer.Option("--stimulus", help="mlr, pha, anti_cd3, anti_cd3_cd28, pma_ionomycin, il2, none, ...")
]
Density = Annotated[float | None, typer.Option("--density", help="Cells per mL.")]
Serum = Annotated[float | None, typer.Option("--serum", help="Serum, per cent by volume.")]
Hours = Annotated[float | None, typer.Option("--hours", help="From stimulus to harvest, h.")]
AddAt = Annotated[
    float | None,
    typer.Option("--add-at", help="Drug added, h after stimulus; negative before. Usual: 0, in blood -24."),
]
WashAt = Annotated[
    float | None,
    typer.Option(
        "--wash-at", help="Medium changed for one without drug and cytokines, h after stimulus; the stimulus goes on."
    ),
]
Strength = Annotated[float | None, typer.Option("--strength", help="Of the stimulus, 0 to 1.")]
Costimulation = Annotated[float | None, typer.Option("--costimulation", help="0 none to 1 full.")]
CellType = Annotated[str, typer.Option("--cell-type", help="t_lymphocyte, pbmc or t_cell_line.")]
Medium = Annotated[str, typer.Option("--medium", help="culture, or blood: concentrations are levels in whole blood.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="What if: name=value[unit] of any constant; repeatable.")
]

_CULTURE = (
    "readout",
    "stimulus",
    "density",
    "serum",
    "hours",
    "add_at",
    "wash_at",
    "strength",
    "costimulation",
    "cell_type",
    "medium",
)


def add_to(app: typer.Typer) -> None:
    """Put the commands into the program.

    Parameters
    ----------
    app : typer.Typer
    """
    app.command(context_settings=NUMBERS)(potency)
    app.command(context_settings=NUMBERS)(combine)
    app.command(context_settings=NUMBERS)(sensitivity)
    app.command(context_settings=NUMBERS)(export)
    app.command()(calibrate)


def _culture(names: dict[str, Any]) -> dict[str, Any]:
    """The fields that all questions to cells share, from their options."""
    return {name: names[name] for name in _CULTURE} | {"settings": tuple(names["settings"] or ())}


def potency(
    compound: Annotated[str, typer.Argument(help="Name or synonym.")],
    readout: Readout,
    stimulus: Stimulus,
    density: Density = None,
    serum: Serum = None,
    hours: Hours = None,
    add_at: AddAt = None,
    wash_at: WashAt = None,
    strength: Strength = None,
    costimulation: Costimulation = None,
    cell_type: CellType = "t_lymphocyte",
    medium: Medium = "culture",
    settings: Settings = None,
    draws: Draws = 40,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Simulate the potency of a compound in a culture."""
    return run_command(
        "potency",
        _culture(locals())
        | {
            "compound": compound,
            "draws": draws,
        },
        show_potency_text,
        Options(json, out, seed, overwrite),
    )


def combine(
    first: Annotated[str, typer.Argument(help="One drug, by name or synonym.")],
    second: Annotated[str, typer.Argument(help="The other.")],
    readout: Readout = "proliferation",
    stimulus: Stimulus = "anti_cd3_cd28",
    density: Density = None,
    serum: Serum = None,
    hours: Hours = None,
    add_at: AddAt = None,
    wash_at: WashAt = None,
    strength: Strength = None,
    costimulation: Costimulation = None,
    cell_type: CellType = "t_lymphocyte",
    medium: Medium = "culture",
    settings: Settings = None,
    first_nM: Annotated[str, typer.Option("--first-nM", help="Concentrations of the first drug: 0.1,1,10.")] = "",
    second_nM: Annotated[str, typer.Option("--second-nM", help="Of the second drug.")] = "",
    points: Annotated[int, typer.Option("--points", help="Concentrations of each where none are given.")] = 10,
    draws: Draws = 20,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Simulate two drugs together, beside Loewe additivity and Bliss independence."""
    return run_command(
        "combine",
        _culture(locals())
        | {
            "first": first,
            "second": second,
            "concentrations_first": _numbers(first_nM, "--first-nM"),
            "concentrations_second": _numbers(second_nM, "--second-nM"),
            "points": points,
            "draws": draws,
        },
        show_combination_text,
        Options(json, out, seed, overwrite),
    )


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        from limus.kernel.errors import InputError  # noqa: PLC0415

        raise InputError(option, text, "numbers with commas between them, nM", "write 0.1,1,10") from None


def sensitivity(
    compound: Annotated[str, typer.Argument(help="Name or synonym.")],
    readout: Readout,
    stimulus: Stimulus,
    method: Annotated[
        str, typer.Option("--method", help="local: one constant at a time; sobol: shares of the variance.")
    ] = "local",
    samples: Annotated[int, typer.Option("--samples", help="Points of the design (sobol), a power of two.")] = 256,
    parameters: Annotated[
        str, typer.Option("--parameters", help="Only these constants: a,b,c; by default all (sobol: the strongest 12).")
    ] = "",
    density: Density = None,
    serum: Serum = None,
    hours: Hours = None,
    add_at: AddAt = None,
    wash_at: WashAt = None,
    strength: Strength = None,
    costimulation: Costimulation = None,
    cell_type: CellType = "t_lymphocyte",
    medium: Medium = "culture",
    settings: Settings = None,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Find which constants of the model a potency depends on."""
    return run_command(
        "sensitivity",
        _culture(locals())
        | {
            "compound": compound,
            "method": method,
            "samples": samples,
            "parameters": tuple(name.strip() for name in parameters.split(",") if name.strip()),
        },
        show_sensitivity_text,
        Options(json, out, seed, overwrite),
    )


def export(
    model: Annotated[str, typer.Argument(help="Name in the library, or path of an .ant or .xml file.")],
    out: Annotated[Path | None, typer.Option("--out", help="SBML file to write, .xml or .sbml.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="name=value, a unit behind it if wanted; repeatable.")
    ] = None,
    stimulus: Annotated[str | None, typer.Option("--stimulus", help="Protocol of the library: mlr, pha, ...")] = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Write a model with its numbers as one flat SBML file."""
    return run_command(
        "export",
        {"model": model, "settings": tuple(settings or ()), "stimulus": stimulus},
        _show_export,
        Options(json, out, seed, overwrite),
    )


def _show_export(r: dict[str, Any]) -> str:
    counts = ", ".join(f"{r[what]} {what}" for what in ("species", "parameters", "reactions", "rules", "events"))
    lines = [f"{r['model']}: {counts}", *r["warnings"], f"  {r['format']}  {r['file']}"]
    if r["fit"] is not None:
        lines.append(f"  fit     {r['fit']}")
    if r["identifiers"]:
        name, given = next(iter(r["identifiers"].items()))
        lines.append(f"  names   dots become two underscores: {name} is {given}")
    return "\n".join(lines)


def calibrate(
    model: Annotated[str, typer.Option("--model", help="Model of the library.")] = "t_cell",
    starts: Annotated[int, typer.Option("--starts", help="Starts followed to their minimum.")] = 2,
    draws: Annotated[int, typer.Option("--draws", help="From the posterior; 1000 with --accept.")] = 0,
    accept: Annotated[bool, typer.Option("--accept", help="Write the fit into the library.")] = False,
    profiles: Annotated[bool, typer.Option("--profiles", help="Profile each fitted constant; minutes.")] = False,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Fit the model anew and print observed against predicted."""
    return run_command(
        "calibrate",
        {"model": model, "starts": starts, "draws": draws, "accept": accept, "profiles": profiles},
        _show_calibration,
        Options(json, out, seed, overwrite),
    )


def _show_calibration(r: dict[str, Any]) -> str:
    rows = (
        ("id", "observation"),
        ("compound", "compound"),
        ("readout", "readout"),
        ("stimulus", "stimulus"),
        ("observed", "observed nM"),
        ("predicted", "predicted nM"),
        ("fold", "fold"),
        ("used", "fitted"),
    )
    parameters = (
        ("parameter", "parameter"),
        ("prior", "prior"),
        ("value", "value"),
        ("unit", "unit"),
        ("log10_standard_error", "se of log10"),
        ("at_bound", "at bound"),
    )
    left_out = (("id", "left out"), ("compound", "compound"), ("reason", "reason"))
    share = f"{100 * r['share_within_3_fold']:.0f} % of the fitted observations are met within a factor of three"
    ending = f"{r['status']}, sum of squares {number(r['sum_of_squares'])}, seed {r['seed']}"
    agree = f"{r['agreeing_starts']} of {r['starts']} starts agree"
    if r["draws"]:
        agree += f"; {r['draws']} draws, effective sample {number(r['effective_sample'])}"
    parts = [
        table(r["rows"], rows),
        f"{share}; {ending}; {agree}",
        table(r["parameters"], parameters),
        table(r["left_out"], left_out),
    ]
    if r["profiles"]:
        parts.append(_profile_table(r["profiles"]))
    return "\n\n".join(parts)


def _profile_table(rows: list[dict[str, Any]]) -> str:
    columns = (
        ("parameter", "profile of"),
        ("value", "value"),
        ("unit", "unit"),
        ("lower", "lower 95 %"),
        ("upper", "upper 95 %"),
        ("status", "with prior"),
        ("status_without_prior", "observations alone"),
        ("share_of_prior_width", "width over prior's"),
        ("prior_driven", "prior-driven"),
    )
    return table(rows, columns)
