"""Gating-ML 2.0: there and back, documents as the specification prints them, and documents that are wrong."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limus.assay.cytometry.gate.gates import (
    BooleanShape,
    Dimension,
    EllipsoidShape,
    Gate,
    PolygonShape,
    QuadrantShape,
    Ratio,
    RectangleShape,
    apply_gates,
)
from limus.assay.cytometry.gate.gating_ml import SpectrumMatrix
from limus.assay.cytometry.gate.gating_ml_read import read_gating_ml
from limus.assay.cytometry.gate.gating_ml_write import write_gating_ml
from limus.assay.cytometry.gate.scales import Scale
from limus.kernel.errors import FileReadError, LimusError, OutputError, UnsupportedFeatureError

HEAD = (
    '<gating:Gating-ML xmlns:gating="http://www.isac-net.org/std/Gating-ML/v2.0/gating" '
    'xmlns:transforms="http://www.isac-net.org/std/Gating-ML/v2.0/transformations" '
    'xmlns:data-type="http://www.isac-net.org/std/Gating-ML/v2.0/datatypes">'
)
TAIL = "</gating:Gating-ML>"
X = (
    '<gating:dimension gating:compensation-ref="uncompensated"{}><data-type:fcs-dimension data-type:name="X"/>'
    "</gating:dimension>"
)
LOGICLE = Scale("logicle", 262144.0, 4.5, 0.6, 0.1)
x, y = Dimension("X", LOGICLE, "FCS"), Dimension("Y", None, "uncompensated")
ratio = Dimension(Ratio("X", "Y", 1.5, 0.25, -3.0), Scale("log", 10.0, 4.0), "mine", -0.5, 1.5)
DIVIDERS = (("dx", (0.2, 0.5)), ("dy", (100.0,)))
GATES = (
    Gate("cells", RectangleShape((y,), ((0.1 + 0.2, math.inf),)), rule="a rule -- with a dash"),
    Gate("area", PolygonShape((x, y), ((0.1, 0.0), (0.9, 1e-17), (0.5, 1 / 3))), "cells"),
    Gate("spot", EllipsoidShape((x, y), (0.4, 12.0), ((0.01, 0.001), (0.001, 4.0)), 2.25)),
    Gate("part", RectangleShape((ratio, x), ((-math.inf, 0.75), (0.25, 0.5))), "area"),
    Gate("q1", QuadrantShape((x, y), ((0.2, 0.5), (-math.inf, 100.0)), "q", DIVIDERS), "cells"),
    Gate("q2", QuadrantShape((x, y), ((-math.inf, 0.2), (100.0, math.inf)), "q", DIVIDERS), "cells"),
    Gate("q3", QuadrantShape((x,), ((0.5, math.inf),), "q", DIVIDERS[:1]), "cells"),
    Gate("mix", BooleanShape("and", (("area", False), ("spot", True), ("cells", False)))),
    Gate("rest", BooleanShape("not", (("mix", False),)), "cells"),
    *(
        Gate(kind, RectangleShape((Dimension("X", Scale(kind, 1000.0, 4.0, 0.5, 0.1)),), ((0.0, 1.0),)))  # type: ignore[arg-type]
        for kind in ("hyperlog", "asinh")
    ),
)
MATRIX = SpectrumMatrix(("X", "Y"), ("D1", "D2", "D3"), np.array([[1.0, 0.1, 0.02], [0.3, 1.0, 1 / 3]]))


def read(folder: Path, body: str) -> tuple[Gate, ...]:
    path = folder / "document.xml"
    path.write_text(HEAD + body + TAIL, encoding="utf-8")
    return read_gating_ml(path).gates


def test_what_is_written_is_read_to_the_last_digit(tmp_path: Path) -> None:
    found = read_gating_ml(write_gating_ml(tmp_path / "gates.xml", GATES, {"mine": MATRIX}))
    assert {gate.name: gate for gate in found.gates} == {gate.name: gate for gate in GATES}
    matrix = found.matrices["mine"]
    assert (matrix.dyes, matrix.detectors) == (MATRIX.dyes, MATRIX.detectors)
    assert matrix.matrix.tolist() == MATRIX.matrix.tolist()
    assert "a rule - with a dash" in (tmp_path / "gates.xml").read_text()
    again = write_gating_ml(tmp_path / "again.xml", found.gates, found.matrices)
    assert {g.name: g for g in read_gating_ml(again).gates} == {g.name: g for g in GATES}


def test_both_hold_the_same_events(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    columns = {name: random.normal(500, 800, 2000) for name in "XY"}
    found = read_gating_ml(write_gating_ml(tmp_path / "gates.xml", GATES, {"mine": MATRIX})).gates
    before, after = (apply_gates(gates, lambda _: columns, 2000) for gates in (GATES, found))
    for name, mask in before.items():
        assert (mask == after[name]).all()
    assert sum(0 < mask.sum() < 2000 for mask in before.values()) >= 8


def test_a_document_as_the_specification_writes_it(tmp_path: Path) -> None:
    body = (
        '<transforms:transformation transforms:id="Tr_Arcsinh" transforms:boundMin="0" transforms:boundMax="1">'
        '<transforms:fasinh transforms:T="1000" transforms:M="4" transforms:A="1"/></transforms:transformation>'
        '<gating:RectangleGate gating:id="Range1">'
        '<gating:dimension gating:min="0.3" gating:compensation-ref="FCS" gating:transformation-ref="Tr_Arcsinh">'
        '<data-type:fcs-dimension data-type:name="FL1-H"/></gating:dimension></gating:RectangleGate>'
    )
    (gate,) = read(tmp_path, body)
    dimension = Dimension("FL1-H", Scale("asinh", 1000.0, 4.0, 0.5, 1.0), "FCS", 0.0, 1.0)
    assert gate == Gate("Range1", RectangleShape((dimension,), ((0.3, math.inf),)))


def rectangle(inner: str, name: str = "g") -> str:
    return f'<gating:RectangleGate gating:id="{name}">{inner}</gating:RectangleGate>'


WRONG = {
    "no name": rectangle(X.format("")).replace(' gating:id="g"', ""),
    "no dimension": rectangle(""),
    "no channel": rectangle('<gating:dimension gating:compensation-ref="FCS"/>'),
    "a word for a number": rectangle(X.format(' gating:min="low"')),
    "an unknown scale": rectangle(X.format(' gating:transformation-ref="t"')),
    "an unknown parent": rectangle(X.format("")).replace('gating:id="g"', 'gating:id="g" gating:parent_id="p"'),
    "two of one name": rectangle(X.format("")) * 2,
    "a polygon of two": f'<gating:PolygonGate gating:id="g">{X.format("") * 2}'
    + '<gating:vertex><gating:coordinate data-type:value="1"/><gating:coordinate data-type:value="1"/></gating:vertex>'
    * 2
    + "</gating:PolygonGate>",
    "an ellipse without centre": f'<gating:EllipsoidGate gating:id="g">{X.format("") * 2}</gating:EllipsoidGate>',
    "no operator": '<gating:BooleanGate gating:id="g"/>',
    "and of one": '<gating:BooleanGate gating:id="g"><gating:and><gating:gateReference gating:ref="g"/></gating:and>'
    "</gating:BooleanGate>",
    "a divider of words": '<gating:QuadrantGate gating:id="q">'
    + X.format("")
    .replace("gating:dimension", "gating:divider")
    .replace("compensation-ref=", 'id="d" gating:compensation-ref=')
    .replace("/></gating:divider>", "/><gating:value>low</gating:value></gating:divider>")
    + "</gating:QuadrantGate>",
    "a matrix with a gap": '<transforms:spectrumMatrix transforms:id="m"><transforms:fluorochromes>'
    '<data-type:fcs-dimension data-type:name="X"/></transforms:fluorochromes></transforms:spectrumMatrix>',
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_an_error_that_says_so(tmp_path: Path, body: str) -> None:
    with pytest.raises(LimusError) as caught:
        read(tmp_path, body)
    assert caught.value.where
    assert caught.value.allowed


def test_what_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFeatureError, match="splitScale"):
        read(tmp_path, '<transforms:transformation transforms:id="t"><splitScale/></transforms:transformation>')
    with pytest.raises(UnsupportedFeatureError, match="PolytopeGate"):
        read(tmp_path, '<gating:PolytopeGate gating:id="g"/>')


def test_files_that_are_no_documents(tmp_path: Path) -> None:
    path = tmp_path / "gates.xml"
    for content in ("", "<gates/>", HEAD, "\0"):
        path.write_text(content)
        with pytest.raises(FileReadError):
            read_gating_ml(path)
    with pytest.raises(FileReadError):
        read_gating_ml(tmp_path / "absent.xml")
    with pytest.raises(OutputError):
        write_gating_ml(tmp_path / "no" / "gates.xml", GATES)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 10_000), cut=st.integers(0, 40), put=st.text('<>/="abz019.- ', max_size=12))
def test_damaged_documents_are_read_or_refused(tmp_path: Path, place: int, cut: int, put: str) -> None:
    path = write_gating_ml(tmp_path / "gates.xml", GATES, {"mine": MATRIX})
    text = path.read_text()
    place %= len(text)
    path.write_text(text[:place] + put + text[place + cut :])
    try:
        found = read_gating_ml(path)
    except LimusError:
        return
    assert len(found.gates) <= len(GATES)
