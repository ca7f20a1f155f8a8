"""Every shipped compound file passes every check, and every check finds what it is there to find."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import replace
from types import MappingProxyType

import pytest

from limus.kernel.checks import run_checks
from limus.kernel.errors import FileReadError
from limus.kernel.provenance import Kind
from limus.kernel.tables import library_folder
from limus.molecule.compound import Compound
from limus.molecule.compound_checks import (
    COMPOUND_CHECKS,
    CompoundLibrary,
    formula_mass_g_per_mol,
    load_atomic_weights,
    load_library,
)


@pytest.fixture(scope="module")
def library() -> CompoundLibrary:
    return load_library()


def _with(library: CompoundLibrary, compound: Compound) -> CompoundLibrary:
    return replace(library, compounds=MappingProxyType({**library.compounds, compound.name: compound}))


def _found(library: CompoundLibrary) -> list[str]:
    return [finding.check for finding in run_checks(library, COMPOUND_CHECKS)]


@pytest.mark.parametrize("check", COMPOUND_CHECKS, ids=lambda check: check.name)
def test_shipped_compounds_pass(library: CompoundLibrary, check) -> None:
    assert [finding.message for finding in check.ask(library)] == []


def _tacrolimus_with_constant(library: CompoundLibrary, id_: str, **changes) -> CompoundLibrary:
    tacrolimus = library.compounds["tacrolimus"]
    assert id_ in {one.id for one in tacrolimus.constants}
    constants = tuple(
        replace(one, value=replace(one.value, **changes)) if one.id == id_ else one for one in tacrolimus.constants
    )
    return _with(library, replace(tacrolimus, constants=constants))


def test_wrong_molar_mass_is_found(library: CompoundLibrary) -> None:
    wrong = _tacrolimus_with_constant(library, "molar_mass@pubchem_445643", value=822.05)
    assert _found(wrong) == ["molar-mass-agrees-with-formula"]


def test_molar_mass_without_formula_is_found(library: CompoundLibrary) -> None:
    tacrolimus = library.compounds["tacrolimus"]
    identity = MappingProxyType({key: text for key, text in tacrolimus.identity.items() if key != "formula"})
    assert _found(_with(library, replace(tacrolimus, identity=identity))) == ["molar-mass-agrees-with-formula"]


def test_unknown_unit_is_found(library: CompoundLibrary) -> None:
    wrong = _tacrolimus_with_constant(library, "fkbp12_dissociation_constant@bierer_1990", unit="nanofoo")
    assert _found(wrong) == ["units-parse"]


def test_unknown_and_missing_sources_are_found(library: CompoundLibrary) -> None:
    id_ = "fkbp12_dissociation_constant@bierer_1990"
    assert _found(_tacrolimus_with_constant(library, id_, source=("nobody_1900",))) == ["sources-exist"]
    assert _found(_tacrolimus_with_constant(library, id_, source=())) == ["sources-exist"]
    assert _found(_tacrolimus_with_constant(library, id_, source=(), kind=Kind.ASSUMED)) == []


def test_doubled_id_is_found(library: CompoundLibrary) -> None:
    tacrolimus = library.compounds["tacrolimus"]
    doubled = replace(tacrolimus, constants=(*tacrolimus.constants, tacrolimus.constants[-1]))
    assert _found(_with(library, doubled)) == ["ids-unique"]


def test_shared_synonym_is_found(library: CompoundLibrary) -> None:
    sirolimus = library.compounds["sirolimus"]
    shared = replace(sirolimus, synonyms=(*sirolimus.synonyms, "fk 506"))
    assert _found(_with(library, shared)) == ["names-not-shared"]


def test_malformed_inchikey_is_found(library: CompoundLibrary) -> None:
    tacrolimus = library.compounds["tacrolimus"]
    key = replace(tacrolimus.identity["inchikey"], value="QJJXYPPXXYFBGM-LFZNUXCKSA")
    identity = MappingProxyType({**tacrolimus.identity, "inchikey": key})
    assert _found(_with(library, replace(tacrolimus, identity=identity))) == ["inchikey-well-formed"]


def test_every_compound_but_abt_281_has_inchikey_and_molar_mass(library: CompoundLibrary) -> None:
    keys = {name: one.identity["inchikey"].value for name, one in library.compounds.items() if one.identity}
    assert set(library.compounds) - set(keys) == {"ABT-281"}
    assert all(re.fullmatch(r"[A-Z]{14}-[A-Z]{10}-[A-Z]", key) for key in keys.values())
    assert len(set(keys.values())) == len(keys)
    assert all(library.compounds[name].molar_mass_g_per_mol > 300 for name in keys)


def test_recalled_values_are_assumed_and_say_so(library: CompoundLibrary) -> None:
    for compound in library.compounds.values():
        for one in compound.constants:
            if one.value.kind is Kind.ASSUMED:
                assert re.search(r"recalled|claim of a vendor", one.value.note), f"{compound.name}, {one.id}"


def test_formula_mass() -> None:
    weights = load_atomic_weights()
    assert formula_mass_g_per_mol("H2O", weights) == pytest.approx(18.015)
    assert formula_mass_g_per_mol("C43H68ClNO11", weights) == pytest.approx(810.463, abs=1e-3)
    for formula in ("C2Xx", "C44H69NO12.H2O", ""):
        with pytest.raises(FileReadError):
            formula_mass_g_per_mol(formula, weights)


def test_atomic_weights_are_the_printed_ones_to_five_digits(library: CompoundLibrary) -> None:
    path = library_folder() / "constants" / "atomic_weights.toml"
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["atomic_weights"]:
        half_digit = 0.5 * 10.0 ** (math.floor(math.log10(entry["value"])) - 4)
        assert entry["lower"] - half_digit <= entry["value"] <= entry["upper"] + half_digit, entry["element"]
        assert set(entry["source"]) <= set(library.references)
