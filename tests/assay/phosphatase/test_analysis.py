"""The phosphatase assay: standard curve, activities and IC50s with everything carried in, refusals and warnings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from limus.assay.layout.records import Quantity, Role
from limus.assay.phosphatase.analysis import analyse_phosphatase
from limus.assay.phosphatase.result import PhosphataseAnalysis
from limus.assay.phosphatase.simulation import InhibitorTruth
from limus.assay.phosphatase.standard import fit_standard_curve, phosphate_from_absorbance
from limus.assay.phosphatase.tight_binding import HalfEnzyme
from limus.assay.reader.wells import PlateWells
from limus.kernel.errors import InputError, LimusError, UnitError

Make = Callable[..., PlateWells]
LEVELS = np.repeat([0.0, 0.25, 0.5, 1.0, 1.5, 2.0], 2)


def checks(a: PhosphataseAnalysis) -> set[str]:
    return {f.check for f in a.findings}


def test_the_line_is_ordinary_least_squares_with_its_covariance() -> None:
    generator = np.random.default_rng(1)
    y = 0.06 + 0.5 * LEVELS + 0.01 * generator.standard_normal(len(LEVELS))
    found = fit_standard_curve(LEVELS, y, np.ones(len(LEVELS)), form="line")
    design = np.column_stack([np.ones_like(LEVELS), LEVELS])
    expected, squares, *_ = np.linalg.lstsq(design, y, rcond=None)
    assert found.coefficients == pytest.approx(expected)
    covariance = float(squares[0]) / (len(y) - 2) * np.linalg.inv(design.T @ design)
    assert found.covariance == pytest.approx(covariance)
    assert found.degrees_of_freedom == len(y) - 2


def test_weights_count_and_a_common_factor_does_not() -> None:
    y = 0.06 + 0.5 * LEVELS + 0.01 * np.random.default_rng(2).standard_normal(len(LEVELS))
    variances = 0.01 + LEVELS**2
    one, other = (fit_standard_curve(LEVELS, y, factor * variances, form="line") for factor in (1.0, 7.0))
    assert one.coefficients == pytest.approx(other.coefficients)
    assert one.covariance == pytest.approx(other.covariance)
    assert not np.allclose(one.coefficients, fit_standard_curve(LEVELS, y, np.ones(len(y)), form="line").coefficients)


def test_a_bend_is_found_and_read_back() -> None:
    noise = 0.002 * np.random.default_rng(3).standard_normal(len(LEVELS))
    y = 0.06 + 0.5 * LEVELS - 0.05 * LEVELS**2
    found = fit_standard_curve(LEVELS, y + noise, np.ones(len(y)))
    assert found.form == "quadratic"
    assert found.curvature_p < 1e-4
    read = phosphate_from_absorbance(np.array([[0.06, 0.5, -0.05]]), y[np.newaxis])[0]
    assert read == pytest.approx(LEVELS, abs=1e-12)
    assert math.isnan(float(phosphate_from_absorbance(np.array([0.0, 0.5, -0.05]), np.array([9.0]))[0]))
    straight = fit_standard_curve(LEVELS, 0.06 + 0.5 * LEVELS + noise, np.ones(len(y)))
    assert straight.form == "line"


def test_a_wrong_standard_shows_as_lack_of_fit() -> None:
    y = 0.06 + 0.5 * LEVELS + 0.003 * np.random.default_rng(4).standard_normal(len(LEVELS))
    y[LEVELS == 1.0] += 0.05
    assert fit_standard_curve(LEVELS, y, np.ones(len(y)), form="line").lack_of_fit_p < 1e-3


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([0.0, 0.0, 1.0, 1.0], [0.1, 0.1, 0.5, 0.5]),
        ([0.0, 1.0, 2.0, 2.0], [0.9, 0.5, 0.1, 0.1]),
        ([], []),
    ],
)
def test_standards_that_cannot_be_used_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(InputError, match="standards"):
        fit_standard_curve(np.array(x), np.array(y), np.ones(len(x)), where="standards")


def test_a_plate_gives_its_truth_back(phosphatase_plate: Make) -> None:
    a = analyse_phosphatase(phosphatase_plate(seed=12))
    control = next(x for x in a.activities if str(x.group.role) == "control" and x.group.time_min == 20)
    # truth 800 pmol/min/ug; limits are 4 standard errors of the estimates themselves
    error = (control.activity.upper - control.activity.lower) / 3.9
    assert control.activity.value == pytest.approx(800.0, abs=4 * error)
    assert error < 0.04 * 800
    assert control.as_dict()["activity_nmol_per_min_per_mg"] == control.activity.value
    constants = {i.curve.series.compound: i.binding.ki_nM for i in a.inhibitors}
    for name, truth in (("tacrolimus", 7.0), ("ascomycin", 16.0)):
        found = constants[name]
        error = math.log(found.upper / found.lower) / 3.9
        assert abs(math.log(found.value / truth)) < 4 * error, name
        assert error < 0.15
    assert a.time.status == "linear"
    assert a.enzyme.status == "not_tested"
    assert a.failed == 0


def test_the_slope_of_the_standards_moves_activities_and_no_inhibition(phosphatase_plate: Make) -> None:
    plain = phosphatase_plate(seed=3)

    def steeper(values: np.ndarray) -> None:
        values[:, :2] = 0.062 + 1.25 * (values[:, :2] - 0.062)

    a, b = (analyse_phosphatase(p) for p in (plain, phosphatase_plate(seed=3, change=steeper)))
    first, second = a.inhibitors[0].curve, b.inhibitors[0].curve
    assert second.fit.ic50_absolute.value == pytest.approx(first.fit.ic50_absolute.value, rel=0.02)
    activities = [next(x for x in one.activities if x.group.dose_nM > 900).activity.value for one in (a, b)]
    assert activities[1] == pytest.approx(activities[0] / 1.25, rel=0.02)


def test_uncertain_standards_widen_activities(phosphatase_plate: Make) -> None:
    def scatter(values: np.ndarray) -> None:
        values[:, :2] *= 1 + 0.1 * np.random.default_rng(8).standard_normal((8, 2))

    a, b = (analyse_phosphatase(phosphatase_plate(seed=5, change=c)) for c in (None, scatter))

    def share(one: PhosphataseAnalysis) -> float:
        return next(
            x for x in one.activities if x.group.role == "control" and x.group.time_min == 20
        ).standard_share_percent

    assert share(b) > share(a) + 20


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({'enzyme_concentration = "10 nM"\n': ""}, "enzyme_concentration"),
        ({'immunophilin_concentration = "200 nM"\n': ""}, "immunophilin_concentration"),
        ({'immunophilin = "FKBP12"\n': ""}, "(immunophilin)"),
        ({'mechanism = "noncompetitive"': 'mechanism = "competitive"'}, "michaelis_constant"),
        ({'compound = "ascomycin"': 'compound = "sirolimus"'}, None),
        ({'compound = "ascomycin"': 'compound = "compound 7"'}, "not in the library"),
    ],
)
def test_the_tight_binding_fit_is_refused_with_its_reason(
    phosphatase_plate: Make, edit: dict[str, str], words: str | None
) -> None:
    drug = InhibitorTruth(dissociation_constant_nM=0.4, inhibition_constant_nM=7.0)
    truths = dict.fromkeys(("tacrolimus", "ascomycin", "sirolimus", "compound 7"), drug)
    a = analyse_phosphatase(phosphatase_plate(edits=edit, inhibitors=truths))
    last = a.inhibitors[-1]
    if words is None:
        assert last.binding.status == "ok", "the library has one constant of sirolimus and FKBP12"
        return
    assert last.binding.status == "refused"
    assert words in last.binding.reason
    assert not last.binding.ki_nM.known
    assert "tight-binding-refused" in checks(a)
    assert last.curve.fit.ic50_absolute.known, "the IC50 does not need it"


def test_an_ic50_below_half_the_enzyme_is_called_impossible(phosphatase_plate: Make) -> None:
    a = analyse_phosphatase(phosphatase_plate(edits={'"10 nM"\nimmunophilin ': '"60 nM"\nimmunophilin '}))
    assert a.inhibitors[0].binding.half_enzyme is HalfEnzyme.IMPOSSIBLE
    assert "ic50-impossible" in checks(a)
    near = analyse_phosphatase(phosphatase_plate(edits={'"10 nM"\nimmunophilin ': '"14 nM"\nimmunophilin '}))
    assert near.inhibitors[0].binding.half_enzyme is HalfEnzyme.NEAR
    assert "ic50-near-half-enzyme" in checks(near)


def test_competition_divides_the_apparent_constant(phosphatase_plate: Make) -> None:
    stated = 'mechanism = "competitive"\nmichaelis_constant = "50 uM"'
    a = analyse_phosphatase(phosphatase_plate(edits={'mechanism = "noncompetitive"': stated}))
    b = a.inhibitors[0].binding
    assert b.ki_nM.value == pytest.approx(b.apparent_nM.value / (1 + 150 / 50))


def test_an_uncertain_enzyme_widens_the_constant(phosphatase_plate: Make) -> None:
    line = 'enzyme_concentration = "10 nM"\n'
    a, b = (
        analyse_phosphatase(phosphatase_plate(edits={line: line + extra})).inhibitors[0].binding.ki_nM
        for extra in ("", "enzyme_concentration_cv_percent = 40.0\n")
    )
    assert math.log(b.upper / b.lower) > 1.3 * math.log(a.upper / a.lower)


def test_a_slowing_reaction_is_not_linear(phosphatase_plate: Make) -> None:
    a = analyse_phosphatase(phosphatase_plate(slowing_per_min=0.05))
    assert a.time.status == "bends"
    assert a.time.loss_percent > 20
    assert "not-linear-in-time" in checks(a)


def test_one_bad_well_column_or_group_does_not_stop_the_rest(phosphatase_plate: Make) -> None:
    def spoil(values: np.ndarray) -> None:
        values[0, 3] = np.inf  # beyond the reader's range: tacrolimus, highest dose
        values[0:6, 9] = 0.0
        values[6:8, 9] = 0.0

    a = analyse_phosphatase(phosphatase_plate(change=spoil))
    assert {"saturated-wells", "zero-line"} <= checks(a)
    states = {x.group.dose_nM: x.status for x in a.activities if x.group.compound == "tacrolimus"}
    assert states[1000.0] == "saturated"
    assert sum(state == "no_signal" for state in states.values()) == 1
    assert a.failed == 3
    curve = a.inhibitors[0].curve
    assert curve.fit.absolute_status == "ok"
    assert len(curve.series.left_out) == 2


def test_what_is_not_stated_is_not_computed(phosphatase_plate: Make) -> None:
    a = analyse_phosphatase(phosphatase_plate(edits={'enzyme_mass = "40 ng"\n': ""}))
    sample = next(x for x in a.activities if x.group.compound)
    assert math.isnan(sample.activity.value)
    assert sample.released_nmol.known
    assert sample.inhibition_percent.known
    assert "activity-not-possible" in checks(a)


def test_without_replicates_numbers_have_no_interval(phosphatase_plate: Make) -> None:
    edits = {
        'wells = "A1:H2"': 'wells = "A1:H1"',
        'wells = "A3:D3"': 'wells = "A3"',
        'wells = "E3:H3, A12:D12"': 'wells = "E3"',
        'wells = "A4:C11"': 'wells = "A4:A11"',
        'wells = "D4:F11"': 'wells = "D4:D11"',
        'wells = "G4:H9"': 'wells = "G4:G9"',
        'wells = "E12:H12"': 'wells = "E12"',
    }
    a = analyse_phosphatase(phosphatase_plate(edits=edits))
    assert a.noise is None
    assert "no-replicates" in checks(a)
    found = a.inhibitors[0].curve.fit.ic50_absolute
    assert found.known
    assert math.isnan(found.lower)


@pytest.mark.parametrize(
    ("edits", "error", "words"),
    [
        ({'role = "standard"': 'role = "excluded"'}, InputError, "no well with role standard"),
        ({'"40 ng"': '"40"'}, UnitError, "unit"),
        ({'"20 min"': '"20 nM"'}, UnitError, "same kind"),
        ({'reaction_volume = "50 uL"': 'reaction_volum = "50 uL"'}, InputError, "schema"),
        ({'"1.5 nmol", "2 nmol"': '"1.5 nmol", "2 ug"'}, InputError, "units of one kind"),
        ({'first = "1000 nM"': 'first = "1000 ng"'}, UnitError, "same kind"),
    ],
)
def test_bad_conditions_are_clear_errors(
    phosphatase_plate: Make, edits: dict[str, str], error: type[LimusError], words: str
) -> None:
    with pytest.raises(error) as caught:
        analyse_phosphatase(phosphatase_plate(edits=edits))
    assert words in caught.value.message


def test_standards_by_concentration_need_their_volume(phosphatase_plate: Make) -> None:
    def by_concentration(plate: PlateWells) -> PlateWells:
        wells = (
            replace(w, concentration=Quantity(20 * w.concentration.value, "uM")) if w.role is Role.STANDARD else w
            for w in plate.wells
        )
        return replace(plate, wells=tuple(wells))

    with pytest.raises(InputError, match="standard_volume"):
        analyse_phosphatase(by_concentration(phosphatase_plate()))
    volume = {'reaction_volume = "50 uL"': 'standard_volume = "50 uL"'}
    a, b = (analyse_phosphatase(p) for p in (phosphatase_plate(), by_concentration(phosphatase_plate(edits=volume))))
    assert b.standard.coefficients == pytest.approx(a.standard.coefficients)


def test_a_dose_by_mass_goes_through_the_molar_mass(phosphatase_plate: Make) -> None:
    plate = phosphatase_plate()
    by_mass = tuple(
        replace(w, concentration=Quantity(w.concentration.value * 0.804031, "ng/mL"))
        if w.compound == "tacrolimus"
        else w
        for w in plate.wells
    )
    a = analyse_phosphatase(replace(plate, wells=by_mass))
    assert max(x.group.dose_nM for x in a.activities if x.group.compound == "tacrolimus") == pytest.approx(1000.0)
