"""The standard curve in the report of an ELISA: figure, levels read back, weightings."""

from __future__ import annotations

import math

import numpy as np

from limus.assay.curve.fit import CurveFits
from limus.assay.curve.quality import predict
from limus.assay.elisa.result import ElisaAnalysis
from limus.assay.plate.uncertainty import Estimate
from limus.kernel.tables import Table as TidyTable
from limus.report.content import ColumnHead, Row, Section, Table, text_cell
from limus.report.figures.plates import draw_standard_curve
from limus.report.numbers import format_quantity
from limus.workflows.assay.plate_report.writing import estimate_cell, figure_block, key_of

__all__ = ["standards_section"]


def standards_section(a: ElisaAnalysis, signal: str) -> Section:
    """Build the section with the curve, the levels read back and the weightings.

    Parameters
    ----------
    a : ElisaAnalysis
    signal : str
        Of the axis.

    Returns
    -------
    Section
    """
    s = a.standard
    shown = draw_standard_curve(
        TidyTable.create({"x": s.concentrations, "y": s.signals, "used": ["yes"] * len(s.signals)}),
        _curve_table(s.fits, s.levels[0].concentration / 2, s.levels[-1].concentration * 1.5),
        x_label=f"{a.conditions.analyte} ({s.unit})",
        y_label=signal,
        logarithmic=True,
        limits=(s.lloq, s.uloq),
        samples=TidyTable.create({"y": [float(np.mean(g.signals)) for g in a.samples if len(g.signals)]}),
    )
    name = {"ll4": "four-parameter", "ll5": "five-parameter"}[s.fits.model.name]
    caption = (
        f"Standards with the fitted {name} logistic curve, its 95 % band and the limits of quantification; ticks on "
        "the right: all samples and controls."
    )
    blocks = (figure_block("standard-curve", "Standards", shown, caption), _level_table(a), _weighting_table(a))
    return Section("standards", "Standard curve", blocks)


def _curve_table(fits: CurveFits, low: float, high: float) -> TidyTable:
    x = np.geomspace(low, high, 121)
    y, lower, upper = predict(fits, np.log(x)[np.newaxis])
    return TidyTable.create({"x": x, "y": y[0], "lower": lower[0], "upper": upper[0]})


def _level_table(a: ElisaAnalysis) -> Table:
    unit = a.standard.unit
    rows = tuple(
        Row(
            f"level-{k}",
            format_quantity(one.concentration, unit),
            (
                estimate_cell(Estimate(one.read), unit, n=one.n, missing="cannot be read"),
                estimate_cell(Estimate(one.error_percent), "%"),
                estimate_cell(Estimate(one.cv_percent if math.isfinite(one.cv_percent) else math.nan), "%"),
                text_cell("in range" if one.in_range else "outside"),
            ),
        )
        for k, one in enumerate(a.standard.levels, start=1)
    )
    columns = (
        ColumnHead("read", "Read off the curve"),
        ColumnHead("error", "Error"),
        ColumnHead("cv", "CV of the wells"),
        ColumnHead("range", "Range"),
    )
    return Table("levels", "Standards read back", columns, rows, "n wells.", "Standard")


def _weighting_table(a: ElisaAnalysis) -> Table:
    names = {
        "none": "constant variance",
        "1/y": "variance as the signal",
        "1/y2": "variance as its square",
        "power": "fitted power",
    }
    rows = tuple(
        Row(
            key_of(w.name),
            names[w.name],
            (
                estimate_cell(Estimate(w.error_percent if math.isfinite(w.error_percent) else math.nan), "%"),
                text_cell("chosen" if w.chosen else "\N{EN DASH}"),
            ),
        )
        for w in a.standard.weightings
    )
    columns = (ColumnHead("error", "Root mean square error of the levels read back"), ColumnHead("chosen", "Chosen"))
    return Table("weightings", "Weighting", columns, rows, "", "Weighting")
