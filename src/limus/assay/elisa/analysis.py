"""Cytokine ELISA with viability beside it: from plates to concentrations, inhibition and IC50s."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limus.assay.elisa.checks import ELISA_CHECKS
from limus.assay.elisa.conditions import ElisaConditions, read_elisa_conditions
from limus.assay.elisa.dilution import check_parallelism, check_recovery, find_hooks
from limus.assay.elisa.inhibition import find_inhibitors
from limus.assay.elisa.result import ElisaAnalysis
from limus.assay.elisa.samples import fit_sample_noise, group_samples, measure_samples
from limus.assay.elisa.standard import ElisaStandard, fit_elisa_standard
from limus.assay.elisa.viability import measure_viability
from limus.assay.layout.records import Role
from limus.assay.quality.controls import assess_controls
from limus.assay.quality.position import assess_positions
from limus.assay.reader.wells import PlateWells
from limus.kernel.checks import run_checks
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution

__all__ = ["analyse_elisa"]

Floats = NDArray[np.float64]


def analyse_elisa(
    plate: PlateWells, viability: Sequence[PlateWells] = (), execution: Execution | None = None
) -> ElisaAnalysis:
    """Analyse an ELISA plate, with viability plates beside it.

    Parameters
    ----------
    plate : PlateWells
        Its layout may have sections ``[elisa]`` and ``[viability]``.
    viability : sequence of PlateWells
        Plates of the same cells; the first one that has a treatment decides on it.
    execution : Execution, optional
        Its seed decides the permutations of the position tests.

    Returns
    -------
    ElisaAnalysis
        A sample or compound without a number has a status and does not stop the rest.

    Raises
    ------
    InputError
        No standards, too few, or a curve that cannot be fitted; a viability plate without a ``[viability]`` section,
        or without the wells that its formula needs.
    UnitError
        A unit that is missing, unknown or of another kind.
    """
    execution = execution or Execution()
    conditions = read_elisa_conditions(plate.layout)
    settings = conditions.viability
    if viability and settings is None:
        raise InputError(
            f"{plate.layout.path}", "a viability plate, but no section [viability]", 'assay = "mtt" or "ldh"', "add it"
        )
    standard = _standard(plate, conditions)
    noise = fit_sample_noise(plate)
    known = noise.cultures is not None or noise.tubes is not None
    samples = measure_samples(group_samples(plate, noise), standard, known=known)
    plates = tuple(measure_viability(one, settings.assay) for one in viability) if settings is not None else ()
    inhibitors = find_inhibitors(
        samples,
        standard,
        plates,
        join=settings.join if settings is not None else "concentration",
        threshold_percent=conditions.threshold_percent,
        known=known,
    )
    quality = assess_controls(
        plate.signal[plate.having(Role.CONTROL)],
        plate.signal[plate.having(Role.UNSTIMULATED)],
        names=("stimulated", "unstimulated"),
    )
    analysis = ElisaAnalysis(
        plate=plate,
        conditions=conditions,
        standard=standard,
        noise=noise,
        samples=samples,
        inhibitors=inhibitors,
        viability=plates,
        parallelism=check_parallelism(samples, standard, conditions.rules, known=known),
        recovery=check_recovery(samples, standard, conditions.rules, known=known),
        hooks=find_hooks(samples, standard),
        quality=quality,
        positions=assess_positions(plate, quality.high_mean if math.isfinite(quality.high_mean) else 0.0, execution),
        findings=(*plate.findings, *(finding for one in viability for finding in one.findings)),
    )
    return replace(analysis, findings=(*analysis.findings, *run_checks(analysis, ELISA_CHECKS)))


def _standard(plate: PlateWells, conditions: ElisaConditions) -> ElisaStandard:
    """Fit the standard curve; blanks are its zero where the standards have none of their own."""
    where = f"{plate.layout.path}, standards"
    named = np.flatnonzero(plate.having(Role.STANDARD))
    units = [plate.wells[i].concentration.unit for i in named if plate.wells[i].concentration.unit]
    if not len(named) or not units:
        raise InputError(where, "no well with role standard", "standards of known concentration", "name them")
    unit = units[0]
    places = [int(i) for i in named if plate.used[i]]
    amounts = [plate.wells[i].concentration.in_unit(unit, where=plate.wells[i].where) for i in places]
    if 0.0 not in amounts:
        blanks = [int(i) for i in np.flatnonzero(plate.having(Role.BLANK) & plate.used)]
        places, amounts = places + blanks, amounts + [0.0] * len(blanks)
    return fit_elisa_standard(
        np.array(amounts),
        plate.signal[places],
        unit,
        conditions.rules,
        model=conditions.model,
        weighting=conditions.weighting,
        where=where,
    )
