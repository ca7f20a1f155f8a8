"""Doses at steady state beside the same doses given one by one for a long time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language import Model, Rule, read_model_text
from limus.kernel.simulation import Dose, compile_model, simulate

PI = "3.141592653589793"
GUT = "species A, B; A = 0; B = 0; k = 0.3; A' = -0.5*A; B' = 0.5*A - {};"
ASKED = np.array([6.0, 6.5, 12.0, 29.0, 30.0, 40.0])


def read(text: str) -> Model:
    return read_model_text(f"model m()\n{text}\nend", language="antimony")


def both(model: Model, dose: Dose, *, before: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Output B with the steady state, and with the doses of ``before`` intervals written out."""
    compiled = compile_model(model, ["B"])
    found = simulate(compiled, ASKED, doses=[dose], start=0.0, relative_tolerance=1e-9)
    first = dose.time - before * dose.interval
    written = replace(dose, time=first, steady_state=0, additional=before + dose.additional)
    true = simulate(compiled, ASKED, doses=[written], start=first, relative_tolerance=1e-9)
    assert found.status == true.status == ("ok",)
    return found.output("B")[0], true.output("B")[0]


@pytest.mark.parametrize("dose", [{}, {"lag": 3.0}, {"duration": 5.0}, {"duration": 15.0, "lag": 20.0}])
@pytest.mark.parametrize("loss", ["k*B", "k*B/(1 + B/4)", f"k*(1 + 0.9*sin(2*{PI}*time/12))*B"])
def test_it_is_what_many_doses_lead_to(loss: str, dose: dict[str, float]) -> None:
    given = Dose(6.0, "A", 10.0, interval=12.0, additional=4, steady_state=1, bioavailability=0.6, **dose)
    found, true = both(read(GUT.format(loss)), given)
    np.testing.assert_allclose(found, true, rtol=2e-7)


def test_a_rate_that_is_high_for_a_part_of_each_interval() -> None:
    loss = "k*piecewise(9, time - floor(time/12)*12 < 0.25, 1)*B"
    found, true = both(read(GUT.format(loss)), Dose(6.0, "A", 10.0, interval=12.0, additional=4, steady_state=1))
    np.testing.assert_allclose(found, true, rtol=1e-6)


def test_what_begins_at_the_dose_has_not_been_before() -> None:
    found, true = both(
        read(GUT.format("k*piecewise(3, time >= 6, 1)*B")), Dose(6.0, "A", 10.0, interval=12.0, steady_state=1)
    )
    np.testing.assert_allclose(found, true, rtol=1e-7)


def test_with_a_rule_that_is_not_linear() -> None:
    model = read(GUT.format("k*z*B") + "z = 1; zero := z^2 + 0.1*B*z - 2;")  # z is 1.4 where there is no B
    rules = tuple(Rule("algebraic", "", r.formula) if r.variable == "zero" else r for r in model.rules)
    parameters = tuple(replace(p, constant=p.name != "z") for p in model.parameters if p.name != "zero")
    found, true = both(
        replace(model, rules=rules, parameters=parameters),
        Dose(6.0, "A", 10.0, interval=12.0, steady_state=1),
        before=20,
    )
    np.testing.assert_allclose(found, true, rtol=1e-6)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("(k + 0.1*sin(time))*B", "otherwise than with the interval"),
        ("k*piecewise(3, time >= 1, 1)*B", "otherwise than with the interval"),
        ("k*B*piecewise(3, time >= 1 && time < 1.001, 1)", "otherwise than with the interval"),
        ("k*B; at (B > 3): A = 0", "triggered event"),
    ],
)
def test_what_has_no_steady_state_is_refused(more: str, words: str) -> None:
    compiled = compile_model(read(GUT.format(more)), ["B"])
    with pytest.raises(UnsupportedFeatureError, match=words):
        simulate(compiled, ASKED, doses=[Dose(6.0, "A", 10.0, interval=12.0, steady_state=1)], start=0.0)
