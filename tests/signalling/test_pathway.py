from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import pytest

from limus.kernel.errors import ModelError, UnknownNameError
from limus.kernel.language import Expression, Number, Symbol, apply, read_model_text, substitute
from limus.report.diagram import (
    PathwayCompartment,
    PathwayEdge,
    PathwayGraph,
    PathwayNode,
    check_layout,
    draw_pathway,
)
from limus.signalling.diagram_file import EdgeEntry
from limus.signalling.influence import InfluenceGraph, SamplePoint, effect, influence_graph, sample_points
from limus.signalling.model_library import load_model
from limus.signalling.pathway import (
    PathwayLayout,
    diagram_influences,
    influences_not_drawn,
    load_diagram,
    pathway_graph,
)
from limus.signalling.sourced_model import SourcedModel

SIX = ("tacrolimus", "ascomycin", "pimecrolimus", "ciclosporin", "sirolimus", "everolimus")
DRUG_SETS = (("tacrolimus", "ciclosporin", "sirolimus"), SIX, ("tacrolimus",), ("pimecrolimus", "everolimus"))


@pytest.fixture(scope="module")
def model() -> SourcedModel:
    return load_model("t_cell")


@pytest.fixture(scope="module")
def graph(model: SourcedModel) -> InfluenceGraph:
    return diagram_influences(model)


def signs(layout: PathwayLayout) -> dict[tuple[str, str], int]:
    return {(edge.source, edge.target): edge.sign for edge in layout.edges}


def reachable(graph: InfluenceGraph, source: str, closed: Sequence[str] = ()) -> set[str]:
    found, waiting = {source}, [source]
    while waiting:
        new = set(graph.targets(waiting.pop())) - found - set(closed)
        found |= new
        waiting += new
    return found


def changed_rule(model: SourcedModel, variable: str, name: str, by: Expression) -> SourcedModel:
    """A copy of the model in which an expression takes the place of a name in one rule."""
    rules = tuple(
        replace(r, formula=substitute(r.formula, {name: by})) if r.variable == variable else r
        for r in model.model.rules
    )
    return replace(model, model=replace(model.model, rules=rules))


def one_minus(name: str) -> Expression:
    return apply("add", Number(1.0), apply("negate", Symbol(name)))


SMALL = """
model small()
  compartment cell; cell = 1;
  species A in cell, B in cell, C in cell; A = 2; B = 0; C = 1;
  k = 1;
  make: A => B; cell*k*A;
  lose: C => ; cell*k*C*level;
  level := 1 + A - B;
  var D; D = 1; D' = (C - 1)^2*A - D;
end
"""


def small_graph() -> InfluenceGraph:
    small = read_model_text(SMALL, language="antimony")
    return influence_graph(small, sample_points(small, [{}, {"C": 3.0}], [0.0, 0.1], points=3, seed=1))


def test_direct_influences_of_a_model_that_can_be_checked_by_hand() -> None:
    graph = small_graph()
    assert dict(graph.signs) == {
        ("A", "B"): 1,
        ("A", "level"): 1,
        ("B", "level"): -1,
        ("level", "C"): -1,
        ("C", "D"): "mixed",
        ("A", "D"): 1,
    }
    assert graph.conversions == {("A", "B")}
    assert graph.sign("D", "A") == 0


def test_effects_follow_hidden_names_only_and_paths_must_agree() -> None:
    graph = small_graph()
    assert effect(graph, "A", "C", ["level"]) == -1
    assert effect(graph, "B", "C", ["level"]) == 1
    assert effect(graph, "A", "C", []) == 0
    assert effect(graph, ["A", "B"], "C", ["level"]) == "mixed"
    assert effect(graph, "level", "D", ["C"]) == "mixed"
    with pytest.raises(UnknownNameError, match="level"):
        effect(graph, "levle", "C", [])


def test_samples_are_seeded_consistent_and_never_above_the_simulated_state() -> None:
    small = read_model_text(SMALL, language="antimony")

    def take(seed: int) -> tuple[SamplePoint, ...]:
        return sample_points(small, [{}], [1.0], points=5, seed=seed)

    first, *rest = take(1)
    assert [dict(point.values) for point in (first, *rest)] == [dict(point.values) for point in take(1)]
    assert dict(rest[0].values) != dict(take(2)[1].values)
    for point in rest:
        assert all(0.1 <= point.values[name] / first.values[name] <= 1.0 for name in ("A", "B", "C", "D"))
        assert point.values["level"] == pytest.approx(1 + point.values["A"] - point.values["B"])


def test_the_drawn_signs_are_those_of_the_mechanism(model: SourcedModel) -> None:
    found = signs(pathway_graph(model, SIX))
    for drug in ("tacrolimus", "ascomycin", "pimecrolimus", "ciclosporin"):
        assert found[f"{drug}_complex", "calcineurin"] == -1
        assert (f"{drug}_complex", "mtorc1") not in found
    for drug in ("sirolimus", "everolimus"):
        assert found[f"{drug}_complex", "mtorc1"] == -1
        assert (f"{drug}_complex", "calcineurin") not in found
    assert found["tacrolimus", "tacrolimus_complex"] == found["fkbp12", "tacrolimus_complex"] == 0
    assert found["cyclophilin_a", "ciclosporin_complex"] == 0
    assert found["nfat", "nfat_nuclear"] == found["nfat_nuclear", "nfat_phosphorylated"] == 0
    assert found["calcineurin", "nfat"] == 1
    assert found["nfat_nuclear", "il2_mrna"] == found["il2_mrna", "il2"] == found["il2", "il2_receptor"] == 1
    assert found["akt", "mtorc1"] == found["mtorc1", "s6k"] == 1
    assert found["mtorc1", "ebp1"] == -1
    assert found["ebp1", "eif4e"] == -1
    assert found["eif4e", "proliferation"] == found["s6k", "proliferation"] == 1
    assert found["calcineurin", "commitment"] == found["commitment", "growth_signal"] == 1
    assert found["il2_receptor", "growth_signal"] == found["cd28", "growth_signal"] == 1
    assert found["cd28", "commitment"] == found["nfat_nuclear", "il2_receptor"] == found["proliferation", "il2"] == 1
    assert found["growth_signal", "proliferation"] == 1
    assert {found["tcr", name] for name in ("il2_mrna", "commitment", "growth_signal", "akt", "il2_receptor")} == {1}


def test_each_complex_reaches_the_other_drugs_target_through_fkbp12_only(graph: InfluenceGraph) -> None:
    calcineurin = {"calcineurin", "calcineurin_free_fraction", "calcineurin_activity"}
    nfat = {"nfat.NFAT_2P", "nfat.NFAT_1P", "nfat.NFAT", "nfat.NFAT_nuclear", "nfat.nuclear_fraction"}
    mtorc1 = {"mTORC1", "mtor.free_fraction", "mtor.drive_to_S6K"}
    sirolimus = reachable(graph, "sirolimus.complex", closed=["FKBP12"])
    assert mtorc1 < sirolimus
    assert not sirolimus & (calcineurin | nfat)
    assert calcineurin | nfat < reachable(graph, "sirolimus.complex")  # competition for FKBP12
    tacrolimus = reachable(graph, "tacrolimus.complex", closed=["FKBP12"])
    assert calcineurin | nfat < tacrolimus
    assert not tacrolimus & {"mTORC1", "mtor.free_fraction"}  # its activity follows IL-2 through Akt


def test_only_what_makes_and_uses_up_the_same_changes_its_sign_over_the_samples(graph: InfluenceGraph) -> None:
    # cells make and take up interleukin-2; calcineurin makes NFAT with one group of phosphates and uses it up
    mixed = {pair for pair, sign in graph.signs.items() if sign == "mixed"}
    assert ("calcineurin_activity", "nfat.NFAT_1P") in mixed
    assert mixed <= {("calcineurin_activity", "nfat.NFAT_1P"), ("responders", "IL2")}


@pytest.mark.parametrize(
    ("pair", "variable", "name"),
    [
        (("nfat_nuclear", "il2_mrna"), "il2_by_nfat", "nfat.nuclear_fraction"),
        (("ebp1", "eif4e"), "mtor.eif4e_available", "mtor.EBP1"),
        (("mtorc1", "s6k"), "mtor.S6K", "mtor.drive_to_S6K"),
    ],
)
def test_turning_a_rate_round_turns_the_drawn_edge(
    model: SourcedModel, pair: tuple[str, str], variable: str, name: str
) -> None:
    before = signs(pathway_graph(model, []))
    after = signs(pathway_graph(changed_rule(model, variable, name, one_minus(name)), []))
    assert after[pair] == -before[pair] != 0
    assert {p for p in before if before[p] != after[p]} == {pair}


def test_a_drug_complex_that_gave_its_target_free_would_be_drawn_activating(model: SourcedModel) -> None:
    reactions = tuple(
        replace(r, rate=apply("negate", r.rate)) if r.name == "sirolimus.inhibition" else r
        for r in model.model.reactions
    )
    wrong = replace(model, model=replace(model.model, reactions=reactions))
    early = load_diagram("t_cell")  # the nonsense need not be solved over a day
    sampling = early.sampling.model_copy(update={"hours": [3e-3], "drug_nM": [1.0]})
    found = signs(pathway_graph(wrong, ["sirolimus"], early.model_copy(update={"sampling": sampling})))
    assert found["sirolimus_complex", "mtorc1"] == 1


def test_a_pair_without_influence_is_refused_by_name(model: SourcedModel) -> None:
    diagram = load_diagram("t_cell")
    wrong = diagram.model_copy(update={"edge": [*diagram.edge, EdgeEntry(source="sirolimus_complex", target="nfat")]})
    with pytest.raises(ModelError, match="sirolimus_complex to nfat") as caught:
        pathway_graph(model, ["sirolimus"], wrong)
    assert "no influence" in caught.value.got
    assert pathway_graph(model, ["tacrolimus"], wrong)  # the pair is not shown


def test_an_influence_that_the_model_loses_is_refused(model: SourcedModel) -> None:
    without = changed_rule(model, "mtor.S6K", "mtor.drive_to_S6K", Number(1.0))
    with pytest.raises(ModelError, match="mtorc1 to s6k"):
        pathway_graph(without, [])


def test_a_changing_sign_is_refused(model: SourcedModel) -> None:
    # the nuclear share of NFAT falls short of 0.05 under the drugs and exceeds it without
    off = apply("add", Symbol("nfat.nuclear_fraction"), Number(-0.05))
    with pytest.raises(ModelError, match=r"nfat_nuclear to il2_mrna.*changes its sign"):
        pathway_graph(changed_rule(model, "il2_by_nfat", "nfat.nuclear_fraction", apply("multiply", off, off)), [])


def test_what_is_not_drawn_is_known(model: SourcedModel) -> None:
    # NFAT loses two groups of phosphates one after the other; under a phorbol ester IL-2 needs mTORC1
    assert influences_not_drawn(model, SIX) == (
        ("calcineurin", "nfat_phosphorylated", "mixed"),
        ("mtorc1", "il2_mrna", 1),
    )


def test_unknown_drugs_and_unknown_names_are_refused(model: SourcedModel) -> None:
    with pytest.raises(UnknownNameError, match="did you mean tacrolimus"):
        pathway_graph(model, ["tacrolimos"])
    diagram = load_diagram("t_cell")
    nodes = [n.model_copy(update={"stands_for": ["S6K1"]}) if n.id == "s6k" else n for n in diagram.node]
    with pytest.raises(UnknownNameError, match="node s6k"):
        pathway_graph(model, [], diagram.model_copy(update={"node": nodes}))


@pytest.mark.parametrize("drugs", DRUG_SETS, ids="+".join)
def test_the_picture_is_clean_and_shows_the_asked_drugs_only(model: SourcedModel, drugs: tuple[str, ...]) -> None:
    layout = pathway_graph(model, drugs)
    assert {node.id for node in layout.nodes if node.kind == "drug"} == set(drugs)
    assert {node.id for node in layout.nodes if node.kind == "complex"} == {f"{drug}_complex" for drug in drugs}
    shown = {node.id for node in layout.nodes}
    assert ("cyclophilin_a" in shown) == ("ciclosporin" in drugs)
    assert ("fkbp12" in shown) == bool(set(drugs) - {"ciclosporin"})
    drawn = PathwayGraph.create(
        layout.title,
        [PathwayNode(**asdict(node)) for node in layout.nodes],
        [PathwayEdge(**asdict(edge)) for edge in layout.edges],
        [PathwayCompartment(**asdict(box)) for box in layout.compartments],
    )
    assert check_layout(drawn) == ()
    svg = draw_pathway(drawn).svg
    assert float(svg.split('width="')[1].split('"')[0]) <= 820
    assert layout == pathway_graph(model, tuple(reversed(drugs)))


def test_the_file_holds_no_sign() -> None:
    assert set(EdgeEntry.model_fields) == {"source", "target", "waypoints"}
