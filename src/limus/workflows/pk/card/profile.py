"""The typical profile: the last interval of the typical regimen, drawn and in numbers."""

from __future__ import annotations

import numpy as np

from limus.kernel.provenance import Directness
from limus.kernel.tables import Table as TidyTable
from limus.pharmacokinetics.population_model.mass_balance import area_of_one_dose, is_linear
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_profile import Profile
from limus.report.content import Block, ColumnHead, Paragraph, Row, Table, number_cell
from limus.report.figures.population_model import draw_typical_profile
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.cells import figure, unit_words

__all__ = ["profile_blocks"]


def profile_blocks(model: PopulationModel, profile: Profile, seed: int) -> list[Block]:
    """Build figure and table of the typical profile; the area under the curve is the exact one."""
    typical = model.typical
    columns = {"time_h": profile.time_h, "typical": profile.typical, "lower": profile.lower, "upper": profile.upper}
    drawing = draw_typical_profile(TidyTable.create(columns), drug=model.drug, unit=model.units.DV)
    covariates = ", ".join(
        f"{name} {format_number(value)} {unit_words(model.covariates[name].unit)}".strip()
        for name, value in typical.covariates.items()
    )
    amount = f"{format_number(typical.dose)} {model.units.AMT} {model.dosing.substance}"
    regimen = f"{amount} every {format_number(typical.interval_h)} h"
    caption = (
        f"The interval after dose {typical.doses} of {escape_markup(regimen)}; {escape_markup(covariates)}. "
        f"Line: no random effects; band: 5th to 95th percentile of {profile.subjects} virtual subjects with "
        "variability between subjects, none between occasions and no residual error. "
        f"Simulated, model {model.name}, seed {seed}."
    )
    note = f"simulated: model {model.name}, interval after dose {typical.doses}, seed {seed}"
    best = int(np.argmax(profile.typical))
    rows = [
        _simulated("trough", "Level at the end", profile.typical[-1], model.units.DV, note, _band(profile, -1)),
        _simulated("peak", "Highest level", profile.typical[best], model.units.DV, note, _band(profile, best)),
        _simulated("peak-time", "Time of the highest level", profile.time_h[best], "h", note, None),
    ]
    if is_linear(model):
        area = area_of_one_dose(model, typical.covariates, typical.dose).area
        of = "" if model.observation.linear == model.observation.output else f" of {model.observation.linear}"
        words = f"Area under the curve of one dose{of}, which is that of an interval at steady state"
        note = f"simulated: model {model.name}, exact; equals F dose/CL"
        rows.append(_simulated("area", words, area, f"{model.units.DV} h", note, None))
    table = Table(
        "typical-numbers",
        "The typical subject in numbers",
        (ColumnHead("value", "Value"),),
        tuple(rows),
        note="Interval: 5th to 95th percentile of the virtual subjects at the same time." if profile.subjects else "",
        stub="Quantity",
    )
    said = Paragraph(f"{escape_markup(typical.note[0].upper() + typical.note[1:])}.") if typical.note else None
    shown = figure("typical-profile", f"{regimen}", drawing, caption)
    return [*([said] if said else []), shown, table]


def _band(profile: Profile, at: int) -> tuple[float, float] | None:
    return (float(profile.lower[at]), float(profile.upper[at])) if profile.subjects else None


def _simulated(key: str, label: str, value: float, unit: str, note: str, interval: tuple[float, float] | None) -> Row:
    cell = number_cell(float(value), unit, Directness.SIMULATED, note=note, interval=interval, significant=4)
    return Row(key, label, (cell,))
