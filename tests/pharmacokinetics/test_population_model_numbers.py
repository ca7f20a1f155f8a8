"""The equations of each model against formulas retyped here from the reference table, and published exposures."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

import numpy as np
import pytest

from limus.kernel.simulation import Dose, compile_model, simulate
from limus.pharmacokinetics.population_model.library import load_population_model, population_model_names
from limus.pharmacokinetics.population_model.record import PopulationModel

BMI = 90 / 1.7**2
MAN, WOMAN = 9270 * 90 / (6680 + 216 * BMI), 9270 * 90 / (8780 + 244 * BMI)  # kg, Janmahasatian 2005; 90 kg, 1.70 m


def _ter_heine() -> dict[str, float]:
    intrinsic = 340 * 1.31 * exp(0.2)
    plasma_flow = 90 * (WOMAN / 57.2) ** 0.75 * (1 - 0.40)
    extraction = 0.27 * intrinsic / (plasma_flow + 0.27 * intrinsic)
    return {
        "CL": plasma_flow * extraction,
        "F": 1 - extraction,
        "Vc": 175 * WOMAN / 57.2 * exp(-0.1),
        "Q": 85.7 * (WOMAN / 57.2) ** 0.75,
        "Vp": 577 * WOMAN / 57.2,
        "ktr": 5 / (0.404 * exp(0.3)),
    }


# inputs that differ from the typical ones, and what the parameters must be: numbers of poppk_models.csv, retyped
CASES: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "Woillard_2011": (
        {"HCT": 28.0, "CYP3A5_expresser": 1.0, "eta_CL": 0.1, "kappa_CL": 0.2, "eta_ktr": -0.1, "kappa_Vc": 0.3},
        {
            "CL": 21.2 * (28 / 35) ** -1.14 * 2.0 * exp(0.3),
            "ktr": 3.34 * 1.53 * exp(-0.1),
            "Vc": 486 * 0.29 * exp(0.3),
            "Q": 79.0,
            "Vp": 271.0,
        },
    ),
    "Andrews_2019": (
        {"AGE": 30.0, "ALB": 35.0, "BSA": 1.7, "SCR": 250.0, "HCT": 28.0, "LBM": 45.0, "CYP3A5_expresser": 1.0}
        | {"CYP3A4_22": 1.0, "eta_CL": 0.2, "kappa_CL": -0.1, "eta_Vp": 0.4},
        {
            "CL": 23.0 * 1.631 * 0.8 * (30 / 55.72) ** -0.43 * (35 / 42) ** 0.43 * (1.7 / 1.93) ** 0.88
            * (250 / 134.98) ** -0.14 * (0.28 / 0.34) ** -0.76 * exp(0.1),
            "Vc": 692 * (45 / 58.94) ** 1.52,
            "Vp": 5340 * exp(0.4),
            "Q": 11.6,
            "ka": 3.58,
            "tlag": 0.38,
        },
    ),
    "Storset_2014": (
        {"WT": 90.0, "HT": 170.0, "CYP3A5_expresser": 1.0, "prednisolone_dose": 20.0, "POD": 0.5, "HCT": 30.0}
        | {"eta_F_first_day": 0.1, "kappa_F": 0.05, "kappa_ka": 0.7, "eta_Q": -0.2},
        {
            "CL": 811 * (MAN / 60) ** 0.75 * 1.3,
            "Vc": 6290 * MAN / 60,
            "Q": 1200 * (MAN / 60) ** 0.75 * exp(-0.2),
            "Vp": 32100 * MAN / 60,
            "F": (1 - 0.67 * 20 / (35 + 20)) * 0.82 * 2.68 * exp(0.15),
            "ka": 1.01 * exp(0.7),
            "tlag": 0.41,
        },
    ),
    "Monchaud_2012": (
        {"CYP3A5_expresser": 1.0, "cystic_fibrosis": 1.0, "eta_Vp": 0.5},
        {"CL": 17.5 * 1.4, "ktr": 7.06 * 0.47, "Vc": 136.0, "Q": 41.1, "Vp": 529 * exp(0.5)},
    ),
    "Han_2013_preDose": (
        {"POD": 30.0, "HCT": 36.0, "WT": 70.0, "CYP3A5_1_alleles": 2.0, "eta_Vc": 0.1},
        {"CL": 24.13 * 30**-0.00762 * 1.186 * 1.124, "Vc": 716 * exp(0.355 * 70 / 59.025) * exp(0.1), "ka": 4.5},
    ),
    "Press_2010": (
        {"WT": 60.0, "prednisolone_dose": 20.0, "kappa_F": 0.1, "eta_ka": 0.2},
        {
            "CL": 15 * (60 / 76) ** 0.75,
            "Vc": 56 * 60 / 76,
            "Q": 14.0,
            "Vp": 125.0,
            "ka": 2.0 * 0.45 * exp(0.2),
            "F": 0.5 * 0.78 * exp(0.1),
        },
    ),
    "Umpierrez_2021": (
        {"CRCL": 50.0, "eta_CL": 0.1, "kappa_CL": 0.1, "kappa_tlag": -0.3, "kappa_ka": 0.2, "eta_Q": 0.3},
        {
            "CL": 30.3 * (50 / 98.62) ** -0.204 * exp(0.2),
            "Vc": 17.9,
            "Q": 17.0 * exp(0.3),
            "Vp": 400.0,
            "ka": 0.523 * exp(0.2),
            "tlag": 0.512 * exp(-0.3),
        },
    ),
    "deWit_2016": (
        {"WT": 60.0, "ABCB1_TTT": 1.0, "kappa_F": -0.1},
        {
            "CL": 17.4 * (60 / 70) ** 0.75,
            "Vc": 25.2 * 60 / 70,
            "Q": 51.1,
            "Vp": 400.0,
            "ka": 0.647,
            "F": 0.792 * exp(-0.1),
        },
    ),
    "TerHeine_2018": (
        {"WT": 90.0, "HT": 170.0, "female": 1.0, "HCT": 40.0, "prednisolone_dose": 20.0}
        | {"eta_CL_intrinsic": 0.2, "eta_Vc": -0.1, "kappa_MAT": 0.3},
        _ter_heine(),
    ),
    "Kovarik_2001": (
        {"black": 1.0, "macrolide": 1.0, "itraconazole": 1.0},
        {"CL": 8.8 * 1.2 * 0.81 * 0.26, "Vc": 110.0, "ka": 6.07},
    ),
    "Golubovic_2019": (
        {"AGE": 64.0, "AST": 60.0, "eta_CL": 0.1},
        {"CL": 12.2 * 0.63 * (1 - 0.388 * 64 / 44) * exp(0.1), "Vc": 118.0, "Vp": 609.0, "Q": 5.07, "ka": 2.19},
    ),
    "Jiao_2009": (
        {"TCHOL": 7.0, "CSA_trough": 50.0, "daily_dose": 3.0, "silymarin": 1.0, "glycyrrhizin": 1.0, "eta_Vc": 0.2},
        {
            "CL": (10.1 - 0.662 * (7 - 5.66) - 0.00417 * (50 - 104)) * 0.65 * 0.661 * (3 / 2) ** 0.479,
            "Vc": (3670 - 7.27 * (50 - 104)) * exp(0.2),
            "ka": 0.752,
        },
    ),
    "vanHest_2005": (
        {"CRCL": 70.0, "ALB": 38.0, "CSA_dose": 300.0, "female": 1.0, "kappa_CL": 0.1, "eta_Vp": 0.2},
        {
            "CL": 32.5 * (70 / 48) ** -0.12 * (38 / 30) ** -1.07 * (300 / 450) ** 0.31 * 1.11 * exp(0.1),
            "Vc": 91 * (70 / 48) ** -0.62 * (38 / 30) ** -1.13,
            "Q": 35.0,
            "Vp": 237 * exp(0.2),
            "ka": 4.1,
            "tlag": 0.21,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", population_model_names())
def test_individual_parameters_are_the_published_formulas(name: str) -> None:
    changed, expected = CASES[name]
    model = load_population_model(name)
    result = simulate(compile_model(model.model, tuple(expected)), [0.0], dict(model.typical.covariates) | changed)
    found = {parameter: result.output(parameter)[0, 0] for parameter in expected}
    assert found == pytest.approx(expected, rel=1e-12)


def test_golubovic_falls_by_the_printed_half_from_16_to_64_years() -> None:
    model = load_population_model("Golubovic_2019")
    ages = np.array([16.0, 64.0])
    clearance = simulate(compile_model(model.model, ["CL"]), [0.0], {"AGE": ages, "AST": 25.0}).output("CL")[:, 0]
    assert round(100 * (1 - clearance[1] / clearance[0])) == 49  # the paper's Discussion


def _interval(
    model: PopulationModel, covariates: Mapping[str, float], dose_mg: float, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Levels after dose ``number`` of a dose every 12 h from time 0, on a grid that has the lag on it."""
    lag = model.values["tlag_typical"].value if model.dosing.lag else 0.0
    grid = np.unique(np.concatenate([np.linspace(0, lag, 21), np.linspace(lag, 3, 3001), np.linspace(3, 12, 3601)]))
    doses = [Dose(0.0, model.dosing.compartment, dose_mg, interval=12.0, additional=number - 1, lag=lag)]
    times = np.concatenate([[0.0], 12.0 * (number - 1) + grid])
    result = simulate(compile_model(model.model, ["concentration"]), times, covariates, doses=doses)
    result.require_success(model.name)
    assert result.solver == ("exact",)
    return grid, result.output("concentration")[0, 1:]


def test_woillard_at_steady_state_gives_the_published_exposure() -> None:
    """Prograf 2 mg twice daily, haematocrit 32.3 %, CYP3A5*3/*3: AUC 86.09, trough 4.725, peak 13.56 at 0.975 h."""
    covariates = {"HCT": 32.3, "CYP3A5_expresser": 0.0, "immediate_release": 1.0}
    time_h, level = _interval(load_population_model("Woillard_2011"), covariates, 2.0, 80)
    assert np.trapezoid(level, time_h) == pytest.approx(86.09, abs=0.005)
    assert level[-1] == pytest.approx(4.725, abs=0.0005)
    assert level[0] == pytest.approx(level[-1], rel=1e-9)
    assert level.max() == pytest.approx(13.56, abs=0.005)
    every = np.isclose(time_h / 0.025, np.round(time_h / 0.025))  # the printed time is one of steps of 0.025 h
    assert every.sum() > 400
    assert time_h[every][level[every].argmax()] == pytest.approx(0.975)


def test_andrews_at_steady_state_and_on_day_90_gives_the_published_exposure() -> None:
    """5 mg twice daily at the references: AUC 217.39, trough 15.158; from day 0, dose 181 gives 213.9 and 14.87."""
    model = load_population_model("Andrews_2019")
    time_h, level = _interval(model, model.typical.covariates, 5.0, 1200)  # 29 half-lives of 487 h
    assert np.trapezoid(level, time_h) == pytest.approx(217.39, abs=0.005)
    assert np.trapezoid(level, time_h) == pytest.approx(5.0 / 23.0 * 1000, rel=1e-5)
    assert level[-1] == pytest.approx(15.158, abs=0.0005)
    time_h, level = _interval(model, model.typical.covariates, 5.0, 181)
    assert np.trapezoid(level, time_h) == pytest.approx(213.9, abs=0.05)
    assert level[-1] == pytest.approx(14.87, abs=0.005)


def test_levels_in_whole_blood_follow_the_binding_equations() -> None:
    for name, blood in (
        ("Storset_2014", lambda c, h: c * (1 + 418 * h / (c + 3.8))),
        ("TerHeine_2018", lambda c, h: h * (964 * c / (92 + c) + 0.153 * c) + (1 - h) * c),
    ):
        model = load_population_model(name)
        compiled = compile_model(model.model, ["concentration", "plasma_concentration"])
        doses = [Dose(0.0, "depot", 10.0)]
        result = simulate(compiled, np.linspace(0, 24, 25), dict(model.typical.covariates), doses=doses)
        plasma, whole = result.output("plasma_concentration")[0, 1:], result.output("concentration")[0, 1:]
        assert plasma.min() > 0
        np.testing.assert_allclose(whole, blood(plasma, model.typical.covariates["HCT"] / 100), rtol=1e-12)
