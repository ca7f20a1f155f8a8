"""The library of habits and courses, and the fit of the clinician's departure."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import InputError, UnknownNameError
from limus.kernel.provenance import Kind, load_bibliography
from limus.kernel.tables import library_folder
from limus.trial.calibration.departure_fit import fit_departure, predict_troughs
from limus.trial.calibration.observed_troughs import observed_troughs
from limus.trial.design.titration_library import (
    course_at,
    departure_names,
    load_departure,
    load_practice,
    load_sampling,
)


def test_the_librarys_symphony_departure_is_the_fit() -> None:
    kept = load_departure("symphony")
    again = fit_departure("symphony", subjects=800, seed=3).departure
    assert kept.origin.kind is Kind.FITTED
    # 800 subjects leave about 1.25 x 0.37/sqrt(800) = 1.6 % on a median, three of them here; the spread is flat
    assert abs(np.log(kept.aim_ratio / again.aim_ratio)) < 0.05
    assert abs(kept.aim_sd_log - again.aim_sd_log) < 0.15


def test_the_departure_brings_back_what_it_was_fitted_to_and_predicts_the_rest() -> None:
    rows = predict_troughs(load_departure("symphony"), ["symphony"], subjects=3000)
    fitted = next(row for row in rows if row.used)
    assert fitted.observed == (4.4, 6.9, 11.3)
    np.testing.assert_allclose(fitted.ratios, 1.0, atol=0.06)
    later = [row for row in rows if not row.used]
    assert len(later) == 3
    np.testing.assert_allclose([row.ratios[1] for row in later], 1.0, atol=0.15)
    followed = predict_troughs(load_departure("followed"), ["symphony"], subjects=1000)
    assert followed[0].predicted[1] < 5.5  # the protocol to the letter stays near the middle of 3 to 7


def test_only_levels_that_are_marked_are_fitted() -> None:
    with pytest.raises(InputError, match="used"):
        fit_departure("symphony_low_ciclosporin")
    with pytest.raises(UnknownNameError, match="symphony"):
        fit_departure("symfony")
    assert sum(level.used for trial in observed_troughs().values() for level in trial.levels) == 1


def test_courses_go_straight_between_their_days_and_are_flat_outside() -> None:
    course = load_practice().courses["prednisolone_dose"]
    first, second = course.days[:2]
    middle = course_at(course, 0.5 * (first + second))
    assert middle == pytest.approx(0.5 * (course.values[0] + course.values[1]))
    assert course_at(course, 1e6) == course.values[-1]


def test_every_source_is_in_the_bibliography() -> None:
    known = load_bibliography(library_folder() / "references.bib")
    practice = load_practice()
    origins = [course.origin for course in practice.courses.values()]
    origins += [span.origin for span in practice.levels.values()]
    origins += [trial.origin for trial in observed_troughs().values()]
    origins += [load_departure(name).origin for name in departure_names()] + [load_sampling("trial").origin]
    cited = {key for origin in origins for key in origin.source}
    assert len(cited) >= 4
    assert not cited - known.keys()


def test_habits_are_found_by_name() -> None:
    assert {"symphony", "followed"} <= set(departure_names())
    assert load_sampling("trial").assay_cv_percent > 0
    with pytest.raises(UnknownNameError, match="trial"):
        load_sampling("clinic")
    with pytest.raises(UnknownNameError, match="symphony"):
        load_departure("symphonie")
