"""What is done to subjects from outside: changing inputs, resets, steady state, times of each subject's own."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import SolveError, UnknownNameError, UnsupportedFeatureError, ValueRangeError
from limus.kernel.language import read_model_text
from limus.kernel.simulation import (
    EVERY,
    Dose,
    DoseTable,
    InputChanges,
    Resets,
    Treatment,
    compile_model,
    simulate,
)

LINEAR = "model m() species A; A = 1; k = 0.5; r = 0; A' = r - k*A; end"
# the same with a loss that saturates
BENT = "model m() species A; A = 1; k = 0.5; r = 0; K = 1e9; A' = r - k*A/(1 + A/K); end"


def model(text: str, outputs: list[str] | None = None):
    return compile_model(read_model_text(text, language="antimony"), outputs)


@pytest.mark.parametrize("text", [LINEAR, BENT])
@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_an_input_that_changes(text: str, solver: str) -> None:
    changes = InputChanges.create(["k", "r"], input=[0, 1], subject=[0, 1], time=[2.0, 1.0], value=[0.1, 3.0])
    found = simulate(
        model(text, ["A"]),
        [0.0, 1.0, 2.0, 4.0],
        {"k": [0.5, 0.5]},
        doses=Treatment.create(changes=changes),
        solver=solver,
    ).output("A")
    slow = np.exp(-1.0)
    np.testing.assert_allclose(found[0], [1.0, np.exp(-0.5), slow, slow * np.exp(-0.2)], rtol=1e-6)
    after = [6.0 + (np.exp(-0.5) - 6.0) * np.exp(-0.5 * t) for t in (1.0, 3.0)]
    np.testing.assert_allclose(found[1], [1.0, np.exp(-0.5), *after], rtol=1e-6)


@pytest.mark.parametrize("text", [LINEAR, BENT])
@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_a_reset_returns_to_the_start_and_cancels_what_is_pending(text: str, solver: str) -> None:
    doses = [
        Dose(0.0, "A", 4.0, duration=8.0),
        Dose(0.0, "A", 2.0, interval=3.0, additional=5),
        Dose(2.0, "A", 1.0, lag=5.0),
        Dose(5.0, "A", 7.0),
    ]
    treatment = Treatment.create(doses, resets=Resets.create(subject=EVERY, time=5.0))
    found = simulate(model(text, ["A"]), [0.0, 5.0, 6.0, 9.0, 10.0], doses=treatment, solver=solver).output("A")[0]
    np.testing.assert_allclose(found[2:], 8.0 * np.exp(-0.5 * np.array([1.0, 4.0, 5.0])), rtol=1e-6)
    assert found[1] > 1.5  # before the reset


def test_every_subject_has_times_and_a_start_of_its_own() -> None:
    times = np.array([[0.0, 1.0, 3.0], [2.0, 2.5, np.nan]])
    found = simulate(model(LINEAR, ["A"]), times, start=[0.0, 1.0], doses=[Dose(1.0, "A", 1.0)]).output("A")
    np.testing.assert_allclose(found[0], [1.0, np.exp(-0.5), (np.exp(-0.5) + 1.0) * np.exp(-1.0)], rtol=1e-13)
    np.testing.assert_allclose(found[1, :2], 2.0 * np.exp([-0.5, -0.75]), rtol=1e-13)
    assert np.isnan(found[1, 2])


def test_one_dose_table_for_many_subjects() -> None:
    table = DoseTable.create(["A"], subject=np.arange(5), time=1.0, amount=np.arange(5.0), interval=2.0, additional=1)
    found = simulate(model(LINEAR, ["A"]), [0.0, 1.0, 4.0], {"A": np.zeros(5)}, doses=table).output("A")
    expected = np.arange(5.0) * (np.exp(-1.5) + np.exp(-0.5))
    np.testing.assert_allclose(found[:, 2], expected, rtol=1e-13)


def test_a_saturable_loss_has_a_steady_state_too() -> None:
    compiled = model("model m() species A; A = 0; top = 2; K = 1.5; A' = -top*A/(K + A); end", ["A"])
    dose = Dose(0.0, "A", 3.0, interval=2.0, additional=2, steady_state=1)
    found = simulate(compiled, np.linspace(0.0, 6.0, 25), doses=[dose]).output("A")[0]
    many = Dose(-2.0 * 400, "A", 3.0, interval=2.0, additional=405)
    true = simulate(compiled, np.linspace(0.0, 6.0, 25), doses=[many], start=-800.0).output("A")[0]
    np.testing.assert_allclose(found, true, rtol=1e-6)


def test_steady_state_on_top_of_what_is_there() -> None:
    compiled = model(LINEAR, ["A"])
    one = simulate(compiled, [0.0, 1.0, 3.0], {"A": 0.0}, doses=[Dose(1.0, "A", 2.0, interval=4.0, steady_state=1)])
    two = simulate(compiled, [0.0, 1.0, 3.0], {"A": 5.0}, doses=[Dose(1.0, "A", 2.0, interval=4.0, steady_state=2)])
    added = two.output("A")[0] - one.output("A")[0]
    np.testing.assert_allclose(added, 5.0 * np.exp([0.0, -0.5, -1.5]), rtol=1e-11)
    assert one.output("A")[0, 1] == pytest.approx(2.0 * np.exp(-2.0) / (1.0 - np.exp(-2.0)), rel=1e-12)  # its trough


def test_steady_state_with_the_inputs_that_hold_at_its_time() -> None:
    changes = InputChanges.create(["k"], subject=EVERY, input=0, time=2.0, value=0.1)
    dose = Dose(2.0, "A", 2.0, interval=4.0, steady_state=1)
    found = simulate(model(LINEAR, ["A"]), [0.0, 2.0, 6.0], doses=Treatment.create([dose], changes=changes))
    trough = 2.0 * np.exp(-0.4) / (1.0 - np.exp(-0.4))
    assert found.output("A")[0, 2] == pytest.approx(trough, rel=1e-12)


def test_without_loss_there_is_no_steady_state() -> None:
    compiled = model("model m() species A, B; A = 0; B = 0; k = 1; A' = -k*A; B' = k*A - 0*B*k + 0*k*B^2; end", ["A"])
    lost = model("model m() species A, B; A = 0; B = 0; k = 1; z = 0; A' = -k*A + z*B; B' = k*A - z*B; end", ["A"])
    dose = Dose(0.0, "A", 1.0, interval=2.0, steady_state=1)
    assert simulate(compiled, [0.0, 2.0], doses=[dose]).status == ("ok",)  # nothing depends on B
    with pytest.raises(SolveError, match="steady state"):
        simulate(lost, [0.0, 2.0], doses=[dose])


@pytest.mark.parametrize(
    ("treatment", "error", "words"),
    [
        (lambda: Treatment.create(resets=Resets.create(subject=3, time=1.0)), ValueRangeError, "subject 3"),
        (lambda: Treatment.create(resets=Resets.create(subject=0, time=-1.0)), ValueRangeError, "reset 1, time"),
        (
            lambda: Treatment.create(changes=InputChanges.create(["kk"], input=0, subject=0, time=1.0, value=1.0)),
            UnknownNameError,
            "input change 1, input",
        ),
        (
            lambda: Treatment.create(changes=InputChanges.create(["k"], input=0, subject=0, time=1.0, value=np.nan)),
            ValueRangeError,
            "input change 1, value",
        ),
        (lambda: Treatment.create([Dose(0.0, "A", 1.0, steady_state=1)]), ValueRangeError, "interval"),
        (lambda: Treatment.create([Dose(0.0, "A", 1.0, interval=1.0, steady_state=3)]), ValueRangeError, "0, 1 or 2"),
        (lambda: DoseTable.create(["A"], time=[0.0, 1.0], amount=[1.0, 2.0, 3.0]), ValueRangeError, "doses"),
    ],
)
def test_wrong_treatments(treatment, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        simulate(model(LINEAR, ["A"]), [0.0, 2.0], doses=treatment())


def test_an_infusion_into_what_changes_size() -> None:
    grown = "model m() compartment V; V = 1; V' = 1; species S in V; S = 0; {} end"
    infusion = [Dose(0.0, "S", 2.0, duration=2.0)]
    found = simulate(model(grown.format("J: S -> ; 0*S;"), ["S"]), [0.0, 1.0, 2.0, 3.0], doses=infusion)
    np.testing.assert_allclose(found.output("S")[0], [0.0, 1 / 2, 2 / 3, 2 / 4], rtol=1e-7)
    ruled = model(grown.format("S' = 0;"), ["S"])
    with pytest.raises(UnsupportedFeatureError, match="infusion into S"):
        simulate(ruled, [0.0, 3.0], doses=infusion)
    bolus = simulate(ruled, [0.0, 1.0, 3.0], doses=[Dose(1.0, "S", 2.0)]).output("S")[0]
    np.testing.assert_allclose(bolus, [0.0, 0.0, 1.0], rtol=1e-9)  # into a volume of 2


def test_input_changes_that_would_do_nothing_or_make_matter() -> None:
    text = "model m() compartment V; V = 2; species S in V; S = 1; k = 0.5; J: S -> ; k*S*V; end"
    changes = InputChanges.create(["V"], input=0, subject=EVERY, time=1.0, value=4.0)
    with pytest.raises(UnsupportedFeatureError, match="the size of V"):
        simulate(model(text), [0.0, 2.0], doses=Treatment.create(changes=changes))
    changes = InputChanges.create(["S"], input=0, subject=EVERY, time=1.0, value=4.0)
    with pytest.raises(ValueRangeError, match="S, an initial value"):
        simulate(model(text), [0.0, 2.0], doses=Treatment.create(changes=changes))
    reset = Treatment.create(changes=changes, resets=Resets.create(subject=EVERY, time=2.0))
    found = simulate(model(text, ["S"]), [0.0, 2.0, 3.0], doses=reset).output("S")[0]
    np.testing.assert_allclose(found, [1.0, np.exp(-1.0), 4.0 * np.exp(-0.5)], rtol=1e-7)


@pytest.mark.parametrize("start", [[0.0, 1.0, 2.0], 0.5, float("nan")])
def test_wrong_starts(start) -> None:
    with pytest.raises(ValueRangeError, match="start"):
        simulate(model(LINEAR, ["A"]), [0.0, 2.0], {"k": [0.1, 0.2]}, start=start)


def test_the_last_change_before_a_dose_is_found_as_by_looking_at_each() -> None:
    from limus.kernel.simulation.dosing import EVERY
    from limus.kernel.simulation.steady_dosing import _last_changes

    rng = np.random.default_rng(0)
    for _ in range(200):
        count = int(rng.integers(0, 12))
        times = np.sort(rng.integers(0, 6, count)).astype(float)
        subjects = rng.choice([EVERY, 0, 1, 2], count).astype(np.int64)
        asked, of = rng.integers(-1, 7, 9).astype(float), rng.integers(0, 4, 9).astype(np.int64)
        wanted = [
            max((i for i in range(count) if times[i] <= t and subjects[i] in (EVERY, subject)), default=-1)
            for t, subject in zip(asked, of, strict=True)
        ]
        assert _last_changes(times, subjects, asked, of).tolist() == wanted
