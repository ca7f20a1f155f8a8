"""The published observations: words, sources, units recomputed, and what may be fitted."""

from __future__ import annotations

import math

import pytest

from limus.kernel.provenance import load_bibliography
from limus.kernel.tables import Column, Table, library_folder, read_csv
from limus.kernel.units import dimension
from limus.molecule.catalogue import find_compound
from limus.molecule.conversion import convert_for_compound

READOUTS = (
    "il2", "ifn_gamma", "tnf_alpha", "il4", "il5", "gm_csf", "proliferation", "calcineurin", "s6k", "degranulation",
    "impdh",
)  # fmt: skip
STIMULI = ("mlr", "pha", "anti_cd3", "anti_cd3_cd28", "il2", "cona", "pwm", "ige", "a23187", "none", "other")
KINDS = ("measured", "compiled", "assumed")
POTENCY = (
    Column("id"),
    Column("compound"),
    Column("readout", allowed=READOUTS),
    Column("cells"),
    Column("stimulus", allowed=STIMULI),
    Column("metric", allowed=("ic50", "range", "ratio", "level", "effect")),
    Column("relation", allowed=("=", "interval", "<", ">")),
    Column("value_nM", number=True, blank=True),
    Column("lower_nM", number=True, blank=True),
    Column("upper_nM", number=True, blank=True),
    Column("value_printed"),
    Column("unit_printed"),
    Column("kind", allowed=("measured", "compiled", "assumed")),
    Column("source", blank=True),
    Column("conditions"),
    Column("use", allowed=("fit", "check", "excluded")),
    Column("reason"),
)
BINDING = (
    Column("id"),
    Column("ligand"),
    Column("partner"),
    Column("quantity"),
    Column("relation", allowed=("=", "<", ">")),
    Column("value", number=True),
    Column("unit"),
    Column("kind", allowed=KINDS),
    Column("source", blank=True),
    Column("conditions"),
    Column("use", allowed=("constant", "check", "excluded")),
    Column("reason"),
)
FITTED = {
    "P01", "P02", "P03", "P04", "P05", "P06", "P07-il2", "P07-ifn_gamma", "P11", "P13", "P19",
}  # fmt: skip


@pytest.fixture(scope="module")
def potency() -> Table:
    return read_csv(library_folder() / "observations" / "potency.csv", POTENCY)


@pytest.fixture(scope="module")
def binding() -> Table:
    return read_csv(library_folder() / "observations" / "binding.csv", BINDING)


@pytest.mark.parametrize("name", ["potency", "binding"])
def test_ids_are_unique_and_sources_resolve(name: str, request: pytest.FixtureRequest) -> None:
    table: Table = request.getfixturevalue(name)
    references = load_bibliography(library_folder() / "references.bib")
    assert len(set(table["id"])) == len(table) > 30
    for row in table.rows():
        keys = [key for key in row["source"].split(";") if key]
        assert (row["kind"] == "assumed") == (not keys), row["id"]
        assert set(keys) <= set(references), row["id"]


def test_every_fitted_row_is_measured_with_a_source(potency: Table) -> None:
    fitted = [row for row in potency.rows() if row["use"] == "fit"]
    assert {row["id"] for row in fitted} == FITTED
    for row in fitted:
        assert row["kind"] == "measured"
        assert row["source"]
        assert row["metric"] in ("ic50", "range")
        assert row["compound"] in ("tacrolimus", "ciclosporin", "sirolimus")


def test_rows_say_what_was_not_read(potency: Table) -> None:
    assert all("cell density, serum, hours not read in the source" in row["conditions"] for row in potency.rows())


def test_values_agree_with_relation(potency: Table) -> None:
    for row in potency.rows():
        if row["relation"] == "interval":
            assert math.isnan(row["value_nM"]), row["id"]
            assert row["metric"] == "ratio" or row["lower_nM"] < row["upper_nM"], row["id"]
        else:
            assert math.isnan(row["lower_nM"]), row["id"]
            assert row["metric"] == "effect" or row["value_nM"] > 0, row["id"]


@pytest.mark.parametrize(
    ("id_", "column", "printed", "unit"),
    [
        ("P07-il2", "lower_nM", 0.02, "ng/mL"),
        ("P07-il2", "upper_nM", 0.11, "ng/mL"),
        ("P11", "value_nM", 10, "ng/mL"),
        ("P13", "lower_nM", 10, "ug/L"),
        ("P13", "upper_nM", 20, "ug/L"),
        ("P15", "lower_nM", 517, "ug/L"),
        ("P16", "upper_nM", 2285, "ug/L"),
    ],
)
def test_mass_concentrations_are_converted(potency: Table, id_: str, column: str, printed: float, unit: str) -> None:
    row = next(row for row in potency.rows() if row["id"] == id_)
    assert f"{printed:g}" in row["value_printed"]
    expected = convert_for_compound(printed, unit, "nM", find_compound(row["compound"]))
    assert row[column] == pytest.approx(expected, rel=5e-4)


def test_every_compound_of_potency_is_in_the_library(potency: Table) -> None:
    assert {find_compound(name).name for name in potency["compound"]} == set(potency["compound"])


def test_binding_constants_equal_those_of_the_compounds(binding: Table) -> None:
    rows = {row["id"]: row for row in binding.rows()}
    for id_, name, constant in (
        ("B01", "tacrolimus", "fkbp12_dissociation_constant"),
        ("B02", "sirolimus", "fkbp12_dissociation_constant"),
        ("B03", "sirolimus", "target_dissociation_constant_without_immunophilin"),
        ("B04", "sirolimus", "complex_target_dissociation_constant"),
        ("B05", "sirolimus", "complex_target_association_rate"),
        ("B06", "sirolimus", "complex_target_dissociation_rate"),
        ("B07", "ciclosporin", "cyclophilin_a_dissociation_constant"),
        ("B11", "ciclosporin", "complex_calcineurin_ic50"),
        ("B26", "everolimus", "fkbp12_ic50"),
    ):
        sourced = find_compound(name).constant(constant).value
        row = rows[id_]
        assert (row["value"], row["unit"], row["kind"]) == (sourced.value, sourced.unit, sourced.kind), id_
        assert tuple(key for key in [row["source"]] if key) == sourced.source, id_


def test_binding_units_parse_and_constants_are_measured(binding: Table) -> None:
    for row in binding.rows():
        assert dimension(row["unit"])
        if row["use"] == "constant":
            assert row["kind"] == "measured"


def test_bibliography_is_ascii_and_every_reference_is_used() -> None:
    path = library_folder() / "references.bib"
    assert path.read_bytes().isascii()
    package = library_folder().parent
    files = [file for file in library_folder().rglob("*") if file.is_file() and file != path]
    files += [*package.rglob("*.py"), *(package.parents[1] / "docs").glob("*.md")]
    used = "\n".join(file.read_text(encoding="utf-8") for file in files)
    assert [key for key in load_bibliography(path) if key not in used] == []
