"""Scales against FlowUtils 1.2.2 (its C code, run once), against closed forms, and there and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limus.assay.cytometry.gate.convex_root import solve_convex
from limus.assay.cytometry.gate.scales import Scale, choose_logicle, place_on_scale, values_at
from limus.kernel.errors import ValueRangeError

TOP = 262144.0
VALUES = [-1000.0, -100.0, -10.0, -1.0, 0.0, 1.0, 10.0, 100.0, 1000.0, 1e4, 1e5, TOP]
# flowutils.transforms.logicle, hyperlog and asinh, FlowUtils 1.2.2, printed to eight digits; in brackets W, M, A
FLOWUTILS = [
    (
        Scale("logicle", TOP, 4.5, 0.5, 0.0),
        [
            -0.23211535,
            0.00904113,
            0.09991795,
            0.10999069,
            0.11111111,
            0.11223153,
            0.12230428,
            0.21318109,
            0.45433758,
            0.68383266,
            0.90692759,
            1.0,
        ],
    ),
    (
        Scale("logicle", TOP, 4.5, 1.0, 0.5),
        [
            0.13431991,
            0.27968407,
            0.2979638,
            0.29979638,
            0.3,
            0.30020362,
            0.3020362,
            0.32031593,
            0.46568009,
            0.70859874,
            0.91572024,
            1.0,
        ],
    ),
    (
        Scale("hyperlog", TOP, 4.5, 0.5, 0.0),
        [
            -0.21683562,
            0.02625815,
            0.10139614,
            0.11012746,
            0.11111111,
            0.11209477,
            0.12082608,
            0.19596408,
            0.43905784,
            0.6810829,
            0.90667758,
            1.0,
        ],
    ),
    (
        Scale("asinh", TOP, 4.5, 0.5, 0.0),
        [
            -0.46255332,
            -0.24098094,
            -0.05515827,
            -0.00581753,
            0.0,
            0.00581753,
            0.05515827,
            0.24098094,
            0.46255332,
            0.68476897,
            0.90699113,
            1.0,
        ],
    ),
]


@pytest.mark.parametrize(("scale", "expected"), FLOWUTILS, ids=lambda x: getattr(x, "kind", ""))
def test_flowutils_gives_the_same_places(scale: Scale, expected: list[float]) -> None:
    assert place_on_scale(VALUES, scale) == pytest.approx(expected, abs=6e-9)


def test_the_logicle_function_is_that_of_the_paper() -> None:
    """Moore and Parks 2012: S(x) = a e**(b x) - c e**(-d x) + f with their constants, written out."""
    top, width, decades, additional = 10_000.0, 0.7, 4.0, 0.4
    w = width / (decades + additional)
    x2 = additional / (decades + additional)
    x1, x0, b = x2 + w, x2 + 2 * w, (decades + additional) * math.log(10)
    low, high = 1e-9, b
    for _ in range(200):
        d = 0.5 * (low + high)
        low, high = (low, d) if 2 * (math.log(d) - math.log(b)) + w * (b + d) > 0 else (d, high)
    ca = math.exp(x0 * (b + d))
    fa = math.exp(b * x1) - ca / math.exp(d * x1)
    a = top / (math.exp(b) - fa - ca / math.exp(d))
    c, f = ca * a, -fa * a
    places = np.linspace(x1, 1.0, 50)
    expected = a * np.exp(b * places) - c * np.exp(-d * places) + f
    found = values_at(places, Scale("logicle", top, decades, width, additional))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_linear_and_logarithmic_scales_are_their_formulae() -> None:
    assert place_on_scale([0.0, 50.0, 100.0], Scale("linear", 100.0, additional=25.0)) == pytest.approx([0.2, 0.6, 1.0])
    assert place_on_scale([1.0, 1000.0], Scale("log", 1000.0, 3.0)) == pytest.approx([0.0, 1.0])
    assert place_on_scale(0.0, Scale("log", 1000.0, 3.0)) == -np.inf
    assert np.isnan(place_on_scale(-1.0, Scale("log", 1000.0, 3.0)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(["logicle", "hyperlog", "asinh", "linear", "log"]),
    top=st.floats(1.0, 1e7),
    decades=st.floats(1.0, 8.0),
    width=st.floats(0.01, 0.5),
    additional=st.floats(0.0, 0.9),
    shares=st.lists(st.floats(-0.1, 1.2), min_size=1, max_size=20),
)
def test_there_and_back(
    kind: str, top: float, decades: float, width: float, additional: float, shares: list[float]
) -> None:
    most = 0.99 * decades * (1 - 2 * width)
    scale = Scale(kind, top, decades, width * decades, min(additional, most))  # type: ignore[arg-type]
    values = np.array(shares) * top
    values = np.abs(values) + 1e-6 * top if kind == "log" else values
    places = place_on_scale(values, scale)
    # a place is known to rounding; what that means for the value is the scale's slope there
    beyond = values_at(places + 4e-16, scale) - values_at(places - 4e-16, scale)
    assert np.abs(values_at(places, scale) - values) == pytest.approx(0, abs=float(np.max(4 * beyond + 1e-12 * top)))
    order = np.argsort(values)
    assert (np.diff(places[order]) >= 0).all()


def test_infinities_and_nothing_stay_what_they_are() -> None:
    places = place_on_scale([np.inf, -np.inf, np.nan], Scale("logicle", TOP))
    assert places[0] == np.inf
    assert places[1] == -np.inf
    assert np.isnan(places[2])
    assert place_on_scale(np.empty(0), Scale("logicle", TOP)).shape == (0,)
    assert place_on_scale(np.zeros((3, 2)), Scale("hyperlog", TOP)).shape == (3, 2)


@pytest.mark.parametrize(
    "scale",
    [
        Scale("logicle", 0.0),
        Scale("logicle", TOP, 4.5, 2.3),
        Scale("logicle", TOP, 4.5, 0.5, 4.0),
        Scale("hyperlog", TOP, 4.5, 0.0),
        Scale("linear", TOP, additional=2 * TOP),
        Scale("log", TOP, 0.0),
        Scale("asinh", math.nan),
    ],
)
def test_parameters_out_of_range_are_refused(scale: Scale) -> None:
    with pytest.raises(ValueRangeError):
        place_on_scale([1.0], scale)
    with pytest.raises(ValueRangeError):
        values_at([0.5], scale)


def test_the_linear_part_is_chosen_from_the_negative_cells() -> None:
    cells = np.concatenate([np.linspace(-100, 0, 101), np.full(50, 5000.0)])
    chosen = choose_logicle(cells, TOP)
    reach = -np.quantile(cells[cells < 0], 0.05)
    assert chosen.width == pytest.approx(0.5 * (4.5 - math.log10(TOP / reach)))
    assert choose_logicle(np.full(50, 5000.0), TOP).width == 0.5
    assert choose_logicle(-cells * 1e9, TOP).width == 2.25


def test_newton_stays_at_the_root_and_converges_from_far_above() -> None:
    def cube(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x**3 + x, 3 * x**2 + 1

    values = np.array([0.0, 1e-12, 2.0, 1e9])
    found = solve_convex(cube, values, np.full(4, 2e3))
    assert found**3 + found == pytest.approx(values, rel=1e-12, abs=1e-12)
