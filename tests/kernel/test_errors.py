from __future__ import annotations

import copy
import pickle
import re

import pytest

from limus.kernel import errors
from limus.kernel.errors import LimusError, near_names

CLASSES = [getattr(errors, name) for name in errors.__all__ if name != "near_names"]


def drawn_tree() -> dict[str, tuple[str, int | None]]:
    """Class to (parent, exit status written beside it) in the module's docstring."""
    found: dict[str, tuple[str, int | None]] = {}
    open_at: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([ │├└─]*)(\w+Error)\b(?:\s+exit (\d+))?", line)
        if match is None:
            continue
        depth = len(match[1])
        open_at = [(d, name) for d, name in open_at if d < depth]
        found[match[2]] = (open_at[-1][1] if open_at else "Exception", int(match[3]) if match[3] else None)
        open_at.append((depth, match[2]))
    return found


def test_the_drawn_tree_is_the_real_tree() -> None:
    assert {name: parent for name, (parent, _) in drawn_tree().items()} == {
        c.__name__: c.__bases__[0].__name__ for c in CLASSES
    }


def test_exit_statuses_are_as_drawn_and_inherited() -> None:
    drawn = drawn_tree()
    for c in CLASSES:
        status = drawn[c.__name__][1]
        assert c.exit_status == (4 if c is LimusError else c.__bases__[0].exit_status if status is None else status)
    assert [errors.InputError.exit_status, errors.RefusedError.exit_status] == [2, 3]
    assert [errors.SolveError.exit_status, errors.CancelledError.exit_status] == [1, 130]


@pytest.mark.parametrize("c", CLASSES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy], ids=["pickle", "copy"])
def test_an_error_survives_pickling(c: type[LimusError], again) -> None:
    error = c("file é.csv, line 3", 0.5, "1 or more", "raise it")
    back = again(error)
    assert type(back) is c
    assert back.as_dict() == error.as_dict()
    assert str(back) == str(error) == "file é.csv, line 3: got '0.5'; allowed: 1 or more; do: raise it"


def test_zero_is_shown_and_empty_parts_are_not() -> None:
    assert str(LimusError("dose", 0)) == "dose: got '0'"
    assert str(LimusError("dose")) == "dose"
    assert LimusError("dose", do="look").message == "dose; do: look"


def test_as_dict_is_the_json_contract() -> None:
    assert errors.UnitError("x", 5, "nM", "write it").as_dict() == {
        "kind": "UnitError",
        "where": "x",
        "got": "5",
        "allowed": "nM",
        "do": "write it",
    }


def test_near_names() -> None:
    drugs = ["tacrolimus", "sirolimus", "everolimus", "ciclosporin"]
    assert near_names("TACROLIMOS", drugs)[0] == "tacrolimus"
    assert near_names("xyz", drugs) == ()
    assert len(near_names("rolimus", drugs, most=2)) == 2
    assert near_names("rolimus", drugs, most=0) == ()
    assert set(near_names("k", ["K", "k"])) == {"K", "k"}  # names that differ by case are two names
    assert near_names("tacrolimus", iter(drugs))[0] == "tacrolimus"
