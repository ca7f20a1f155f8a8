"""DOT blocks of texts: found, repaired with a report, refused where names do not match, compared with the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from limus.evidence.dot import DotGraph, compare_with_model, find_blocks, read_graph
from limus.kernel.errors import FileReadError, RefusedError
from limus.workflows import diagram_import

BROKEN = """Prose before.

```
graph "Two_Steps" { rankdir=TB; node [shape=box];
```

```
// Node styles "First Drug" [shape=diamond]; "Drug-
Target Complex" [fillcolor="#fff"]; "Trans-
location" [label="moves"];
// a plain remark without statements
// Edges "First Drug" -> "Drug-Target
Complex" [label="Binds to"]; "Drug-Target Complex" -> "Translocation" [label="Inhibits"]; }
```
"""


def only(text: str) -> DotGraph:
    blocks = find_blocks(text)
    assert len(blocks) == 1
    return read_graph(blocks[0])


def test_what_no_graphviz_accepts_is_repaired_and_each_repair_reported() -> None:
    graph = only(BROKEN)
    assert graph.directed
    assert [node.id for node in graph.nodes] == ["First Drug", "Drug-Target Complex", "Translocation"]
    assert [(e.source, e.target, e.sign) for e in graph.edges] == [
        ("First Drug", "Drug-Target Complex", 0),
        ("Drug-Target Complex", "Translocation", -1),
    ]
    kinds = [(repair.kind, repair.line) for repair in graph.repairs]
    assert kinds == [
        ("directed", 4),
        ("joined-blocks", 4),
        ("swallowed-statements", 8),
        ("joined-name", 8),
        ("joined-name", 9),
        ("swallowed-statements", 12),
        ("joined-name", 12),
    ]
    assert graph.nodes[0].attributes == {"shape": "diamond"}
    assert graph.nodes[2].label == "moves"


def test_good_dot_needs_no_repair() -> None:
    graph = only(
        'strict digraph g { /* c */ a -> b -> {c; d} [label="x"]; subgraph s { e; } a:p -> e; k = v // end\n }'
    )
    assert graph.repairs == ()
    assert {(e.source, e.target) for e in graph.edges} == {("a", "b"), ("b", "c"), ("b", "d"), ("a", "e")}
    undirected = only("graph { a -- b }")
    assert not undirected.directed
    assert undirected.repairs == ()


def test_a_commented_edge_of_good_dot_stays_a_comment_and_is_said() -> None:
    graph = only('digraph { a -> b; // not "c" -> d;\n }')
    assert [(edge.source, edge.target) for edge in graph.edges] == [("a", "b")]
    assert [repair.kind for repair in graph.repairs] == ["left-out-comment"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("digraph g { a -> b; ", "closed-brace"),
        ("digraph g { a -- b; }", "undirected"),
        ("digraph g { \N{LEFT DOUBLE QUOTATION MARK}a\N{RIGHT DOUBLE QUOTATION MARK} -&gt; b }", "spelling"),
        ('digraph g { "NFAT-P"; "IL-2"; "nfat p" -> "IL-2" }', "matched-name"),
    ],
)
def test_other_repairs(text: str, kind: str) -> None:
    graph = only(text)
    assert kind in {repair.kind for repair in graph.repairs}
    assert len(graph.nodes) == 2
    assert len(graph.edges) == 1


def test_names_that_cannot_be_matched_are_refused() -> None:
    with pytest.raises(RefusedError, match="Calcineurine") as caught:
        only('digraph g { "Calcineurin"; "NFAT"; "FKBP12"; "Calcineurine" -> "NFAT"; "FKBP12" -> "NFAT" }')
    assert "Calcineurin" in caught.value.allowed


def test_a_name_lost_in_a_damaged_text_is_refused_and_in_good_dot_it_is_a_node() -> None:
    good = 'digraph g { "Calcineurin"; "NFAT"; "FKBP12" -> "NFAT"; "Calcineurin" -> "NFAT" }'
    assert len(only(good).nodes) == 3
    with pytest.raises(RefusedError, match="FKBP12"):
        only(good.replace('"NFAT";', '"NFAT"; "Broken\nname" -> "NFAT"; "Broken name";'))


def test_what_is_not_dot_is_an_error_with_its_line() -> None:
    with pytest.raises(FileReadError, match="line 3"):
        only("\n\ndigraph g { a -> ; }")
    assert find_blocks("The graph {x} of a function") == () or find_blocks("nothing here") == ()


def seed_graphs(reference_data: Path) -> list[DotGraph]:
    found = sorted((reference_data.parents[1] / "seeds").glob("004_*.txt"))
    if not found:
        pytest.skip("no seed documents")
    return [read_graph(block) for block in find_blocks(found[0].read_text(encoding="utf-8"))]


def test_the_diagrams_of_the_seed_have_every_node_and_edge(reference_data: Path) -> None:
    graphs = seed_graphs(reference_data)
    # counted by hand in the text
    assert [(len(graph.nodes), len(graph.edges)) for graph in graphs] == [(11, 10), (9, 9), (10, 11)]
    assert all(node.declared for graph in graphs for node in graph.nodes)
    assert {"Sirolimus-FKBP-12 Complex", "mTOR Inhibitor (Sirolimus)"} <= {node.id for node in graphs[1].nodes}
    assert {"Arm B: Everolimus-Based Regimen", "Follow-up Visits (Months 0-24)"} <= {n.id for n in graphs[2].nodes}


def test_the_wrong_sign_of_4e_bp1_is_found(reference_data: Path) -> None:
    tacrolimus, mtor, workflow = (compare_with_model(graph) for graph in seed_graphs(reference_data))
    wrong = [one for one in (*tacrolimus, *mtor) if one.verdict == "wrong sign"]
    assert [(one.source, one.target, one.model) for one in wrong] == [
        ("4E-BP1", "Cell Proliferation & Survival", "inhibits")
    ]
    assert wrong[0].through == ("eIF4E",)
    assert workflow == ()
    assert not [one for one in (*tacrolimus, *mtor) if one.verdict == "missing"]


def test_a_missing_and_an_extra_edge_are_found() -> None:
    text = """digraph g { "Tacrolimus"; "FKBP-12"; "Tacrolimus-FKBP-12 Complex"; "Calcineurin"; "NFAT"; "IL-2";
    "Tacrolimus" -> "FKBP-12" [label="Binds to"]; "FKBP-12" -> "Tacrolimus-FKBP-12 Complex";
    "IL-2" -> "Tacrolimus" [label="Activates"]; "Calcineurin" -> "NFAT" [label="Inhibits"]; }"""
    found = {(one.source, one.target): one.verdict for one in compare_with_model(only(text))}
    assert found["Calcineurin", "NFAT"] == "wrong sign"
    assert found["IL-2", "Tacrolimus"] == "not in the model"
    assert "missing" in found.values()
    missing = [one for one in compare_with_model(only(text)) if one.verdict == "missing"]
    assert any(one.target == "calcineurin" and one.model == "inhibits" for one in missing)


def test_edges_of_both_kinds_are_all_read_as_arrows_and_that_is_said() -> None:
    graph = only('digraph { a -> b; b -- c; d [label="x -- y"]; d -> a }')
    assert [(edge.source, edge.target) for edge in graph.edges] == [("a", "b"), ("b", "c"), ("d", "a")]
    assert [repair.kind for repair in graph.repairs] == ["mixed-edges"]
    assert next(node for node in graph.nodes if node.id == "d").label == "x -- y"


def test_a_bare_name_divided_at_the_end_of_a_line_is_joined() -> None:
    graph = only("digraph {\n Kinase; Prolif-\neration;\n Kinase -> Prolif-\n  eration;\n}")
    assert [(edge.source, edge.target) for edge in graph.edges] == [("Kinase", "Proliferation")]
    assert [(repair.kind, repair.line) for repair in graph.repairs] == [("joined-name", 2), ("joined-name", 4)]


def test_a_model_that_cannot_be_read_does_not_stop_the_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise FileReadError("fit.csv", "stale", "a fit", "calibrate")

    monkeypatch.setattr(diagram_import, "compare_with_model", fail)
    file = tmp_path / "own.txt"
    file.write_text("digraph { a -> b }", encoding="utf-8")
    found = diagram_import.run(diagram_import.DiagramImportRequest(file=str(file))).as_dict()
    assert "fit.csv" in found["graphs"][0]["not_compared"]
    assert len(found["graphs"][0]["edges"]) == 1
