"""Checks of an analysed ELISA: what a careful reader would ask before believing a number."""

from __future__ import annotations

from collections.abc import Iterator

from limus.assay.elisa.result import ElisaAnalysis
from limus.assay.elisa.viability import Verdict
from limus.assay.layout.checks import list_wells
from limus.assay.layout.records import Role
from limus.assay.plate.findings import note, warning
from limus.assay.quality.controls import QualityStatus
from limus.kernel.checks import Check, Finding

__all__ = ["ELISA_CHECKS"]

MISFIT_AT = 0.01


def _standards(a: ElisaAnalysis) -> Iterator[Finding]:
    s = a.standard
    if not s.range_passes:
        yield warning(
            "no-range",
            "standards",
            "no two neighbouring levels are accurate and precise",
            "a range from LLOQ to ULOQ",
            "limits are the lowest and highest level; look at the table of levels",
        )
    left = [f"{one.concentration:g}" for one in s.levels if not one.in_range]
    if left and s.range_passes:
        yield note(
            "levels-out-of-range", "standards", f"{', '.join(left)} {s.unit}", "levels that pass", "range narrowed"
        )


def _censored(a: ElisaAnalysis) -> Iterator[Finding]:
    for status, sign, do in (("below", "<", "dilute less"), ("above", ">", "dilute more and read again")):
        groups = [g for g in a.samples if g.status == status and g.first.role not in (Role.UNSTIMULATED, Role.BLANK)]
        if groups:
            limit = a.standard.lloq if status == "below" else a.standard.uloq
            wells = [w for g in groups for w in g.wells]
            yield note(
                f"samples-{status}-range",
                f"{len(groups)} groups",
                list_wells(wells),
                f"readings {'above' if status == 'below' else 'below'} {limit:g} {a.standard.unit}",
                f"kept as {sign} the limit; {do}",
            )


def _controls(a: ElisaAnalysis) -> Iterator[Finding]:
    if not a.inhibitors:
        return
    roles = {g.first.role for g in a.samples}
    if Role.CONTROL not in roles:
        yield warning("no-controls", "controls", "none", "stimulated wells without compound", "there is no inhibition")
    if Role.UNSTIMULATED not in roles:
        yield warning(
            "no-unstimulated",
            "unstimulated controls",
            "none; zero is taken",
            "wells without stimulus",
            "add them: what cells make anyway is not subtracted",
        )
    for one in a.inhibitors:
        if one.curve.absolute_status == "control_out_of_range":
            yield warning(
                "control-out-of-range",
                one.compound,
                "stimulated controls outside the range",
                "controls in range",
                "dilute the controls; without them there is no inhibition",
            )
    most = max((one.background_percent for one in a.inhibitors), default=0.0)
    if most > 1.0:
        yield note(
            "unstimulated-below-range",
            "unstimulated controls",
            f"below LLOQ, at most {most:.1f} % of the controls",
            "a number",
            "zero is taken; inhibition is uncertain by as much",
        )


def _viability(a: ElisaAnalysis) -> Iterator[Finding]:
    if not a.inhibitors:
        return
    if not a.viability:
        yield warning(
            "no-viability",
            "viability",
            "no plate was given",
            "an MTT or LDH plate beside the ELISA",
            "inhibition may be loss of cells; add --viability",
        )
        return
    threshold = a.conditions.threshold_percent
    for one in a.inhibitors:
        for dose in one.doses:
            amount = f"{dose.dose:.3g}" if dose.dose < 1e4 else f"{dose.dose:.0f}"
            where = f"{one.compound} {amount} {one.unit}"
            said = f"viability {dose.viability_percent.value:.0f} %"
            if dose.masked:
                likely = "" if dose.verdict is Verdict.CYTOTOXIC else ", interval across the threshold"
                yield warning("cytotoxic", where, said + likely, f"{threshold:g} % or more", "masked: not inhibition")
            elif dose.verdict is Verdict.UNCERTAIN:
                yield note("viability-uncertain", where, said, f"an interval above {threshold:g} %", "used")
            elif dose.verdict is Verdict.NOT_MEASURED:
                yield warning("viability-missing", where, "not measured", "viability of every dose", "used unmasked")


def _dilution(a: ElisaAnalysis) -> Iterator[Finding]:
    rules = a.conditions.rules
    for one in a.parallelism:
        if one.status == "not_parallel":
            yield warning(
                "not-parallel",
                one.sample,
                f"CV {one.cv_percent:.0f} % over its dilutions",
                f"{rules['parallelism_cv_percent']:g} % or less",
                "something in the sample interferes; dilute more",
            )
    for found in a.recovery:
        if found.status != "within":
            got = f"{found.percent.value:.0f} %" if found.percent.known else "not measurable"
            allowed = f"{rules['recovery_lower_percent']:g} to {rules['recovery_upper_percent']:g} %"
            yield warning(
                f"{found.kind.replace('_', '-')}-recovery", found.sample, got, allowed, "look for interference"
            )
    for name in a.hooks:
        yield warning(
            "hook",
            name,
            "more analyte, less signal",
            "a signal that rises",
            "a hook effect: dilute more; do not read there",
        )


def _quality(a: ElisaAnalysis) -> Iterator[Finding]:
    q = a.quality
    if q.status is QualityStatus.OVERLAPPING:
        yield warning(
            "controls-overlap", "stimulated and unstimulated", f"Z' = {q.z_prime:.2f}", "Z' of 0.5 or more", "take care"
        )
    elif q.status is QualityStatus.MARGINAL:
        yield note("controls-near", "stimulated and unstimulated", f"Z' = {q.z_prime:.2f}", "Z' of 0.5 or more")
    for effect in a.positions:
        if effect.status == "large":
            yield warning(
                f"{effect.name}-effect",
                f"plate, {effect.name}",
                f"{effect.percent:+.1f} % of the controls (p = {effect.p_value:.2g})",
                "less than 5 %",
                "look at the heat map; leave the edge out, or randomise the places",
            )
    for one in a.inhibitors:
        if one.curve.misfit_p < MISFIT_AT:
            yield warning(
                "misfit",
                one.compound,
                f"p of the points about the curve {one.curve.misfit_p:.2g}",
                "points on the curve",
                "intervals are widened by it; look at the figure",
            )
    if a.noise.cultures is None and a.noise.tubes is None:
        yield warning("no-replicates", "replicates", "none", "two or more wells alike", "no interval can be given")


ELISA_CHECKS: tuple[Check[ElisaAnalysis], ...] = (
    Check("standards", "Standards give a range.", _standards),
    Check("range", "Samples lie in the range.", _censored),
    Check("controls", "Controls are there and in range.", _controls),
    Check("viability", "Inhibition is not loss of cells.", _viability),
    Check("dilution", "Samples dilute like the standard, and what was added is found.", _dilution),
    Check("quality", "Controls are apart and the place does not matter.", _quality),
)
