"""The figure of profiles: refusals, its data, and what it says of open curves."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.profiles import draw_profiles


def table() -> Table:
    value = np.array([0.5, 1.0, 2.0])
    return Table.create(
        {
            "parameter": np.repeat(["closed_one", "open_one"], 3),
            "label": np.repeat(["nM", ""], 3),
            "value": np.tile(value, 2),
            "rise_with_prior": np.tile([5.0, 0.0, 6.0], 2),
            "rise_without_prior": np.array([4.5, 0.1, 5.0, 4.5, 0.1, 1.0]),
            "fit": np.ones(6),
        }
    )


def test_it_names_the_curves_that_the_observations_leave_open() -> None:
    drawing = draw_profiles(table(), limit=3.84)
    assert drawing.alt.endswith("by the observations alone: open_one.")
    assert drawing.svg.startswith("<?xml")
    assert len(drawing.data) == 6


def test_a_value_that_no_logarithmic_axis_shows_is_refused() -> None:
    columns = {name: table()[name] for name in table().names}
    columns["value"] = np.zeros(6)
    with pytest.raises(ValueRangeError, match="positive"):
        draw_profiles(Table.create(columns), limit=3.84)
