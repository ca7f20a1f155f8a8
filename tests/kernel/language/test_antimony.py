from __future__ import annotations

import threading
from pathlib import Path

import pytest

from limus.kernel.errors import FileReadError, LimusError, ModelError
from limus.kernel.language import Model, read_model, read_model_text


def read(text: str, where: str = "model text") -> Model:
    return read_model_text(text, language="antimony", where=where)


@pytest.mark.parametrize(
    ("text", "line", "first"),
    [
        ("model m\nk = 1\nx := k\nk = 2\nend", 4, 2),
        ("model m\nspecies A = 1, B = 2\n\nA = 3\nend", 4, 2),
        ("model m\ncompartment c = 1\nc = 2; end", 3, 2),
        ("model m\nvar k = 1\nconst k = 1\nend", 3, 2),
        ("model m\nx := 1\nx := 2\nend", 3, 2),
        ("model m\nx = 1\nx := 2\nend", 3, 2),
        ("model m\nx = 1\nx' = 1\nx' = 2\nend", 4, 3),
        ("model m\n$A = 1\nA = 2\nend", 3, 2),
        ("model m\nJ: A -> B; 1\nJ: B -> A; 2\nend", 3, 2),
        ("k = 1 // µ /* not a comment\n/* k = 5\n k = 6 */ k = 3", 3, 1),
        ("model m\nA.x = 1; y = 2\nA.x = 3\nend", 3, 2),
    ],
)
def test_a_doubled_definition_is_refused_with_both_lines(text: str, line: int, first: int) -> None:
    with pytest.raises(ModelError) as caught:
        read(text, "é.ant")
    assert f"é.ant, line {line}" in str(caught.value)
    assert f"in line {first})" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "model a; k = 1; end\nmodel b; k = 2; end",
        "k = 1 // k = 2\n# k = 3\n/* k = 4\n*/",
        'k = 1; k is "http://x; k = 2"',
        "x = 1; x' = -x",
        "x = 1; E: at (time > 1): x = 2; F: at (time > 2): x = 3; at (time > 3): x = 4",
        "x := piecewise(1, time == 2, 3); y = 1; z := y == 1",
        "function f(k)\n k\nend\nmodel m\nk = 1; y := f(k)\nend",
    ],
)
def test_what_only_looks_doubled_is_read(text: str) -> None:
    read(text)


def test_text_outside_ascii_in_comments_and_display_names() -> None:
    model = read('// µ\nmodel m # é\nk = 1; k is "β-catenin, µM & <x> &#65;"; /* ü */\nend')
    assert model.values == {"k": 1.0}
    assert model.labels["k"].startswith("β-catenin, µM & <x> ")


def test_a_syntax_error_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "Zürich µ.ant"
    file.write_text("// é\nmodel m\nk = 1\ny := (k + ;\nend", encoding="utf-8")
    with pytest.raises(ModelError, match="line 4") as caught:
        read_model(file)
    assert "Zürich µ.ant" in str(caught.value)
    with pytest.raises(ModelError, match="line 2"):
        read("k = 1\nµ = 2")


def test_a_rate_rule_beside_an_assignment_rule_is_refused() -> None:
    with pytest.raises(ModelError, match="rate rule"):
        read("x' = 1; x := 2")


@pytest.mark.parametrize(
    ("name", "content"),
    [("m.ant", b"\xff"), ("m.xml", b"\xff"), ("m.docx", b"k = 1"), ("m", b"k = 1")],
)
def test_unreadable_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileReadError, match=name):
        read_model(tmp_path / name)
    with pytest.raises(FileReadError, match="missing"):
        read_model(tmp_path / f"missing{Path(name).suffix}")


SUBMODELS = """
module drug(target, outside)
  compartment cell; cell = 2;
  species target in cell, outside in cell, free in cell, bound in cell;
  free = 0; bound = 0; k_on = 3; k_off = 1;
  entry: outside => free; cell*outside;
  binding: free + target => bound; cell*(k_on*free*target - k_off*bound);
  occupied := bound/(bound + target);
end
model *whole()
  species calcineurin = 5, medium_A = 7, medium_B = 9;
  A: drug(calcineurin, medium_A);
  B: drug(calcineurin, medium_B);
  A.k_on = 11;
end
"""


def test_names_of_submodels_are_dotted() -> None:
    model = read(SUBMODELS)
    assert {"A.free", "A.bound", "B.free", "B.k_off", "A.k_on", "A.occupied", "calcineurin", "medium_A"} <= {
        *model.names
    }
    assert not [name for name in model.names if "__" in name]
    assert (model.values["A.k_on"], model.values["B.k_on"]) == (11.0, 3.0)
    rules = {r.variable: str(r.formula) for r in model.rules}
    assert rules["A.occupied"] == "divide(A.bound, add(A.bound, calcineurin))"
    binding = next(r for r in model.reactions if r.name == "A.binding")
    assert [ref.species for ref in binding.reactants] == ["A.free", "calcineurin"]
    assert {s.compartment for s in model.species if s.name.startswith("A.")} == {"A.cell"}


INNER = "module sub()\n species S in c; compartment c = 1; S = 1; k = 2\n J: S => ; k*S\nend\n"


def test_a_replaced_inner_element_keeps_its_dotted_name() -> None:
    model = read(INNER + "model *outer()\n A: sub()\n feed: => A.S; 3\nend")
    assert {s.name for s in model.species} == {"A.S"}
    rates = {r.name: str(r.rate) for r in model.reactions}
    assert rates == {"A.J": "multiply(A.k, A.S)", "feed": "3.0"}
    assert model.values["A.S"] == 1.0


@pytest.mark.parametrize("outer", ["model *outer()\n A: sub(); B: sub()\n {}\nend", "A: sub(); B: sub()\n{}"])
def test_values_given_to_a_submodel_arrive(outer: str) -> None:
    model = read(INNER + outer.format("A.k = 5; B.S = 1e-3"))
    assert [model.values[name] for name in ("A.k", "B.k", "A.S", "B.S")] == [5.0, 2.0, 1.0, 1e-3]


@pytest.mark.parametrize("statement", ["A.k = 2*3", "A.k := 5", "A.k' = 1"])
def test_what_cannot_be_given_to_a_submodel_is_refused(statement: str) -> None:
    with pytest.raises(ModelError, match="line 7"):
        read(INNER + f"model *outer()\n A: sub()\n{statement}\nend")
    with pytest.raises(ModelError):
        read(INNER + "module mid()\n A: sub(); A.k = 5\nend\nmodel *outer()\n M: mid()\nend")
    with pytest.raises(LimusError, match="ghost"):
        read(INNER + "model *outer()\n A: sub(); A.ghost = 5\nend")


def test_an_inner_name_in_an_outer_formula_is_refused_not_misread() -> None:
    with pytest.raises(ModelError, match="A_k"):  # libantimony 3.3 cannot write it
        read(INNER + "model *outer()\n A: sub(); y := 2*A.k\nend")


def test_nothing_remains_from_the_load_before() -> None:
    read("function f(x)\n x^2\nend\nmodel m\n k = 3; y := f(k)\nend")
    with pytest.raises(ModelError):
        read("k = 3; y := f(k, 2)")
    assert read("z = 1").values == {"z": 1.0}
    with pytest.raises(ModelError):
        read("model m\n k = (\nend")
    assert read("model m\n q = 1\nend").values == {"q": 1.0}


def test_four_threads_read_at_once() -> None:
    found: dict[int, list[float]] = {i: [] for i in range(4)}
    problems: list[BaseException] = []

    def work(i: int) -> None:
        try:
            for k in range(10):
                text = SUBMODELS.replace("k_off = 1", f"k_off = {100 * i + k}")
                found[i].append(read(text).values["B.k_off"])
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert found == {i: [100.0 * i + k for k in range(10)] for i in range(4)}
