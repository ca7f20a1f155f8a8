"""Generations from dye histograms: what was drawn is found, their number is chosen, and what cannot be is said."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from limus.assay.cytometry.generation.bootstrap import bootstrap_indices
from limus.assay.cytometry.generation.control import learn_control, learn_growth
from limus.assay.cytometry.generation.fit import Widening, dispersion_of, fit_generations, resolved_generations
from limus.assay.cytometry.generation.histogram import bin_dye, bin_edges
from limus.assay.cytometry.generation.indices import compute_indices
from limus.assay.cytometry.generation.peak_shapes import Floor
from limus.assay.cytometry.generation.records import GenerationFit, GenerationStatus, UndividedControl
from limus.assay.cytometry.proliferation.rules import cytometry_rules

RULES = cytometry_rules({}, "test").deconvolution
FLOOR = Floor(200.0, 70.0**2, 0.5 * 70.0**3, 3000)
CONTROL = UndividedControl(math.log(30_000), math.log(0.2), 0.05, 0.05, 3)
SHARES = np.array([0.30, 0.10, 0.15, 0.20, 0.15, 0.07, 0.03])


def draw(
    count: int, seed: int, precursors: np.ndarray = SHARES, growth: float = 0.0, factor: float = 1.0, width: float = 0.2
) -> np.ndarray:
    """Dye of single cells: halved, widened, on the floor."""
    random = np.random.default_rng(seed)
    amounts = precursors * 2.0 ** np.arange(len(precursors))
    generation = random.choice(len(amounts), count, p=amounts / amounts.sum())
    spread = np.sqrt(width**2 + generation * growth)
    dye = 30_000 * factor * np.exp(spread * random.standard_normal(count)) / 2.0**generation
    # a gamma with the floor's mean, variance and third moment: shape 4 / skewness**2
    shape = 4 / 0.5**2
    own = 200 + 70 * (random.gamma(shape, 1, count) - shape) / math.sqrt(shape)
    return dye + own


def fit(
    cells: np.ndarray,
    control: UndividedControl | None = CONTROL,
    floor: Floor | None = FLOOR,
    widening: Widening = "auto",
    most: int | None = None,
) -> GenerationFit:
    edges, cofactor = bin_edges(cells, floor)
    return fit_generations(
        bin_dye(cells, edges, cofactor), floor, control, RULES, widening=widening, most_generations=most
    )


TRUE = {name: float(value) for name, value in compute_indices(SHARES * 2.0 ** np.arange(7)).items()}


def test_what_was_drawn_is_found() -> None:
    """Three standard errors at 40,000 cells, from the bootstrap: 0.012 of the division index, 0.4 of the per cent."""
    found = fit(draw(40_000, 31))
    assert found.status is GenerationStatus.OK
    assert found.generations == 6
    assert found.counts.sum() == pytest.approx(40_000, rel=0.01)
    indices = compute_indices(found.counts)
    assert float(indices["division_index"]) == pytest.approx(TRUE["division_index"], abs=0.036)
    assert float(indices["percent_divided"]) == pytest.approx(TRUE["percent_divided"], abs=1.2)
    assert found.dye == pytest.approx(30_000, rel=0.01)
    assert found.width == pytest.approx(0.2, rel=0.03)
    assert found.dispersion == pytest.approx(1.0, abs=0.4)
    assert found.expected().sum(axis=0) == pytest.approx(
        found.problem.expected(found.parameters[np.newaxis])[0], abs=1e-6
    )  # type: ignore[union-attr]


def test_without_a_control_the_brightest_peak_is_taken_and_that_is_said() -> None:
    found = fit(draw(40_000, 32), control=None)
    assert found.status is GenerationStatus.NO_CONTROL
    assert found.dye == pytest.approx(30_000, rel=0.02)
    assert float(compute_indices(found.counts)["division_index"]) == pytest.approx(TRUE["division_index"], abs=0.05)


@pytest.mark.parametrize("last", range(7))
def test_the_number_of_generations_is_chosen(last: int) -> None:
    """AIC finds the last generation of a tenth of the precursors, and none beyond it."""
    shares = np.full(last + 1, 0.1)
    shares[0] = 1.0 - 0.1 * last
    assert fit(draw(15_000, 33 + last, shares)).generations == last


def test_growth_of_the_peaks_is_noticed_where_there_is_some() -> None:
    grown, constant = fit(draw(60_000, 41, growth=0.012), replace(CONTROL, growth=math.nan)), fit(draw(60_000, 42))
    assert grown.growth == pytest.approx(0.012, rel=0.35)
    assert constant.growth == 0.0
    assert fit(draw(20_000, 42), widening="growing").growth < 0.004
    assert fit(draw(20_000, 41, growth=0.012), replace(CONTROL, growth=math.nan), widening="fixed").growth == 0.0


def test_too_few_cells() -> None:
    found = fit(draw(100, 43))
    assert found.status is GenerationStatus.TOO_FEW_EVENTS
    assert not found.status.usable
    assert found.generations == -1
    assert math.isnan(found.dye)
    assert found.expected().shape[0] == 0
    estimates = bootstrap_indices(found, np.random.default_rng(1))
    assert math.isnan(estimates.indices["division_index"].value)


def test_a_well_that_is_stained_otherwise_than_the_control() -> None:
    assert fit(draw(10_000, 44, factor=1.3)).status is GenerationStatus.CONTROL_DIFFERS
    assert fit(draw(10_000, 44, factor=1.05)).status is GenerationStatus.OK


def test_a_dye_that_does_not_halve_is_a_poor_fit() -> None:
    random = np.random.default_rng(45)
    cells = 30_000 * 2.6 ** -random.integers(0, 4, 20_000) * np.exp(0.1 * random.standard_normal(20_000)) + 200
    assert fit(cells, replace(CONTROL, log_width=math.log(0.1))).status is GenerationStatus.POOR_FIT


def test_cells_at_the_floor_are_said_to_be_at_least_so_far() -> None:
    bright = Floor(2000.0, 700.0**2, 0.0, 3000)
    random = np.random.default_rng(46)
    cells = 30_000 / 2.0 ** random.choice([0, 3, 5], 20_000, p=[0.3, 0.3, 0.4])
    cells = cells * np.exp(0.2 * random.standard_normal(20_000)) + random.normal(2000, 700, 20_000)
    found = fit(cells, floor=bright)
    assert found.status is GenerationStatus.AT_FLOOR
    assert found.generations == resolved_generations(CONTROL.log_dye, 0.2, bright, RULES.separation)


def test_generations_that_can_be_told_apart() -> None:
    assert resolved_generations(CONTROL.log_dye, 0.2, Floor(0.0, 0.0), 1.0) == 30
    counts = [resolved_generations(CONTROL.log_dye, 0.2, Floor(200.0, sd**2), 1.0) for sd in (10, 70, 500, 20_000)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 0
    # the mean of generation g + 1 lies d 2**-(g + 1) below that of g: with noise of 70 alone, one deviation at g = 7
    assert counts[1] in {7, 8}


def test_a_limit_on_the_generations_is_kept() -> None:
    found = fit(draw(10_000, 47), most=3)
    assert found.generations == 3
    assert max(generation for generation, *_ in found.tried) == 3


def test_dispersion_joins_bins_until_five_are_expected() -> None:
    random = np.random.default_rng(48)
    expected = np.concatenate([np.full(300, 0.4), np.full(200, 30.0)])
    values = [dispersion_of(random.poisson(expected).astype(float), expected, 3) for _ in range(200)]
    assert np.mean(values) == pytest.approx(1.0, abs=0.03)
    assert math.isnan(dispersion_of(np.ones(3), np.ones(3), 5))


def test_controls_say_where_undivided_cells_lie_and_how_far_wells_differ() -> None:
    only = np.array([1.0])
    wells = [draw(4000, 50 + k, only, factor=f) for k, f in enumerate((0.93, 1.0, 1.07))]
    control, fits = learn_control(wells, FLOOR, RULES)
    assert control is not None
    assert len(fits) == control.wells == 3
    assert control.log_dye == pytest.approx(math.log(30_000), abs=0.02)
    assert 0.05 < control.log_dye_error < 0.12
    assert math.isnan(control.growth)
    assert learn_control([draw(50, 53, only)], FLOOR, RULES)[0] is None


def test_growth_is_learnt_from_stimulated_wells() -> None:
    bare = replace(CONTROL, growth=math.nan, growth_error=math.nan)
    grown = learn_growth([draw(20_000, 60 + k, growth=0.012) for k in range(3)], bare, FLOOR, RULES)
    assert grown.growth == pytest.approx(0.012, rel=0.35)
    assert grown.growth_error > 0
    constant = learn_growth([draw(20_000, 70 + k) for k in range(3)], bare, FLOOR, RULES)
    assert constant.growth < 1.5 * constant.growth_error < 0.003  # a variance of 0.04 grows to 0.045 at most
    assert learn_growth([draw(20, 73)], bare, FLOOR, RULES) is bare


def test_intervals_are_about_the_estimate_and_shrink_with_the_root_of_the_cells() -> None:
    """Expected 4: sixteen times the cells; the control's share in the uncertainty makes it less."""
    widths = []
    for count in (2500, 40_000):
        found = fit(draw(count, 80))
        estimates = bootstrap_indices(found, np.random.default_rng(2))
        index = estimates.indices["division_index"]
        assert index.lower < index.value < index.upper
        assert estimates.replicates == 200
        assert len(estimates.generations) == found.generations + 1
        widths.append(index.upper - index.lower)
    assert 2.5 < widths[0] / widths[1] < 5


def test_the_bootstrap_depends_on_its_seed_alone_and_can_be_left_out() -> None:
    found = fit(draw(5000, 81))
    same = [bootstrap_indices(found, np.random.default_rng(3)).indices for _ in range(2)]
    assert same[0] == same[1]
    none = bootstrap_indices(found, np.random.default_rng(3), replicates=0)
    assert math.isnan(none.indices["division_index"].lower)
    assert none.indices["division_index"].value == same[0]["division_index"].value


def test_models_between_which_the_data_decide_little_share_the_replicates() -> None:
    few_at_last = np.array([0.4, 0.2, 0.2, 0.1, 0.002])
    found = fit(draw(1500, 83, few_at_last / few_at_last.sum()))
    weights = [rival.weight for rival in found.rivals]
    assert len(weights) > 1
    assert sum(weights) == pytest.approx(1.0)
    assert weights == sorted(weights, reverse=True)
    assert found.rivals[0].problem.generations == found.generations
    aic = {}
    for generations, growing, _, value in found.tried:
        aic[generations, growing] = min(value, aic.get((generations, growing), math.inf))
    first, second = ((r.problem.generations, r.problem.growing) for r in found.rivals[:2])
    assert weights[1] / weights[0] == pytest.approx(math.exp(-0.5 * (aic[second] - aic[first])))
    alone = replace(found, rivals=(replace(found.rivals[0], weight=1.0),))
    whole, narrow = (bootstrap_indices(f, np.random.default_rng(5), replicates=400) for f in (found, alone))
    assert whole.replicates == narrow.replicates == 400
    of = "expansion_index"  # the last generation weighs most in it
    width = [e.indices[of].upper - e.indices[of].lower for e in (whole, narrow)]
    assert width[0] > width[1]


def test_counts_that_scatter_more_than_poisson_have_wider_intervals() -> None:
    found = fit(draw(5000, 82))
    usual, wider = (
        bootstrap_indices(replace(found, dispersion=d), np.random.default_rng(4)).indices["division_index"]
        for d in (0.8, 4.0)
    )
    assert wider.upper - wider.lower == pytest.approx(2 * (usual.upper - usual.lower))
