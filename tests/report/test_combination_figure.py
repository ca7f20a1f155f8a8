"""The isobologram: straight where two drugs add up, and drawn where one works against the other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.combination import _half_alone, _refined, draw_combination

FIRST = np.concatenate(([0.0], np.geomspace(0.01, 10.0, 10)))
SECOND = np.concatenate(([0.0], np.geomspace(1.0, 1000.0, 10)))
ONE, TWO = np.meshgrid(FIRST, SECOND, indexing="ij")


def additive(slope: float) -> np.ndarray:
    """Per cent of two drugs that are dilutions of one another, half at 0.3 and at 40."""
    dose = ONE / 0.3 + TWO / 40.0
    return 100.0 * dose**slope / (1.0 + dose**slope)


def antagonised() -> np.ndarray:
    """The second competes with the first, as two drugs for one immunophilin."""
    return 100.0 * ONE / (ONE + 0.3 * (1.0 + TWO / 40.0))


def table(surface: np.ndarray) -> Table:
    alone = 100.0 * ONE / (ONE + 0.3)
    columns = {"inhibition_percent": surface, "loewe_percent": alone, "bliss_percent": alone}
    return Table.create(
        {"first_nM": ONE.ravel(), "second_nM": TWO.ravel(), **{name: v.ravel() for name, v in columns.items()}}
    )


@pytest.mark.parametrize("slope", [0.7, 1.0, 3.5])
def test_the_line_of_half_effect_of_additive_drugs_is_straight(slope: float) -> None:
    x, y, logit = _refined(FIRST, SECOND, additive(slope))
    dose = x[:, None] / 0.3 + y[None, :] / 40.0
    # the sign of the logit changes on the straight line; 10 doses over three decades leave less than a tenth
    clear = np.abs(dose - 1.0) > 0.1
    assert (np.sign(logit[clear]) == np.sign(dose[clear] - 1.0)).all()
    assert _half_alone(FIRST, SECOND, additive(slope)) == pytest.approx((0.3, 40.0), rel=0.03)


def test_an_antagonist_that_does_nothing_alone_has_a_line() -> None:
    drawing = draw_combination(table(antagonised()), first="tacrolimus", second="sirolimus", what="Calcineurin")
    assert _half_alone(FIRST, SECOND, antagonised()) == pytest.approx((0.3, math.nan), rel=0.03, nan_ok=True)
    assert "half inhibition by model, Loewe additivity, Bliss independence" in drawing.alt
    weak = draw_combination(table(0.4 * antagonised()), first="tacrolimus", second="sirolimus", what="Calcineurin")
    assert "by Loewe additivity, Bliss" in weak.alt
    assert "by model" not in weak.alt
    assert "largest 97 %" in drawing.alt
    assert len(drawing.data) == ONE.size


def test_every_pair_must_be_there_once() -> None:
    whole = table(additive(1.0))
    with pytest.raises(ValueRangeError, match="pairs"):
        draw_combination(whole.where(whole["first_nM"] != whole["second_nM"]), first="a", second="b", what="x")
