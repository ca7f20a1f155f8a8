"""Random effects and residual errors: conversions, draws, variances."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import ModelError, ValueRangeError
from limus.kernel.execution import spawn_generators
from limus.pharmacokinetics.population_model.checks import check_population_model
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.random_effects import draw_random_effects, variance_of
from limus.pharmacokinetics.population_model.residual_error import residual_variance

from .own_models import write_own_model


def test_a_printed_number_becomes_a_variance_by_what_it_is() -> None:
    assert variance_of(0.3, "variance") == 0.3
    assert variance_of(0.3, "standard_deviation") == pytest.approx(0.09)
    assert variance_of(0.3, "cv_approximate") == pytest.approx(0.09)
    assert math.sqrt(math.exp(variance_of(0.3, "cv_lognormal")) - 1) == pytest.approx(0.3)
    with pytest.raises(ValueRangeError):
        variance_of(0.3, "cv")
    with pytest.raises(ValueRangeError):
        variance_of(-0.3, "variance")


def test_draws_have_the_models_covariance_and_do_not_depend_on_their_number() -> None:
    model = load_population_model("Storset_2014")
    n = 40_000
    draws = draw_random_effects(model, n, 2, spawn_generators(1, 1)[0])
    between = np.stack([draws[name] for name in model.between_subject.names])
    # standard error of a covariance of normal numbers: sqrt((s_ii s_jj + s_ij^2)/n); 5 of them
    s = model.between_subject.covariance
    error = np.sqrt((np.outer(np.diag(s), np.diag(s)) + s**2) / n)
    assert (np.abs(np.cov(between) - s) < 5 * error).all()
    within = draws["kappa_ka"]
    assert within.shape == (n, 2)
    assert within.var() == pytest.approx(math.log(1 + 1.2**2), rel=5 * math.sqrt(2 / (2 * n)))
    assert abs(np.corrcoef(within[:, 0], within[:, 1])[0, 1]) < 5 / math.sqrt(n)
    few = draw_random_effects(model, 3, 2, spawn_generators(1, 1)[0])
    np.testing.assert_array_equal(few["eta_Q"], draws["eta_Q"][:3])
    np.testing.assert_array_equal(few["kappa_F"], draws["kappa_F"][:3])


def test_effects_between_occasions_may_be_correlated() -> None:
    model = load_population_model("Umpierrez_2021")
    draws = draw_random_effects(model, 20_000, 1, spawn_generators(1, 1)[0])
    found = np.corrcoef(draws["kappa_ka"][:, 0], draws["kappa_CL"][:, 0])[0, 1]
    assert found == pytest.approx(-0.551, abs=5 * (1 - 0.551**2) / math.sqrt(20_000))


def test_too_few_subjects_or_occasions_are_refused() -> None:
    model = load_population_model("Kovarik_2001")
    assert draw_random_effects(model, 0, 1, spawn_generators(1, 1)[0])["eta_CL"].shape == (0,)
    with pytest.raises(ValueRangeError, match="occasions"):
        draw_random_effects(model, 1, 0, spawn_generators(1, 1)[0])


@pytest.mark.parametrize(
    ("name", "level", "variance", "on_logarithm"),
    [
        ("Woillard_2011", 10.0, 0.71**2 + (0.113 * 10) ** 2, False),
        ("Andrews_2019", 10.0, 2.45**2, False),
        ("Han_2013_preDose", 10.0, 0.16, False),
        ("Press_2010", 200.0, 0.07, True),
        ("Jiao_2009", 8.0, 0.299**2, True),
    ],
)
def test_variance_of_a_level(name: str, level: float, variance: float, on_logarithm: bool) -> None:
    model = load_population_model(name)
    assert model.residual.on_logarithm is on_logarithm
    assert residual_variance(model, [level, level]) == pytest.approx([variance, variance], rel=1e-12)


def test_an_alternative_has_its_own_variance() -> None:
    model = load_population_model("Andrews_2019")
    found = residual_variance(model, 10.0, residual=model.residual_alternatives["immunoassay"])
    assert found == pytest.approx(0.88**2 + 1.77**2)
    with pytest.raises(ValueRangeError, match="concentration"):
        residual_variance(model, -1.0)


def test_a_variance_may_be_a_rule_of_the_equations(tmp_path: Path) -> None:
    """A residual error that depends on the assay of the level, as a covariate."""
    covariate = '[covariates.assay]\nunit = "dimensionless"\nmeaning = "assay"\nkind = "assumed"\n'
    covariate += 'codes = { "0" = "LC-MS/MS", "1" = "immunoassay" }\n\n'
    values = 'slope = { value = 0.1, unit = "dimensionless", kind = "assumed" }\n'
    values += 'floor_sd = { value = 0.5, unit = "ng/mL", kind = "assumed" }\n'
    path = write_own_model(
        tmp_path,
        numbers={
            "[covariates.WT]": covariate + "[covariates.WT]",
            "ka_typical =": values + "ka_typical =",
            'form = "combined"': 'form = "formula"\nformula = "error_variance"',
            'proportional = { value = 12.0, unit = "percent", given_as = "standard_deviation", kind = "measured" }': "",
            'additive = { value = 0.5, unit = "ng/mL", given_as = "standard_deviation", kind = "measured" }': "",
            "\nWT = 70.0": "\nWT = 70.0\nassay = 1.0",
        },
        equations={
            "end": "  error_slope := slope*(1 + assay);\n"
            "  error_variance := (error_slope*concentration)^2 + floor_sd^2;\nend"
        },
    )
    model = load_population_model(str(path))
    assert check_population_model(model) == ()
    assert residual_variance(model, [10.0], {"assay": 1.0}) == pytest.approx([4.0 + 0.25])
    assert residual_variance(model, [10.0, 20.0], {"assay": [0.0, 1.0]}) == pytest.approx([1.25, 16.25])
    with pytest.raises(ModelError, match="assay"):
        residual_variance(model, [10.0])
