"""Checks of an analysed phosphatase plate: what a careful reader would ask before believing a number."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from limus.assay.layout.checks import list_wells
from limus.assay.layout.records import Role
from limus.assay.phosphatase.linearity import BEND_PERCENT, Linearity
from limus.assay.phosphatase.result import PhosphataseAnalysis
from limus.assay.phosphatase.standard import CURVED_AT
from limus.assay.phosphatase.tight_binding import HalfEnzyme
from limus.assay.plate.findings import note, warning
from limus.assay.quality.controls import QualityStatus
from limus.kernel.checks import Check, Finding
from limus.kernel.provenance import Kind

__all__ = ["PHOSPHATASE_CHECKS"]

MOST_SUBSTRATE_PERCENT = 10.0
BLANK_APART = 4.0  # standard errors between blanks and the standards' zero


def _background(a: PhosphataseAnalysis) -> Iterator[Finding]:
    if not any(one.group.role is Role.NO_ENZYME and one.group.usable for one in a.activities):
        left = "blanks" if any(one.group.role is Role.BLANK for one in a.activities) else "the standard curve's zero"
        yield warning(
            "no-enzyme-wells",
            "background",
            f"none; {left} is taken",
            "wells without enzyme",
            "add them: phosphate that comes with substrate or enzyme buffer is not subtracted",
        )


def _blank(a: PhosphataseAnalysis) -> Iterator[Finding]:
    blanks = [one.group for one in a.activities if one.group.role is Role.BLANK and one.group.usable]
    own_zero = any(
        w.role is Role.STANDARD and w.concentration.value == 0 and use
        for w, use in zip(a.plate.wells, a.plate.used, strict=True)
    )
    for blank in blanks if own_zero and a.noise is not None else ():
        apart = blank.mean - float(a.standard.coefficients[0])
        error = math.sqrt(blank.variance + float(a.standard.covariance[0, 0]))
        if abs(apart) > BLANK_APART * error:
            yield warning(
                "blank-and-zero-standard",
                "blanks",
                f"{apart:+.3g} from the standards' zero",
                "equal",
                "was the standard made in another buffer?",
            )


def _standards(a: PhosphataseAnalysis) -> Iterator[Finding]:
    s = a.standard
    if s.form == "quadratic":
        yield note(
            "standards-curve",
            "standard curve",
            f"bends by {s.curvature_percent:.1f} % of its span (p = {s.curvature_p:.2g})",
            "a straight line",
            "a parabola is used; keep samples in the lower part",
        )
    elif s.curvature_p < CURVED_AT:
        yield warning(
            "standards-curve",
            "standard curve",
            f"p of curvature {s.curvature_p:.2g}",
            "a straight line",
            'the layout asks for a line; standard_model = "auto" would take a parabola',
        )
    if s.lack_of_fit_p < CURVED_AT:
        yield warning(
            "standards-lack-of-fit",
            "standard curve",
            f"p of lack of fit {s.lack_of_fit_p:.2g}",
            "levels on the curve",
            "look at the figure for a level that was made wrongly",
        )
    above = [one.group.wells[0] for one in a.activities if one.status == "above_standards"]
    if above:
        yield warning(
            "above-standards",
            f"{len(above)} groups",
            list_wells(above),
            "below the highest standard",
            "extrapolated; less enzyme or time, or a higher standard",
        )


def _missing(a: PhosphataseAnalysis) -> Iterator[Finding]:
    active = [one.group for one in a.activities if one.group.role in (Role.CONTROL, Role.SAMPLE)]
    for words, key, values in (
        ("reaction time", "reaction_time", [g.time_min for g in active]),
        ("mass of enzyme", "enzyme_mass", [g.enzyme_ug for g in active]),
    ):
        if any(math.isnan(v) for v in values):
            yield warning(
                "activity-not-possible",
                words,
                "not given",
                "a value with its unit",
                f"write {key} under [phosphatase]; released phosphate and inhibition do not need it",
            )
    if any(i.curve.fit.relative_status == "no_control" for i in a.inhibitors):
        yield warning(
            "no-controls",
            "controls",
            "none at the same time and enzyme",
            "wells with role control",
            "add controls without compound; without them there is no inhibition",
        )
    if a.noise is None:
        yield warning(
            "no-replicates",
            "replicates",
            "none",
            "two or more wells alike",
            "no interval can be given",
        )


def _linearity(a: PhosphataseAnalysis) -> Iterator[Finding]:
    checked: tuple[Linearity, ...] = (a.time, a.enzyme)
    for one in checked:
        if one.status == "bends":
            yield warning(
                f"not-linear-in-{one.quantity}",
                f"controls against {one.quantity}",
                f"{one.loss_percent:.0f} % below the initial line (p = {one.p_value:.2g})",
                f"less than {BEND_PERCENT:g} %",
                "activities are not initial rates: use less time or enzyme",
            )
    if a.substrate_used_percent > MOST_SUBSTRATE_PERCENT:
        yield warning(
            "substrate-used-up",
            "substrate",
            f"{a.substrate_used_percent:.0f} % used",
            "10 % or less",
            "activities are not initial rates: use less time or enzyme",
        )


def _quality(a: PhosphataseAnalysis) -> Iterator[Finding]:
    q = a.quality
    if q.status is QualityStatus.OVERLAPPING:
        yield warning(
            "controls-overlap",
            "controls and no enzyme",
            f"Z' = {q.z_prime:.2f}",
            "Z' of 0.5 or more",
            "read inhibition from this plate with care",
        )
    elif q.status is QualityStatus.MARGINAL:
        yield note("controls-near", "controls and no enzyme", f"Z' = {q.z_prime:.2f}", "Z' of 0.5 or more", "")
    for effect in a.positions:
        if effect.status == "large":
            yield warning(
                f"{effect.name}-effect",
                f"plate, {effect.name}",
                f"{effect.percent:+.1f} % of the controls (p = {effect.p_value:.2g})",
                "less than 5 %",
                "look at the heat map; leave the edge out, or randomise the places",
            )


def _inhibitors(a: PhosphataseAnalysis) -> Iterator[Finding]:
    for one in a.inhibitors:
        curve, binding, name = one.curve, one.binding, one.curve.series.compound
        if curve.fit.misfit_p < CURVED_AT:
            yield warning(
                "misfit",
                name,
                f"p of the points about the curve {curve.fit.misfit_p:.2g}",
                "points on the curve",
                "intervals are widened by it; look at the figure",
            )
        enzyme = a.conditions.enzyme_nM or math.nan
        got = f"IC50 {curve.fit.ic50_absolute.value:.3g} nM with {enzyme:.3g} nM enzyme"
        if binding.half_enzyme is HalfEnzyme.IMPOSSIBLE:
            yield warning(
                "ic50-impossible",
                name,
                got,
                f"at least half the enzyme, {enzyme / 2:.3g} nM",
                "active enzyme, or the doses, are not what the layout says; do not report this IC50",
            )
        elif binding.half_enzyme in (HalfEnzyme.NEAR, HalfEnzyme.BELOW_WITHIN_ERROR):
            yield warning(
                "ic50-near-half-enzyme",
                name,
                got,
                "an IC50 well above the enzyme",
                "it says how much enzyme there is; use the constant of the tight-binding fit",
            )
        if binding.status == "refused":
            yield note("tight-binding-refused", name, binding.reason, "", "add it to the layout")
        if binding.models_differ:
            yield warning(
                "complex-not-preformed",
                name,
                f"{binding.ki_nM.value:.3g} nM preformed, {binding.ki_equilibrium_nM.value:.3g} nM in equilibrium",
                "within 10 %",
                "enzyme takes up complex that drug and immunophilin replace: use the equilibrium's",
            )
        if binding.affinity.kind is Kind.ASSUMED and binding.status != "refused":
            yield warning(
                "affinity-assumed",
                name,
                binding.affinity.origin.replace("_", " "),
                "a measured dissociation constant",
                "the library's value was not read in a source; give one in the layout",
            )


def _protein(a: PhosphataseAnalysis) -> Iterator[Finding]:
    enzyme, protein = a.conditions.enzyme_nM, a.conditions.immunophilin_nM
    if enzyme is not None and protein is not None and protein < enzyme and a.inhibitors:
        most = float(np.clip(100.0 * protein / enzyme, 0.0, 100.0))
        yield warning(
            "immunophilin-below-enzyme",
            "immunophilin",
            f"{protein:.3g} nM",
            f"more than {enzyme:.3g} nM",
            f"no drug can inhibit more than {most:.0f} % of this enzyme",
        )


PHOSPHATASE_CHECKS: tuple[Check[PhosphataseAnalysis], ...] = (
    Check("background", "Wells without enzyme give the background.", _background),
    Check("blank", "Blanks agree with the standards' zero.", _blank),
    Check("standards", "Standards lie on the curve and span the samples.", _standards),
    Check("missing", "Time, enzyme, controls and replicates are given.", _missing),
    Check("linearity", "Activities are initial rates.", _linearity),
    Check("quality", "Controls are apart and the place does not matter.", _quality),
    Check("inhibitors", "IC50s and constants are possible and agree.", _inhibitors),
    Check("immunophilin", "There is more immunophilin than enzyme.", _protein),
)
