"""Calibration: scales, errors, predictions that move with the parameters, and honest coverage."""

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import InputError
from limus.trial.calibration.arm_predictions import linked, make_predictor, predict_arms, unlinked
from limus.trial.calibration.totals import (
    FITTED,
    Calibration,
    PredictedRow,
    _error,
    _shift_of,
    _value,
    _working,
)
from limus.trial.calibration.trial_arms import load_trial_arms
from limus.trial.design.hazard_library import with_values
from limus.trial.design.scenario import load_scenario

SCENARIO = load_scenario("israni_2013", with_fit=False)
ROWS = load_trial_arms()


def row(name: str):
    return next(one for one in ROWS if one.id == name)


def test_scales_go_there_and_back() -> None:
    for one in (row("SYM-BPAR-LTAC"), row("TED-CMV-EVR"), row("SYM-CG-LTAC"), row("TRA-PRIM-EVR")):
        assert unlinked(one, linked(one, one.observed)) == pytest.approx(one.observed)
    for name in FITTED:
        assert _value(name, _working(name, 3.0)) == pytest.approx(3.0)


def test_the_error_of_a_risk_is_the_binomials() -> None:
    one = row("SYM-BPAR-LTAC")  # 60 of 401
    drawn = np.random.default_rng(1).binomial(401, 60 / 401, 100_000) / 4.01
    assert _error(one) == pytest.approx(np.std(linked(one, drawn)), rel=0.03)
    mean = row("SYM-CG-LTAC")
    assert _error(mean) == pytest.approx(27.4 / np.sqrt(401))


def test_predictions_move_with_what_is_fitted_and_only_with_that() -> None:
    predictor = make_predictor("transform-like", SCENARIO, subjects=300)
    own = [row(name) for name in ("TRA-COMP-EVR", "TRA-COMP-MPA", "TRA-CMV-EVR", "TRA-CMV-MPA", "TRA-PRIM-EVR")]
    base = predict_arms(predictor, SCENARIO.hazards, own)
    again = predict_arms(predictor, SCENARIO.hazards, own)
    np.testing.assert_array_equal(base, again)
    changed = predict_arms(predictor, with_values(SCENARIO.hazards, {"cmv.mtor_for_mycophenolate": 0.6}), own)
    assert changed[2] > 1.5 * base[2]
    np.testing.assert_allclose(np.delete(changed, 2), np.delete(base, 2))
    lower = predict_arms(predictor, with_values(SCENARIO.hazards, {"kidney.plateau": 50.0}), own)
    assert lower[4] > base[4] + 10
    assert lower[:4] == pytest.approx(base[:4])


def test_a_ratio_is_that_of_the_arms() -> None:
    predictor = make_predictor("everolimus-cmv", SCENARIO, subjects=200)
    ratio = row("TED-CMV-EVR")
    arms = [replace(ratio, kind="risk", arm=arm, other_arm="") for arm in ("EVR", "MPS")]
    found = predict_arms(predictor, SCENARIO.hazards, [ratio, *arms])
    assert found[0] == pytest.approx(found[1] / found[2])
    with pytest.raises(InputError, match="EVR, MPS"):
        predict_arms(predictor, SCENARIO.hazards, [replace(ratio, arm="XYZ")])


def test_a_clearance_counts_the_imputed_and_the_old_assays_as_the_trial_did() -> None:
    predictor = make_predictor("symphony-like", SCENARIO, subjects=200)
    counted = row("SYM-CG-LTAC")
    observed = replace(counted, imputed_percent=float("nan"), creatinine="")
    plain, old, imputed = predict_arms(
        predictor,
        SCENARIO.hazards,
        [observed, replace(observed, creatinine="unstandardised"), replace(observed, imputed_percent=25.0)],
    )
    # the MDRD equation's factors for creatinine before and since standardisation, 186 and 175
    assert plain / old == pytest.approx((186 / 175) ** (1 / 1.154), rel=1e-4)
    assert imputed == pytest.approx(0.75 * plain + 0.25 * 10.0)


def test_low_function_is_below_the_number_that_the_row_gives() -> None:
    predictor = make_predictor("osaka-like", SCENARIO, subjects=200)
    low = row("OSA-PRIM-BD")
    found = predict_arms(predictor, SCENARIO.hazards, [low, replace(low, what="rejection or egfr < 60")])
    assert found[1] > found[0] + 10
    with pytest.raises(InputError, match="rejection or egfr < NUMBER"):
        predict_arms(predictor, SCENARIO.hazards, [replace(low, what="rejection or egfr below 40")])


def test_a_low_functions_interval_has_the_trials_kidney_and_rejection() -> None:
    low = row("TRA-PRIM-MPA")
    slopes = np.zeros(len(FITTED))
    slopes[FITTED.index("kidney.plateau")] = -0.1
    slopes[FITTED.index("rejection.percent")] = 0.2
    shifts = {(low.design, "kidney"): np.array([5.0]), (low.design, "rejection"): np.array([1.0])}
    assert _shift_of(low, shifts, slopes) == pytest.approx(-0.5 + 0.2)


def test_coverage_counts_only_what_was_not_fitted() -> None:
    rows = tuple(PredictedRow(one, one.observed, one.observed - 1, one.observed + 1, "") for one in ROWS)
    missed = tuple(replace(one, low=one.high) if one.arm.id == "HEI-GFR-SRL" else one for one in rows)
    found = Calibration("x", (), {}, missed, 0.0, 0, "ok")
    checks = [one for one in ROWS if one.use == "check"]
    assert found.coverage() == (len(checks) - 1, len(checks))
    verified = [one for one in checks if one.status == "verified"]
    assert found.coverage(verified_only=True) == (len(verified) - 1, len(verified))
    assert not any("SYM-FAIL" in one.id for one in checks)  # a composite of fitted rows is no evidence
