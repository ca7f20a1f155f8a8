"""Mechanism: in words, and as a diagram drawn from the model."""

from __future__ import annotations

from limus.report.content import BulletList, Figure, Section
from limus.report.markup import escape_markup
from limus.workflows.comparison.data import Comparison
from limus.workflows.pathway_figure import pathway_figure

__all__ = ["mechanism"]


def mechanism(data: Comparison) -> Section:
    """Build the section with mechanism in words and the diagram."""
    sentences = []
    for compound in data.compounds:
        words = data.plan.words[compound.drug_class].replace("{immunophilin}", escape_markup(compound.immunophilin))
        sentences.append(f"**{escape_markup(compound.name)}** {words}.")
    blocks: list[BulletList | Figure] = [BulletList(tuple(sentences))]
    if data.modelled:
        title = "T-cell activation and where the compounds act"
        blocks.append(pathway_figure(data.model, data.modelled, key="pathway", title=title))
    return Section("mechanism", "Mechanism", tuple(blocks))
