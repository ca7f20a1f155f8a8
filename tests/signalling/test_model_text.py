"""A model's text as a reader sees it: comments, headings, equations, and the constants of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from limus.kernel.errors import FileReadError
from limus.signalling.model_account import account_for
from limus.signalling.model_library import load_model
from limus.signalling.model_text import constants_of, instances_of, read_modules
from limus.signalling.prior_share import PRIOR_DRIVEN

MAIN = """// The whole.
// In two lines.
import "part.ant"

model *whole()
  compartment cell; cell = 1;
  // ---- first things ----
  species A in cell, $B in cell;
  // A falls
  var y; y = start_value;
  y' = -k*y;  // slowly
  z := y + k;
  // ---- joints ----
  one: part(A, k); two: part(B, other);
  loss: A => ;
    cell*k*A*
    y;
end
"""
PART = """// A part that falls.
module part(thing, rate)
  var level; level = 0;
  level' = rate*thing - own*level;
end
"""


@pytest.fixture
def modules(tmp_path: Path):
    (tmp_path / "main.ant").write_text(MAIN)
    (tmp_path / "part.ant").write_text(PART)
    return read_modules(tmp_path / "main.ant")


def test_statements_have_kind_text_and_explanation(modules) -> None:
    main, part = modules
    assert (main.name, main.explanation, main.file) == ("whole", "The whole. In two lines.", "main.ant")
    assert (part.arguments, part.explanation) == (("thing", "rate"), "A part that falls.")
    found = [(s.kind, s.name, s.text, s.explanation, s.heading) for s in main.statements]
    assert found == [
        ("start", "cell", "cell = 1", "", ""),
        ("start", "y", "y = start_value", "A falls", "first things"),
        ("rate", "y", "y' = -k*y", "A falls slowly", "first things"),
        ("rule", "z", "z := y + k", "", "first things"),
        ("submodel", "one", "one: part(A, k)", "", "joints"),
        ("submodel", "two", "two: part(B, other)", "", "joints"),
        ("reaction", "loss", "A =>; cell*k*A* y", "", "joints"),
    ]


def test_constants_go_through_the_arguments(modules) -> None:
    main, part = modules
    instances = instances_of(modules)
    known = dict.fromkeys(("k", "other", "one.own", "two.own", "start_value"))
    assert [i.prefix for i in instances["part"]] == ["one.", "two."]
    assert constants_of(part.statements[-1], instances["part"], known) == ("k", "other", "one.own", "two.own")
    assert constants_of(main.statements[1], instances["whole"], known) == ("start_value",)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match=r"none\.ant"):
        read_modules(tmp_path / "none.ant")


def test_every_equation_and_every_constant_of_the_library_model_is_found() -> None:
    model = load_model("t_cell")
    account = account_for(model)
    full: dict[str, set[str]] = {"reaction": set(), "rate": set(), "rule": set()}
    used = set()
    for module in account.modules:
        assert module.explanation, module.name
        for statement in module.statements:
            used |= {p.name for p in account.constants_in(module, statement)}
            if statement.kind in full:
                full[statement.kind] |= {i.full_name(statement.name) for i in account.instances[module.name]}
    assert used == set(model.parameters)
    assert full["reaction"] == {r.name for r in model.model.reactions}
    # a name that is handed to a module may be called by the module's own name in the flat model
    counts = {kind: sum(r.kind == kind for r in model.model.rules) for kind in ("rate", "assignment")}
    assert (len(full["rate"]), len(full["rule"])) == (counts["rate"], counts["assignment"])


def test_what_the_fit_knows_is_counted_against_the_prior() -> None:
    account = account_for(load_model("t_cell"))
    assert {p.use for p in account.observations["fit"]} == {"fit"}
    assert 0 < account.effective_constants <= len(account.fitted)
    for one in account.fitted:
        expected = one.parameter.log10_standard_error > PRIOR_DRIVEN * one.parameter.prior_log10_sd
        assert one.prior_driven == expected
    bare = account_for(load_model("t_cell", with_fit=False))
    assert bare.effective_constants == 0
    assert all(one.prior_driven for one in bare.fitted)
