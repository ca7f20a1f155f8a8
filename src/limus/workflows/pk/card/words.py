"""What a model is, who it was built on, where sources disagree, and how it is dosed: the card in words."""

from __future__ import annotations

from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.report.content import Block, BulletList, Notice, Paragraph
from limus.report.markup import escape_markup

__all__ = ["readings", "summary", "use"]


def summary(model: PopulationModel) -> list[Block]:
    """Say what the model is, where it was published and read, and who it was built on."""
    through = f", read through {' '.join(f'[@{key}]' for key in model.via)}" if model.via else ""
    population = model.population
    words = [
        f"{escape_markup(model.structure[0].upper() + model.structure[1:])}. Published as [@{model.paper}]{through}."
    ]
    about = {
        "Population": population.description,
        "Age": population.age,
        "Weight": population.weight,
        "Region": population.region,
        "Other drugs": population.comedication,
        "Doses": population.dose,
        "Sampling": population.sampling,
        "Assay": f"{model.matrix}; {model.assay}",
    }
    counts = {"subjects": population.subjects, "profiles": population.profiles, "levels": population.observations}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count is not None)
    items = [f"**{name}:** {escape_markup(text)}." for name, text in about.items() if text]
    items += [f"**Size:** {said}."] if said else []
    return [Paragraph(" ".join(words)), BulletList(tuple(items))]


def readings(model: PopulationModel) -> list[Block]:
    """Say where sources disagree, what was changed on purpose, and whether numbers are assumed."""
    blocks: list[Block] = []
    if model.conflicts:
        items = tuple(
            f"**{escape_markup(c.about[0].upper() + c.about[1:])}.** Used: {escape_markup(c.used)}. "
            f"Against it: {escape_markup(c.other)}. Because: {escape_markup(c.reason)}."
            for c in model.conflicts
        )
        blocks += [Paragraph("Where sources disagree:"), BulletList(items)]
    else:
        blocks.append(Paragraph("No conflict between sources is known."))
    if model.changes:
        items = tuple(
            f"{escape_markup(c.what[0].upper() + c.what[1:])}: {escape_markup(c.why)}." for c in model.changes
        )
        blocks += [Paragraph("What was changed on purpose:"), BulletList(items)]
    if any(str(value.kind) == "assumed" for value in model.values.values()):
        blocks.append(Notice("warning", "Some numbers of the equations are assumed; the table of values says which."))
    return blocks


def use(model: PopulationModel) -> BulletList:
    """Say in which units an event table comes, where doses go, and which files hold the model."""
    dosing = model.dosing
    numbers = ", ".join(f"{number} {species}" for number, species in dosing.numbered.items())
    routes = ", ".join(f"{route} into {species}" for route, species in dosing.routes.items())
    items = [
        f"**Event table:** AMT {model.units.AMT} of {dosing.substance}, DV {model.units.DV}, TIME {model.units.TIME}; "
        f"CMT {numbers}. Amounts inside are mg.",
        f"**Routes:** {routes}; " + ("infusions allowed." if dosing.infusion else "no infusions."),
    ]
    if dosing.note:
        items.append(f"**Doses:** {escape_markup(dosing.note)}.")
    if model.residual_alternatives:
        items.append(f"**Other residual errors, by name:** {escape_markup(', '.join(model.residual_alternatives))}.")
    items.append(f"**Files:** {model.path.name} and {model.path.stem}.ant, SHA-256 {model.content_hash[:16]}.")
    return BulletList(tuple(items))
