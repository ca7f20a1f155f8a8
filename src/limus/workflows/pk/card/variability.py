"""Variability between subjects and between occasions, and the residual error, as printed and as used."""

from __future__ import annotations

import math
from collections.abc import Sequence

from limus.kernel.provenance import Directness, SourcedValue
from limus.pharmacokinetics.population_model.random_effects import RandomEffects
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.residual_error import ResidualError
from limus.report.content import Block, Cell, ColumnHead, Paragraph, Row, Table, number_cell, text_cell
from limus.report.markup import escape_markup
from limus.workflows.cells import certainty, key_of, sourced_cell, unit_words

__all__ = ["variability"]

_WORDS_OF = {
    "variance": "printed as variance",
    "standard_deviation": "printed as standard deviation",
    "cv_lognormal": "printed as coefficient of variation; variance ln(1 + CV^2)",
    "cv_approximate": "printed as coefficient of variation; variance CV^2",
}
_FORMS = {
    "proportional": "proportional to the level",
    "additive": "the same at every level",
    "combined": "variances of an additive and a proportional part, added",
    "log_additive": "additive on the logarithm of the level",
    "formula": "variance by a rule of the equations",
}


def variability(model: PopulationModel) -> list[Block]:
    """Build the tables of random effects and of the residual error with its alternatives."""
    blocks: list[Block] = []
    levels = (
        ("between-subjects", "Between subjects", model.between_subject),
        ("between-occasions", "Between occasions", model.between_occasion),
    )
    for key, title, effects in levels:
        if effects.names:
            blocks.append(_effects(key, title, effects))
        else:
            blocks.append(Paragraph(f"{title}: none published or none that was read."))
    errors = {"residual": model.residual} | dict(model.residual_alternatives)
    rows = tuple(row for name, error in errors.items() for row in _error_rows(name, error))
    columns = (ColumnHead("value", "As printed"), ColumnHead("sd", "Standard deviation"), ColumnHead("form", "Form"))
    note = escape_markup(" ".join(f"{name}: {error.note}." for name, error in errors.items() if error.note))
    blocks.append(Table("residual-error", "Residual error", columns, rows, note=note, stub="Part"))
    return blocks


def _effects(key: str, title: str, effects: RandomEffects) -> Table:
    columns = (ColumnHead("printed", "As printed"), ColumnHead("variance", "Variance"), ColumnHead("cv", "CV", "%"))
    rows = []
    for k, printed in enumerate(effects.printed):
        note = _WORDS_OF[printed.given_as]
        cell = _with_note(printed.sourced, note)
        variance = number_cell(
            effects.covariance[k, k], "", Directness.INFERRED, note=f"from the number as printed: {note}"
        )
        cv = 100.0 * math.sqrt(math.expm1(effects.covariance[k, k]))
        percent = number_cell(
            cv, "%", Directness.INFERRED, note="of a log-normal parameter: 100 sqrt(exp(variance) - 1)"
        )
        rows.append(Row(key_of(printed.name), printed.name, (cell, variance, percent)))
    for correlation in effects.correlations:
        first, second = correlation.between
        cell = _with_note(correlation.sourced, f"printed as {correlation.given_as}")
        i, j = effects.names.index(first), effects.names.index(second)
        note = f"covariance, from the number as printed ({correlation.given_as})"
        covariance = number_cell(effects.covariance[i, j], "", Directness.INFERRED, note=note)
        rows.append(
            Row(key_of(f"{first}-{second}"), f"{first} with {second}", (cell, covariance, text_cell("\N{EN DASH}")))
        )
    note = "Of the random effects, on their own scale; pairs that are not listed are independent."
    return Table(key, title, columns, tuple(rows), note=note, stub="Random effect")


def _with_note(value: SourcedValue, words: str) -> Cell:
    cell = sourced_cell(value)
    return number_cell(
        cell.value if cell.value is not None else math.nan,
        cell.unit,
        value.directness,
        source=value.source,
        certainty=certainty(value),
        note="; ".join(part for part in (words, value.spread, value.note) if part),
        significant=6,
    )


def _error_rows(name: str, error: ResidualError) -> Sequence[Row]:
    deviations = {"proportional": error.proportional, "additive": error.additive, "log_additive": error.log_additive}
    rows = []
    for part, (value, given_as) in error.printed.items():
        unit = unit_words(value.unit) if part == "additive" and given_as == "standard_deviation" else ""
        note = f"from the number as printed: {_WORDS_OF[given_as]}"
        deviation = number_cell(deviations[part], unit, Directness.INFERRED, note=note)
        label = part.replace("_", "-") + ("" if name == "residual" else f" (alternative {name})")
        form = text_cell(_FORMS[error.form])
        rows.append(Row(key_of(f"{name}-{part}"), label, (_with_note(value, _WORDS_OF[given_as]), deviation, form)))
    if error.formula:
        blank = text_cell("\N{EN DASH}")
        rows.append(Row(key_of(f"{name}-formula"), error.formula, (blank, blank, text_cell(_FORMS["formula"]))))
    return rows
