"""At a glance: the compounds side by side, and why one is more potent than another."""

from __future__ import annotations

from limus.report.content import Paragraph, Row, Section, Table, text_cell
from limus.report.markup import escape_markup
from limus.workflows.cells import columns, first_constant, key_of, missing, sourced_cell
from limus.workflows.comparison.data import Comparison
from limus.workflows.comparison.potency import simulated, words

__all__ = ["at_a_glance"]


def at_a_glance(data: Comparison) -> Section:
    """Build the opening section."""
    compounds = data.compounds
    rows = [
        Row("class", "Class", tuple(text_cell(c.drug_class) for c in compounds)),
        Row("immunophilin", "Immunophilin", tuple(text_cell(c.immunophilin) for c in compounds)),
        Row("target", "Target", tuple(text_cell(c.target) for c in compounds)),
        _constant_row(data, "molar_mass", "Molar mass", "molar_mass"),
        _immunophilin_row(data),
    ]
    for condition in data.plan.potencies:
        shown = tuple(simulated(data, c.name, condition) for c in compounds)
        if any(cell.value is not None for cell in shown):
            rows.append(Row(f"simulated-{key_of(condition.key)}", f"IC50 simulated, {words(condition, data)}", shown))
    table = Table("glance", "The compounds at a glance", columns(compounds), tuple(rows), stub="Property")
    names = ", ".join(escape_markup(c.name) for c in compounds[:-1]) + f" and {escape_markup(compounds[-1].name)}"
    paragraphs = [Paragraph(f"This guide sets {names} side by side, from binding to the cell."), *_why(data)]
    return Section("at-a-glance", "At a glance", (*paragraphs, table))


def _constant_row(data: Comparison, key: str, label: str, *properties: str) -> Row:
    found = [first_constant(c, *properties) for c in data.compounds]
    cells = tuple(missing() if constant is None else sourced_cell(constant.value) for constant in found)
    return Row(key, label, cells)


def _immunophilin_row(data: Comparison) -> Row:
    properties = ("fkbp12_dissociation_constant", "cyclophilin_a_dissociation_constant")
    row = _constant_row(data, "immunophilin_constant", "Dissociation constant, immunophilin", *properties)
    none = [c.immunophilin == "none" for c in data.compounds]
    cells = tuple(missing("not applicable") if n else cell for n, cell in zip(none, row.cells, strict=True))
    return Row(row.key, row.label, cells)


def _why(data: Comparison) -> list[Paragraph]:
    """Why tacrolimus is more potent than ciclosporin, in the model's own numbers."""
    if not {"tacrolimus", "ciclosporin"} <= set(data.modelled):
        return []
    shown = [c for c in data.plan.potencies if c.key == "proliferation/mlr"]
    if not shown:
        return []
    row = f"glance.simulated-{key_of(shown[0].key)}"
    constant = "glance.immunophilin_constant"
    pair = ("tacrolimus", "ciclosporin")
    complexes = [f"parameters.{key_of(f'{drug}.complex_dissociation_constant')}.value" for drug in pair]
    return [
        Paragraph(
            f"In the model tacrolimus halves a mixed lymphocyte reaction at {{{row}.tacrolimus}}, ciclosporin at "
            f"{{{row}.ciclosporin}}. Tacrolimus holds its immunophilin far more tightly: {{{constant}.tacrolimus}} to "
            f"FKBP12 against {{{constant}.ciclosporin}} to cyclophilin A. What calcineurin sees is the complex of drug "
            "and immunophilin, and as the model is fitted that of tacrolimus holds it more tightly too: "
            f"{{{complexes[0]}}} against {{{complexes[1]}}}. The amount of immunophilin and the drug that cells take "
            "up from the medium shift both."
        )
    ]
