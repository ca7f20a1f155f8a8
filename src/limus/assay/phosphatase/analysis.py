"""Calcineurin phosphatase by malachite green: from a plate to activities, IC50s and inhibition constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from limus.assay.layout.records import Role
from limus.assay.phosphatase.activity import measure_activities
from limus.assay.phosphatase.binding import fit_binding
from limus.assay.phosphatase.checks import PHOSPHATASE_CHECKS
from limus.assay.phosphatase.conditions import read_conditions
from limus.assay.phosphatase.groups import WellGroup, group_wells, match_background, standard_wells
from limus.assay.phosphatase.inhibition import fit_inhibition
from limus.assay.phosphatase.linearity import check_linearity, substrate_used_percent
from limus.assay.phosphatase.result import Inhibitor, PhosphataseAnalysis
from limus.assay.phosphatase.series import DoseSeries, find_series
from limus.assay.phosphatase.standard import fit_standard_curve
from limus.assay.quality.controls import assess_controls
from limus.assay.quality.noise import fit_noise
from limus.assay.quality.position import assess_positions
from limus.assay.reader.wells import PlateWells
from limus.kernel.checks import run_checks
from limus.kernel.execution import Execution

__all__ = ["analyse_phosphatase"]


def analyse_phosphatase(plate: PlateWells, execution: Execution | None = None) -> PhosphataseAnalysis:
    """Analyse a phosphatase plate.

    Parameters
    ----------
    plate : PlateWells
        Its layout may have a section ``[phosphatase]``.
    execution : Execution, optional
        Its seed decides the permutations of the position tests.

    Returns
    -------
    PhosphataseAnalysis
        A group or compound without a number has a status and does not stop the rest.

    Raises
    ------
    InputError
        No standards, standards that do not rise, or conditions that are wrong.
    UnitError
        A unit that is missing, unknown or of another kind.
    """
    execution = execution or Execution()
    conditions = read_conditions(plate.layout)
    noise = fit_noise(plate.signal, [well.treatment for well in plate.wells])
    places, amounts = standard_wells(plate, conditions)
    signals = plate.signal[places]
    means = np.array([np.mean(signals[amounts == x]) for x in amounts])
    variances = np.ones(len(places)) if noise is None else noise.variance(means)
    standard = fit_standard_curve(
        amounts, signals, variances, form=conditions.standard_model, where=f"{plate.layout.path}, standards"
    )
    groups = group_wells(plate, conditions, noise)
    activities = measure_activities(groups, standard)
    inhibitors = []
    series = find_series(groups)
    execution.progress.start("fitting compounds", len(series))
    for one in series:
        curve = fit_inhibition(one, standard)
        inhibitors.append(Inhibitor(curve, fit_binding(curve, standard, conditions)))
        execution.progress.advance()
    execution.progress.finish()
    full, empty = _controls(groups, series)
    quality = assess_controls(
        np.concatenate([g.signals for g in full]) if full else np.empty(0),
        np.concatenate([g.signals for g in empty]) if empty else np.empty(0),
        names=("controls", "no enzyme" if any(g.role is Role.NO_ENZYME for g in empty) else "blanks"),
    )
    analysis = PhosphataseAnalysis(
        plate=plate,
        conditions=conditions,
        noise=noise,
        standard=standard,
        activities=activities,
        inhibitors=tuple(inhibitors),
        time=check_linearity("time", groups, standard),
        enzyme=check_linearity("enzyme", groups, standard),
        substrate_used_percent=substrate_used_percent([a for a in activities if a.group in full], conditions),
        quality=quality,
        positions=assess_positions(plate, quality.high_mean if math.isfinite(quality.high_mean) else 0.0, execution),
        findings=plate.findings,
    )
    return replace(analysis, findings=(*plate.findings, *run_checks(analysis, PHOSPHATASE_CHECKS)))


def _controls(
    groups: Sequence[WellGroup], series: Sequence[DoseSeries]
) -> tuple[tuple[WellGroup, ...], tuple[WellGroup, ...]]:
    """The controls and the background by which a plate is judged: those of the compounds, else the largest group."""
    full = next((one.controls for one in series if one.controls), ())
    if not full:
        controls = [g for g in groups if g.role is Role.CONTROL and g.usable]
        full = (max(controls, key=lambda g: len(g.signals)),) if controls else ()
    return full, match_background(full[0], groups) if full else ()
