"""The model card: structure, typical profile, values, variability, validity limits, conflicts and changes."""

from __future__ import annotations

from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_profile import Profile
from limus.report.content import Section
from limus.workflows.pk.card.numbers import limits_table, values_table
from limus.workflows.pk.card.profile import profile_blocks
from limus.workflows.pk.card.structure import structure
from limus.workflows.pk.card.variability import variability
from limus.workflows.pk.card.words import readings, summary, use

__all__ = ["card_sections"]


def card_sections(model: PopulationModel, profile: Profile, seed: int) -> tuple[Section, ...]:
    """Build the sections of a model card in reading order.

    Parameters
    ----------
    model : PopulationModel
    profile : Profile
        From :func:`limus.pharmacokinetics.population_profile.typical_profile`.
    seed : int
        Of the profile's virtual subjects.

    Returns
    -------
    tuple of Section
    """
    return (
        Section("summary", "What it is", tuple(summary(model))),
        Section("structure", "Structure", tuple(structure(model))),
        Section("profile", "Typical profile", tuple(profile_blocks(model, profile, seed))),
        Section("limits", "Where it may be used", (limits_table(model),)),
        Section("values", "Values and their sources", (values_table(model),)),
        Section("variability", "Variability", tuple(variability(model))),
        Section("readings", "Conflicts and changes", tuple(readings(model))),
        Section("use", "Doses and units", (use(model),)),
    )
