"""The T-cell model does what the mechanism says, for the right reason, and every number in it has an origin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import RefusedError, UnknownNameError, ValueRangeError
from limus.kernel.provenance import Kind, load_bibliography
from limus.kernel.tables import library_folder
from limus.signalling.accepted_fit import fit_is_current
from limus.signalling.culture import Culture, check_culture, drugs_of, run_culture, run_responses
from limus.signalling.model_library import load_model
from limus.signalling.potency import concentration_grid, summarise_curve
from limus.signalling.protocol import find_cell_type, find_protocol, load_protocols
from limus.signalling.sourced_model import SourcedModel, check_sourced_model, draw_fitted

GRID = concentration_grid(1e-4, 1e4, 4)


@pytest.fixture(scope="module")
def model() -> SourcedModel:
    return load_model("t_cell")


def ic50(model: SourcedModel, drug: str, readout: str, stimulus: str, **changes: object) -> float:
    culture = replace(Culture.usual(find_protocol(stimulus), readout), **changes)
    answer = run_responses(model, culture, drug, GRID, {readout: culture.hours})
    return summarise_curve(GRID, answer.percent[readout][0]).ic50_absolute_nM


def with_parameter(model: SourcedModel, name: str, value: float) -> SourcedModel:
    return replace(model, model=model.model.with_values({name: value}))


def at_end(
    model: SourcedModel, stimulus: str, hours: float, levels: dict[str, float], symbols: list[str]
) -> np.ndarray:
    culture = replace(Culture.usual(find_protocol(stimulus), "il2"), hours=hours)
    doses = {drug: np.array([level]) for drug, level in levels.items()}
    return run_culture(model, culture, doses, symbols, [0.0, hours]).values[0, -1]


def test_every_check_on_the_model_is_silent(model: SourcedModel) -> None:
    assert check_sourced_model(model) == ()


def test_the_accepted_fit_belongs_to_the_model_and_data_as_they_are(model: SourcedModel) -> None:
    assert fit_is_current(model), "run `limus calibrate --accept`"


def test_a_fit_is_stale_when_a_constant_changes(model: SourcedModel) -> None:
    assert not fit_is_current(replace(model, content_hash="0" * 64))


def test_every_parameter_has_a_source_or_is_marked(model: SourcedModel) -> None:
    bibliography = load_bibliography(library_folder() / "references.bib")
    for parameter in model.parameters.values():
        keys = parameter.sourced.source
        assert keys or parameter.sourced.kind in {Kind.ASSUMED, Kind.FITTED}, parameter.name
        assert set(keys) <= set(bibliography), parameter.name
    assert set(model.papers) <= set(bibliography)


def test_sirolimus_leaves_calcineurin_and_nfat_alone_and_silences_s6k(model: SourcedModel) -> None:
    symbols = ["calcineurin_free_fraction", "nfat.nuclear_fraction", "IL2", "mtor.S6K"]
    without = at_end(model, "anti_cd3_cd28", 24.0, {"sirolimus": 0.0}, symbols)
    under = at_end(model, "anti_cd3_cd28", 24.0, {"sirolimus": 100.0}, symbols)
    np.testing.assert_allclose(under[:2], without[:2], rtol=1e-5)
    assert 0.8 * without[2] < under[2] <= without[2]  # IL-2 falls only as far as fewer cells divide and make it
    assert under[3] < 0.05 * without[3]


def test_sirolimus_silences_s6k_fully_and_4ebp1_only_in_part(model: SourcedModel) -> None:
    symbols = ["mtor.S6K", "mtor.EBP1", "mtor.eif4e_available", "mtor.mTORC2"]
    s6k, ebp1, eif4e, mtorc2 = at_end(model, "il2", 48.0, {"sirolimus": 100.0}, symbols) / at_end(
        model, "il2", 48.0, {"sirolimus": 0.0}, symbols
    )
    assert s6k < 0.05
    assert 0.2 < ebp1 < 0.8
    assert eif4e < 1.0  # less phosphorylated 4E-BP1 is more repression
    early = at_end(model, "il2", 1.0, {"sirolimus": 100.0}, ["mtor.mTORC2"])[0]
    assert mtorc2 < early  # mTORC2 is lost slowly


def test_tacrolimus_leaves_mtorc1_alone(model: SourcedModel) -> None:
    assert at_end(model, "anti_cd3_cd28", 24.0, {"tacrolimus": 100.0}, ["mtor.free_fraction"])[0] == pytest.approx(1.0)


def test_tacrolimus_is_more_potent_than_ciclosporin_because_it_binds_its_immunophilin_more_tightly(
    model: SourcedModel,
) -> None:
    tacrolimus = ic50(model, "tacrolimus", "proliferation", "mlr")
    assert tacrolimus < ic50(model, "ciclosporin", "proliferation", "mlr") / 10
    loose = with_parameter(model, "tacrolimus.dissociation_constant", 36.8)
    assert ic50(loose, "tacrolimus", "proliferation", "mlr") > 10 * tacrolimus


def test_tacrolimus_antagonises_sirolimus_by_taking_fkbp12(model: SourcedModel) -> None:
    symbols = ["mtor.S6K"]
    alone = at_end(model, "il2", 6.0, {"sirolimus": 0.3, "tacrolimus": 0.0}, symbols)[0]
    both = at_end(model, "il2", 6.0, {"sirolimus": 0.3, "tacrolimus": 1000.0}, symbols)[0]
    none = at_end(model, "il2", 6.0, {"sirolimus": 0.0, "tacrolimus": 0.0}, symbols)[0]
    assert alone < 0.7 * none
    assert both > 1.2 * alone


def test_more_cells_or_more_serum_need_more_drug(model: SourcedModel) -> None:
    usual = ic50(model, "tacrolimus", "il2", "pha")
    assert ic50(model, "tacrolimus", "il2", "pha", cells_per_ml=1e7) > 2 * usual
    assert ic50(model, "tacrolimus", "il2", "pha", serum_percent=100.0) > 2 * usual


def test_a_lectin_makes_proliferation_harder_to_stop(model: SourcedModel) -> None:
    assert ic50(model, "tacrolimus", "proliferation", "pha") > 3 * ic50(model, "tacrolimus", "il2", "pha")


def test_declared_groups_are_conserved_in_simulation(model: SourcedModel) -> None:
    volumes = {c.name: at_end(model, "pha", 24.0, {"tacrolimus": 0.0}, [c.name])[0] for c in model.model.compartments}
    home = {s.name: s.compartment for s in model.model.species}
    culture = Culture.usual(find_protocol("pha"), "il2")
    doses = {drug: np.array([3.0]) for drug in drugs_of(model)}
    names = sorted({name for members in model.conserved.values() for name in members})
    result = run_culture(model, culture, doses, names, [0.0, 1.0, 24.0])
    for members in model.conserved.values():
        total = sum(result.output(name)[0] * volumes[home[name]] for name in members)
        np.testing.assert_allclose(total, total[0], rtol=1e-6)


def test_drug_in_medium_and_cells_is_conserved(model: SourcedModel) -> None:
    symbols = ["tacrolimus.medium", "tacrolimus.total_in_cells", "medium", "cytosol"]
    before = at_end(model, "pha", 1e-9, {"tacrolimus": 1.0}, symbols)
    after = at_end(model, "pha", 24.0, {"tacrolimus": 1.0}, symbols)
    amounts = [x[0] * x[2] + x[1] * x[3] for x in (before, after)]
    assert amounts[1] == pytest.approx(amounts[0], rel=1e-6)
    assert after[1] > 10 * after[0]  # retained by FKBP12


def test_without_a_stimulus_the_cell_rests(model: SourcedModel) -> None:
    il2, s6k = at_end(model, "none", 48.0, {"tacrolimus": 0.0}, ["IL2", "mtor.S6K"])
    stimulated = at_end(model, "anti_cd3_cd28", 48.0, {"tacrolimus": 0.0}, ["IL2", "mtor.S6K"])
    assert il2 < 0.01 * stimulated[0]
    assert s6k < 0.2 * stimulated[1]  # a trace of IL-2 is made at resting calcium


def test_a_drug_added_before_the_stimulus_is_at_least_as_potent(model: SourcedModel) -> None:
    assert ic50(model, "tacrolimus", "il2", "pha", add_at_hours=-2.0) <= 1.01 * ic50(model, "tacrolimus", "il2", "pha")
    late = ic50(model, "tacrolimus", "il2", "pha", add_at_hours=6.0)
    assert late > ic50(model, "tacrolimus", "il2", "pha")


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"hours": 500.0}, RefusedError, "hours: got '500 h'"),
        ({"cells_per_ml": 1e9}, RefusedError, "density"),
        ({"serum_percent": -1.0}, RefusedError, "serum"),
        ({"hours": 0.0}, ValueRangeError, "hours"),
        ({"add_at_hours": 30.0}, ValueRangeError, "add-at"),
    ],
)
def test_cultures_outside_the_validity_domain_are_refused(
    model: SourcedModel, changes: dict[str, float], error: type[Exception], words: str
) -> None:
    culture = replace(Culture.usual(find_protocol("pha"), "il2"), **changes)
    with pytest.raises(error, match=words):
        check_culture(model, culture, ["tacrolimus"], 1.0)


def test_unknown_names_are_errors_with_near_names(model: SourcedModel) -> None:
    with pytest.raises(UnknownNameError, match="did you mean mlr"):
        find_protocol("mrl")
    with pytest.raises(UnknownNameError, match="did you mean il2"):
        model.readout("il-2")
    with pytest.raises(RefusedError, match="abt-281"):
        check_culture(model, Culture.usual(find_protocol("pha"), "il2"), ["abt-281"], 1.0)
    with pytest.raises(UnknownNameError, match="t_cell"):
        load_model("tcell")


def test_draws_come_from_the_fit_and_followers_follow(model: SourcedModel) -> None:
    sets = draw_fitted(model, 200, seed=3)
    name = "tacrolimus.complex_dissociation_constant"
    assert np.array_equal(sets[name], sets["ascomycin.complex_dissociation_constant"])
    assert sets[name][0] == pytest.approx(model.parameters[name].value)
    spread = np.log10(sets["fkbp12_total"][1:]).std()
    assert spread == pytest.approx(model.parameters["fkbp12_total"].log10_standard_error, rel=0.2)
    assert np.array_equal(sets[name], draw_fitted(model, 200, seed=3)[name])


def test_strength_costimulation_and_cell_type_are_inputs(model: SourcedModel) -> None:
    usual = ic50(model, "tacrolimus", "il2", "anti_cd3_cd28")
    # more calcium leaves more calcineurin to spare; costimulation lowers the NFAT that is needed
    assert ic50(model, "tacrolimus", "il2", "anti_cd3_cd28", overrides={"stimulus_strength": 0.3}) < usual
    assert ic50(model, "tacrolimus", "il2", "anti_cd3_cd28", overrides={"costimulation": 0.0}) < usual
    larger = dict(find_cell_type("t_cell_line").settings)
    assert ic50(model, "tacrolimus", "il2", "anti_cd3_cd28", overrides=larger) > 1.2 * usual
    with pytest.raises(UnknownNameError, match="pbmc"):
        find_cell_type("pmbc")


def test_every_protocol_has_what_a_culture_needs() -> None:
    for protocol in load_protocols().values():
        assert {"cells_per_ml", "serum_percent", "stimulus_strength"} <= set(protocol.settings)
        assert protocol.hours_for("proliferation") > 0
