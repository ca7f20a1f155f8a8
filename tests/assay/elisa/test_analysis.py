"""The ELISA: standard curve and range, censoring, dilution, recovery, hook, inhibition without cytotoxic doses."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from limus.assay.elisa.analysis import analyse_elisa
from limus.assay.elisa.result import ElisaAnalysis
from limus.assay.elisa.standard import fit_elisa_standard
from limus.assay.elisa.viability import Verdict
from limus.assay.quality.rules import rule_values
from limus.assay.reader.wells import PlateWells
from limus.kernel.errors import InputError

Make = Callable[..., tuple[PlateWells, PlateWells]]
RULES = rule_values({}, "rules")
LEVELS = np.repeat([0.0, 15.625, 31.25, 62.5, 125.0, 250.0, 500.0, 1000.0], 2)


def curve(x: np.ndarray, asymmetry: float = 1.0) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return 0.06 + 3.0 * (1 + (420.0 / x) ** 1.15) ** -asymmetry


def checks(a: ElisaAnalysis) -> set[str]:
    return {f.check for f in a.findings}


@pytest.fixture
def analysis(elisa_plates: Make) -> ElisaAnalysis:
    plate, cells = elisa_plates(seed=3)
    return analyse_elisa(plate, [cells])


def test_exact_standards_are_read_back_exactly() -> None:
    found = fit_elisa_standard(LEVELS, curve(LEVELS), "pg/mL", RULES)
    assert [one.read for one in found.levels] == pytest.approx([one.concentration for one in found.levels], rel=1e-5)
    assert (found.lloq, found.uloq) == (15.625, 1000.0)
    assert found.rising


def test_the_weighting_with_the_smallest_error_is_taken() -> None:
    generator = np.random.default_rng(4)
    noisy = curve(LEVELS) * (1 + 0.04 * generator.standard_normal(len(LEVELS)))
    found = fit_elisa_standard(LEVELS, noisy, "pg/mL", RULES)
    errors = {w.name: w.error_percent for w in found.weightings}
    assert set(errors) == {"none", "1/y", "1/y2", "power"}
    (chosen,) = [w.name for w in found.weightings if w.chosen]
    assert errors[chosen] == min(errors.values())
    assert found.fits.weighting == chosen
    given = fit_elisa_standard(LEVELS, noisy, "pg/mL", RULES, weighting="1/y", model="ll4")
    assert given.fits.weighting == "1/y"


def test_a_lopsided_curve_takes_five_parameters_and_a_symmetric_one_four() -> None:
    generator = np.random.default_rng(5)
    noise = 1 + 0.002 * generator.standard_normal(len(LEVELS))
    assert fit_elisa_standard(LEVELS, curve(LEVELS, 0.35) * noise, "pg/mL", RULES).fits.model.name == "ll5"
    assert fit_elisa_standard(LEVELS, curve(LEVELS) * noise, "pg/mL", RULES).fits.model.name == "ll4"


def test_the_range_is_the_longest_run_of_levels_that_pass() -> None:
    signals = curve(LEVELS) * (1 + 0.004 * np.random.default_rng(6).standard_normal(len(LEVELS)))
    low = LEVELS == 15.625
    signals[low] = [signals[low][0] * 1.4, signals[low][1] * 0.75]  # imprecise beyond 25 %
    found = fit_elisa_standard(LEVELS, signals, "pg/mL", RULES, model="ll4")
    assert (found.lloq, found.uloq) == (31.25, 1000.0)
    assert [one.in_range for one in found.levels] == [False] + 6 * [True]
    strict = rule_values({name: 1e-9 for name in RULES if "accuracy" in name or "precision" in name}, "rules")
    none = fit_elisa_standard(LEVELS, signals, "pg/mL", strict, model="ll4")
    assert not none.range_passes


@pytest.mark.parametrize("count", [0, 4])
def test_too_few_standards_are_refused(count: int) -> None:
    with pytest.raises(InputError, match="standards"):
        fit_elisa_standard(LEVELS[2 : 2 + 2 * count], curve(LEVELS)[2 : 2 + 2 * count], "pg/mL", RULES)


def test_flat_standards_are_refused() -> None:
    flat = 0.5 + 0.01 * np.random.default_rng(7).standard_normal(len(LEVELS))
    with pytest.raises(InputError, match="a curve that is"):
        fit_elisa_standard(LEVELS, flat, "pg/mL", RULES)


def test_samples_are_found_again_and_their_dilution_counts(analysis: ElisaAnalysis) -> None:
    pool = [g for g in analysis.samples if g.first.sample == "pool" and g.first.role == "sample"]
    assert [g.first.dilution for g in pool] == [4, 8, 16, 32]
    for g in pool:
        error = math.log(g.concentration.upper / g.concentration.lower) / 4
        assert abs(math.log(g.concentration.value / 2500)) < 4 * error
        assert error < 0.1
    (parallel,) = analysis.parallelism
    assert parallel.status == "parallel"
    assert parallel.slope.lower < 1 < parallel.slope.upper
    kinds = {r.kind: r for r in analysis.recovery}
    assert kinds["spike"].status == kinds["quality_control"].status == "within"
    assert kinds["spike"].percent.lower < 100 < kinds["spike"].percent.upper


def test_readings_outside_the_range_are_kept_as_limits(elisa_plates: Make) -> None:
    def spoil(values: np.ndarray) -> None:
        values[0:3, 2] = 0.03  # below the blank
        values[6:8, 2] = np.inf  # beyond the reader: the pool at dilution 4
        values[6:8, 3] = 3.4  # beyond the curve's plateau: the pool at dilution 8

    plate, cells = elisa_plates(seed=3, change=spoil)
    a = analyse_elisa(plate, [cells])
    highest = next(g for g in a.samples if g.first.compound == "ascomycin" and g.first.concentration.value == 10)
    assert (highest.status, highest.limit) == ("below", pytest.approx(a.standard.lloq * 5))
    pool = {g.first.dilution: g for g in a.samples if g.first.sample == "pool" and g.first.role == "sample"}
    assert pool[4].status == pool[8].status == "above"
    assert pool[4].limit == pytest.approx(4 * a.standard.uloq)
    assert not highest.concentration.known
    dose = a.inhibitors[0].doses[-1]
    assert not dose.response_percent.known
    assert dose.response_percent.upper < 5, "known to lie below the limit, in per cent of control"
    assert dose.inhibition_percent.lower > 95
    assert a.inhibitors[0].curve.absolute_status == "ok", "a limit takes part in the fit"
    assert {"samples-below-range", "samples-above-range"} <= checks(a)


def test_a_cytotoxic_dose_is_masked_and_both_ic50s_are_stated(analysis: ElisaAnalysis) -> None:
    ascomycin, ciclosporin = analysis.inhibitors
    assert [d.masked for d in ascomycin.doses] == 8 * [False]
    assert [d.masked for d in ciclosporin.doses] == 7 * [False] + [True]
    assert ciclosporin.doses[-1].verdict is Verdict.CYTOTOXIC
    assert ciclosporin.curve.ic50_relative.value < 0.8 * ciclosporin.curve_with_masked.ic50_relative.value
    assert ascomycin.curve.ic50_absolute == ascomycin.curve_with_masked.ic50_absolute
    row = ciclosporin.as_dict()
    assert row["masked_doses"] == [30000.0]
    assert row["ic50_relative_with_masked"] == ciclosporin.curve_with_masked.ic50_relative.value
    assert "cytotoxic" in checks(analysis)
    assert analysis.failed == 0


def test_ic50s_cover_their_truth(analysis: ElisaAnalysis) -> None:
    found = analysis.inhibitors[0].curve.ic50_absolute
    error = math.log(found.upper / found.lower) / 4
    assert abs(math.log(found.value / (90 / 0.7))) < 4 * error  # 85 % largest inhibition: half at 90/0.7 nM
    assert error < 0.3


def test_the_threshold_is_the_layouts_where_it_sets_one(elisa_plates: Make) -> None:
    plate, cells = elisa_plates(seed=3, edits={'assay = "mtt"': 'assay = "mtt"\nthreshold_percent = 95.0'})
    a = analyse_elisa(plate, [cells])
    assert a.conditions.threshold_percent == 95
    assert sum(d.masked for i in a.inhibitors for d in i.doses) > 1


def test_viability_can_be_joined_by_well(elisa_plates: Make) -> None:
    # the viability plate names no compounds: only the place joins it
    edits = {}
    for name, first in (("ascomycin", 10), ("ciclosporin", 30)):
        series = f'series = {{ along = "columns", first = "{first} uM", divide_by = 4 }}'
        edits[f'compound = "{name}"\n{series}'] = f'sample = "well by well {name[0]}"'

    def dead(values: np.ndarray) -> None:
        values[3:6, 2] = 0.1

    plate, cells = elisa_plates(
        seed=3, edits={'assay = "mtt"': 'assay = "mtt"\njoin = "well"'}, viability_edits=edits, change_viability=dead
    )
    a = analyse_elisa(plate, [cells])
    assert [d.masked for d in a.inhibitors[1].doses] == 7 * [False] + [True]
    plate, cells = elisa_plates(seed=3, viability_edits=edits)
    unjoined = analyse_elisa(plate, [cells])
    assert {d.verdict for i in unjoined.inhibitors for d in i.doses} == {Verdict.NOT_MEASURED}
    assert "viability-missing" in checks(unjoined)


def test_without_viability_it_says_so(elisa_plates: Make) -> None:
    plate, _ = elisa_plates(seed=3)
    a = analyse_elisa(plate)
    assert "no-viability" in checks(a)
    assert not any(d.masked for i in a.inhibitors for d in i.doses)


def test_a_viability_plate_needs_its_section(elisa_plates: Make) -> None:
    plate, cells = elisa_plates(edits={'[viability]\nassay = "mtt"\nlayout = "viability_layout.toml"\n': ""})
    with pytest.raises(InputError, match=r"no section \[viability\]"):
        analyse_elisa(plate, [cells])


def test_a_hook_is_found(elisa_plates: Make) -> None:
    def hook(values: np.ndarray) -> None:
        values[6:8, 2] = values[6:8, 4]  # the pool reads lower at dilution 4 than at 8

    plate, _ = elisa_plates(seed=3, change=hook)
    a = analyse_elisa(plate)
    assert a.hooks == ("pool",)
    assert "hook" in checks(a)
    assert a.parallelism[0].status == "not_parallel"


def test_controls_out_of_range_leave_no_inhibition_and_the_rest_stands(elisa_plates: Make) -> None:
    def beyond(values: np.ndarray) -> None:
        values[0:6, 10] = np.inf

    plate, cells = elisa_plates(seed=3, change=beyond)
    a = analyse_elisa(plate, [cells])
    assert {i.curve.absolute_status for i in a.inhibitors} == {"control_out_of_range"}
    assert "control-out-of-range" in checks(a)
    assert sum(g.status == "ok" for g in a.samples) > 15
    assert a.failed == 2


def test_an_unstimulated_control_below_range_is_bounded(analysis: ElisaAnalysis) -> None:
    low = next(g for g in analysis.samples if g.first.role == "unstimulated")
    stimulated = next(g for g in analysis.samples if g.first.role == "control")
    assert low.status == "below"
    expected = 100 * low.limit / stimulated.concentration.value
    assert analysis.inhibitors[0].background_percent == pytest.approx(expected)


def test_a_competitive_assay_falls_and_is_read_all_the_same(elisa_plates: Make) -> None:
    plate, cells = elisa_plates(seed=3, lower=3.1, upper=0.06)
    a = analyse_elisa(plate, [cells])
    assert not a.standard.rising
    quality = next(g for g in a.samples if g.first.role == "quality_control")
    assert quality.concentration.value == pytest.approx(200, rel=0.2)
    low = next(g for g in a.samples if g.first.role == "unstimulated")
    assert low.status == "below"
