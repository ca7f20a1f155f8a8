"""The structure of a model: compartments drawn from its equations, individual parameters, the equations themselves."""

from __future__ import annotations

from limus.kernel.language import Apply, Symbol, free_symbols, walk
from limus.kernel.provenance import Directness
from limus.kernel.tables import Table as TidyTable
from limus.pharmacokinetics.population_model.mass_balance import is_linear
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_profile import typical_parameters
from limus.report.content import Block, BulletList, ColumnHead, Paragraph, Row, Table, number_cell, text_cell
from limus.report.diagram.compartments import draw_compartments
from limus.report.figures.drug_styles import drug_style
from limus.report.markup import escape_markup
from limus.workflows.cells import figure, key_of, unit_words

__all__ = ["structure"]


def structure(model: PopulationModel) -> list[Block]:
    """Build the drawing of the compartments, the table of individual parameters and the list of equations."""
    dosing, observation = model.dosing, model.observation
    details = [f"{what} {name}" for what, name in (("after", dosing.lag), ("times", dosing.bioavailability)) if name]
    main = _measured_species(model)
    bent = observation.output != observation.linear
    level = f"{model.matrix}, {model.units.DV}" + (" (bound to red cells)" if bent else "")
    drawing = draw_compartments(
        _flows(model),
        dosed=dosing.compartment,
        measured=main,
        dose=", ".join(["dose", *details]),
        level=level,
        colour=drug_style(model.drug).colour,
        volumes=_volumes(model),
    )
    linear = "The amounts follow linear equations." if is_linear(model) else "The amounts follow curved equations."
    if bent:
        linear += " The measured level is a curved function of them."
    values = typical_parameters(model)
    note = f"simulated: model {model.name} with the typical covariates, without random effects"
    rows = tuple(
        Row(
            key_of(name),
            name,
            (
                number_cell(values[name], unit_words(parameter.unit), Directness.SIMULATED, note=note),
                text_cell(parameter.meaning),
            ),
        )
        for name, parameter in model.parameters.items()
    )
    columns = (ColumnHead("typical", "Typical subject"), ColumnHead("meaning", "Meaning"))
    lines = model.path.with_suffix(".ant").read_text(encoding="utf-8").splitlines()
    rules = [line.strip().rstrip(";").replace(":=", "=") for line in lines if ":=" in line.split("//")[0]]
    return [
        figure("compartments", "Compartments", drawing, f"Drawn from the equations of {model.path.stem}.ant. {linear}"),
        Table("parameters", "Individual parameters", columns, rows, stub="Name"),
        Paragraph(
            "The equations, with random effects eta between subjects and kappa between occasions, which are normal "
            "with mean 0:"
        ),
        BulletList(tuple(escape_markup(rule.replace("*", " * ").replace("/", " / ")) for rule in rules)),
    ]


def _measured_species(model: PopulationModel) -> str:
    species = {s.name for s in model.model.species}
    rules = {r.variable: r.formula for r in model.model.rules if r.kind == "assignment"}
    waiting, seen = [model.observation.linear], set()
    while waiting:
        name = waiting.pop()
        if name in species:
            return name
        if name in rules and name not in seen:
            seen.add(name)
            waiting += sorted(free_symbols(rules[name]), key=lambda n: n not in species, reverse=True)
    return model.dosing.compartment


def _flows(model: PopulationModel) -> TidyTable:
    """Where the amounts go, labelled by the parameters of the rate that are not volumes."""
    rows = []
    for reaction in model.model.reactions:
        source = reaction.reactants[0].species if reaction.reactants else ""
        target = reaction.products[0].species if reaction.products else ""
        used = free_symbols(reaction.rate)
        label = ", ".join(n for n, p in model.parameters.items() if n in used and p.unit != "L")
        rows.append(
            {
                "reaction": reaction.name,
                "source": source,
                "target": target,
                "label": label,
                "both_ways": "yes" if source and target and target in used else "no",
            }
        )
    return TidyTable.from_rows(rows)


def _volumes(model: PopulationModel) -> dict[str, str]:
    """The volume that divides each amount in a rate."""
    found: dict[str, str] = {}
    species = {s.name for s in model.model.species}
    volumes = {name for name, p in model.parameters.items() if p.unit == "L"}
    for reaction in model.model.reactions:
        for part in walk(reaction.rate):
            if isinstance(part, Apply) and part.operator == "divide" and isinstance(part.arguments[1], Symbol):
                above = free_symbols(part.arguments[0]) & species
                if part.arguments[1].name in volumes and len(above) == 1:
                    found.setdefault(next(iter(above)), part.arguments[1].name)
    return found
