"""The steady state of a model that nothing is done to: closed forms, switches, cycles, conserved totals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import UnknownNameError, UnsupportedFeatureError, ValueRangeError
from limus.kernel.language import read_model, read_model_text
from limus.kernel.simulation import compile_model, find_steady_state
from limus.kernel.tables import library_folder


def model(text: str, outputs: list[str] | None = None, sensitivities: tuple[str, ...] = ()):
    return compile_model(read_model_text(text, language="antimony"), outputs, sensitivities=sensitivities)


BINDING = """
model binding()
  compartment c; c = 2;
  species L in c, R in c, B in c; L = 3; R = 1; B = 0; on = 1.7; off = 0.4;
  bind: L + R => B; c*(on*L*R - off*B);
  occupied := B/(R + B);
end
"""

# x' = a + x^2/(1 + x^2) - b x has two stable fixed points and one between them that is not
SWITCH = "model m() x = 0; a = 0.02; b = 0.45; x' = a + x^2/(1 + x^2) - b*x; end"


def test_binding_comes_to_equilibrium_and_keeps_its_totals() -> None:
    sets = {"on": [1.7, 1e-3, 1e4], "R": [1.0, 0.2, 5.0]}
    found = find_steady_state(model(BINDING, ["L", "occupied"]), sets)
    assert found.status == ("ok", "ok", "ok")
    assert found.stable.all()
    for i in range(3):
        dissociation, total = 0.4 / sets["on"][i], sets["R"][i]
        half = 3.0 + total + dissociation
        bound = 0.5 * (half - np.sqrt(half**2 - 12.0 * total))
        values = dict(zip(found.states, found.values[i], strict=True))
        assert values["B"] == pytest.approx(bound, rel=1e-7)
        assert values["L"] + values["B"] == pytest.approx(3.0, rel=1e-9)
        assert values["R"] + values["B"] == pytest.approx(total, rel=1e-9)
        assert found.output_values[i] == pytest.approx([3.0 - bound, bound / total], rel=1e-6)


def test_of_two_stable_states_the_one_that_is_reached() -> None:
    roots = np.sort(np.roots([-0.45, 1.02, -0.45, 0.02]).real)
    starts = np.array([0.0, roots[1] - 1e-3, roots[1] + 1e-3, 5.0])
    found = find_steady_state(model(SWITCH, ["x"]), {"x": starts})
    np.testing.assert_allclose(found.values[:, 0], roots[[0, 0, 2, 2]], rtol=1e-9)
    assert found.stable.all()
    rates = 2 * roots / (1 + roots**2) ** 2 - 0.45
    np.testing.assert_allclose(found.growth_rate, rates[[0, 0, 2, 2]], rtol=1e-6)


def test_a_run_that_begins_at_an_unstable_point_stays_and_is_called_unstable() -> None:
    found = find_steady_state(model("model m() x = 0; k = 0.3; x' = k*x*(1 - x); end"), longest=1e3)
    assert found.status == ("ok",)
    assert not found.stable[0]
    assert found.growth_rate[0] == pytest.approx(0.3)


def test_a_cycle_and_growth_without_end_have_none() -> None:
    brusselator = "model m() X = 1; Y = 1; A = 1; B = 3; X' = A + X^2*Y - B*X - X; Y' = B*X - X^2*Y; end"
    cycle = find_steady_state(model(brusselator), {"B": [3.0, 1.5]}, longest=1e3)
    assert cycle.status == ("no steady state reached", "ok")
    assert np.isnan(cycle.values[0]).all()
    assert not cycle.stable[0]
    np.testing.assert_allclose(cycle.values[1], [1.0, 1.5], rtol=1e-9)
    growth = find_steady_state(model("model m() x = 0; y = 1; x' = 1 - 0*x*y; y' = -y*x; end"), longest=1e3)
    assert growth.status == ("no steady state reached",)


def test_a_solution_that_ends_has_the_reason() -> None:
    found = find_steady_state(
        model("model m() x = 1; a = 0; x' = a*x^2 - x; end", ["x"]), {"a": [0.0, 2.0]}, longest=100.0
    )
    assert found.status[0] == "ok"
    assert found.status[1] not in {"ok", "no steady state reached"}


def test_a_state_that_only_adds_up_is_left_out() -> None:
    text = "model m() x = 5; sum_x = 0; k = 0.2; x' = 1 - k*x*x; sum_x' = x; end"
    found = find_steady_state(model(text, ["x", "sum_x"]), longest=1e4)
    assert found.status == ("ok",)
    assert found.values[0, 0] == pytest.approx(np.sqrt(5.0), rel=1e-9)
    assert found.values[0, 1] > 10.0


def test_after_the_last_condition_on_time() -> None:
    text = "model m() x = 0; on = 1e5; x' = piecewise(2, time >= on, 1) - x*x; end"
    found = find_steady_state(model(text, ["x"], ("on",)), {"on": [1e5, 3.0]}, longest=1e3)
    np.testing.assert_allclose(found.values, np.sqrt([[2.0], [2.0]]), rtol=1e-9)
    assert (found.time > 1e5).all()


CELL = """
import "{modules}/calcineurin_nfat.ant"
import "{modules}/drug_in_cell.ant"
model *cell()
  compartment medium, cytosol, nucleus; medium = 1e-3; cytosol = 2.69e-7; nucleus = 1.13e-7;
  species calcineurin in cytosol, FKBP12 in cytosol; calcineurin = 70; FKBP12 = 1800;
  nfat: calcineurin_nfat(cytosol, nucleus, calcium, calcineurin, activity, nuclear_fraction);
  tacrolimus: drug_in_cell(medium, cytosol, FKBP12, calcineurin, serum_percent, binding, permeation_rate, hold);
  calcium = 500; serum_percent = 10; binding = 1; permeation_rate = 2000;
end
"""


def test_calcineurin_and_nfat_under_a_drug(tmp_path: Path) -> None:
    from limus.signalling.model_library import load_model

    path = tmp_path / "cell.ant"
    path.write_text(CELL.replace("{modules}", str(library_folder() / "models" / "modules")), encoding="utf-8")
    text = read_model(path)
    known = {
        p.name: p.value
        for p in load_model("t_cell").parameters.values()
        if p.name.split(".")[0] in ("nfat", "tacrolimus")
    }
    compiled = compile_model(text.with_values(known), ["nfat.NFAT_nuclear", "calcineurin", "tacrolimus.ternary"])
    found = find_steady_state(compiled, {"tacrolimus.medium": [0.0, 1.0]})
    assert found.status == ("ok", "ok")
    assert found.stable.all()
    place = compiled.states.index
    rates = np.array(compiled.evaluate("derivatives", 1e6, found.values[0].tolist(), compiled.defaults.tolist()))
    assert np.abs(rates).max() < 1e-9 * np.abs(found.values[0]).max()
    total = found.values[:, place("calcineurin")] + found.values[:, place("tacrolimus.ternary")]
    np.testing.assert_allclose(total, 70.0, rtol=1e-8)
    assert found.values[1, place("calcineurin")] < 0.2 * found.values[0, place("calcineurin")]
    assert found.values[1, place("nfat.NFAT_nuclear")] < 0.2 * found.values[0, place("nfat.NFAT_nuclear")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model m() x = 1; x' = sin(time) - x; end", "rate of x that changes with time"),
        ("model m() x = 1; x' = piecewise(1, sin(time) > 0, 0) - x; end", "no last change"),
        ("model m() x = 1; x' = -x; at x < 0.5: x = 1; end", "event"),
    ],
)
def test_what_does_not_come_to_rest_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnsupportedFeatureError, match=words):
        find_steady_state(model(text))


@pytest.mark.parametrize(
    ("left", "error", "words"),
    [("x", ValueRangeError, "y depends on it"), ("z", UnknownNameError, "leave_out")],
)
def test_what_cannot_be_left_out(left: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        find_steady_state(model("model m() x = 1; y = 1; x' = x; y' = x - y; end"), leave_out=[left])


def test_a_run_of_no_length_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="longest"):
        find_steady_state(model(SWITCH), longest=0.0)
