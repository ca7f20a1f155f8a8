"""The compound loader: names, constants, molar masses, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from limus.kernel.errors import FileReadError, InputError, UnitError, UnknownNameError
from limus.kernel.provenance import Kind
from limus.molecule.catalogue import find_compound, load_compounds
from limus.molecule.conversion import convert_for_compound

SMALL = """
limus_compound = 1
name = "testolimus"
synonyms = ["TST-1"]
drug_class = "calcineurin inhibitor"
immunophilin = "FKBP12"
target = "calcineurin"
summary = "A compound for tests."

[identity]
formula = { value = "CH4", kind = "compiled", source = ["pubchem_445643"] }

[[constants]]
property = "molar_mass"
value = 16.043
unit = "g/mol"
kind = "compiled"
source = ["pubchem_445643"]
"""


def _folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_shipped_compounds() -> None:
    assert set(load_compounds()) == {
        "ABT-281",
        "ascomycin",
        "betamethasone valerate",
        "ciclosporin",
        "everolimus",
        "hydrocortisone",
        "mycophenolic acid",
        "pimecrolimus",
        "sirolimus",
        "tacrolimus",
    }
    assert load_compounds() is load_compounds()


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Tacrolimus", "tacrolimus"),
        ("fk506", "tacrolimus"),
        ("FK 506", "tacrolimus"),
        ("FK-520", "ascomycin"),
        ("csa", "ciclosporin"),
        ("Cyclosporin A", "ciclosporin"),
        ("rapamycin", "sirolimus"),
        ("mycophenolic-acid", "mycophenolic acid"),
        ("abt281", "ABT-281"),
    ],
)
def test_names_and_synonyms_find_the_compound(written: str, name: str) -> None:
    assert find_compound(written).name == name


def test_unknown_name_lists_near_names_and_substitutes_nothing() -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_compound("tacrolimos")
    error = caught.value
    assert error.where == "compound"
    assert error.got == "tacrolimos"
    assert error.allowed.startswith("one of ")
    assert "ciclosporin" in error.allowed
    assert error.do.startswith("did you mean tacrolimus")


@pytest.mark.parametrize("name", ["MMF", "mycophenolate mofetil", "", "FK5O6"])
def test_prodrug_and_nonsense_are_not_found(name: str) -> None:
    with pytest.raises(UnknownNameError):
        find_compound(name)


def test_name_shared_by_two_compounds_is_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path, a=SMALL, b=SMALL.replace('"testolimus"', '"otherlimus"'))
    with pytest.raises(InputError, match="testolimus and otherlimus"):
        find_compound("tst-1", load_compounds(folder))


def test_constant_by_property_and_by_id() -> None:
    sirolimus = find_compound("sirolimus")
    constant = sirolimus.constant("fkbp12_dissociation_constant")
    assert constant.id == "fkbp12_dissociation_constant@bierer_1990"
    assert constant == sirolimus.constant(constant.id)
    assert (constant.value.value, constant.value.unit, constant.value.kind) == (0.2, "nM", Kind.MEASURED)


def test_ambiguous_constant_is_refused_and_all_sources_are_named() -> None:
    tacrolimus = find_compound("tacrolimus")
    with pytest.raises(InputError) as caught:
        tacrolimus.constant("fraction_unbound_plasma")
    for source in ("pubmed_12164257", "zahir_2004", "assumed"):
        assert f"fraction_unbound_plasma@{source}" in caught.value.allowed
    assert tacrolimus.constant("fraction_unbound_plasma@zahir_2004").value.value == 0.47


def test_absent_constant_is_refused_with_near_names() -> None:
    with pytest.raises(UnknownNameError, match="did you mean molar_mass"):
        find_compound("tacrolimus").constant("molar_mas")


def test_abt_281_has_no_structure_and_no_molar_mass() -> None:
    compound = find_compound("ABT-281")
    assert not compound.identity
    assert "NO structure" in compound.note
    with pytest.raises(InputError, match="molar mass of ABT-281"):
        _ = compound.molar_mass_g_per_mol
    assert convert_for_compound(1.0, "ug/mL", "ng/mL", compound) == pytest.approx(1000.0)
    with pytest.raises(InputError, match="molar mass of ABT-281"):
        convert_for_compound(1.0, "ng/mL", "nM", compound)


def test_conversion_with_the_molar_mass() -> None:
    tacrolimus = find_compound("tacrolimus")
    assert tacrolimus.molar_mass_g_per_mol == 804.031
    assert convert_for_compound(10.0, "ng/mL", "nM", tacrolimus) == pytest.approx(12.437, abs=5e-4)
    assert convert_for_compound(12.437, "nM", "ug/L", tacrolimus) == pytest.approx(10.0, abs=5e-4)
    with pytest.raises(UnitError):
        convert_for_compound(1.0, "ng/mL", "h", tacrolimus)


def test_several_molar_masses_are_refused(tmp_path: Path) -> None:
    again = SMALL[SMALL.index("[[constants]]") :].replace("pubchem_445643", "pubchem_5284616")
    compound = load_compounds(_folder(tmp_path, a=SMALL + again))["testolimus"]
    with pytest.raises(InputError, match="molar_mass@pubchem_5284616"):
        _ = compound.molar_mass_g_per_mol


@pytest.mark.parametrize(
    ("old", "new", "key", "got", "allowed"),
    [
        ("limus_compound = 1", "limus_compound = 2", "limus_compound", "2", "1"),
        ('"FKBP12"', '"FKBP99"', "immunophilin", "FKBP99", "cyclophilin A"),
        ('summary = "A compound for tests."', "", "summary", "nothing", "a value"),
        ("value = 16.043", 'value = "16"', "constants[0].value", "16", "number"),
        ("value = 16.043", "value = inf", "constants[0].value", "inf", "finite"),
        ("value = 16.043\n", "", "constants[0]", "molar_mass", "text as printed"),
        ('unit = "g/mol"', 'unit = "g/mol"\ncolour = "red"', "constants[0].colour", "red", "only keys"),
        ('g/mol"\nkind = "compiled"', 'g/mol"\nkind = "guessed"', "constants[0].kind", "guessed", "assumed"),
        (
            'g/mol"\nkind = "compiled"',
            'g/mol"\nkind = "assumed"',
            "constants[0]",
            "assumed",
            "none where it is assumed",
        ),
        ('"compiled"\nsource = ["pubchem_445643"]', '"compiled"', "constants[0]", "compiled", "at least one source"),
        ('source = ["pubchem_445643"]\n', 'source = ["Pub Chem"]\n', "constants[0].source[0]", "Pub Chem", "pattern"),
    ],
)
def test_wrong_files_are_refused_with_file_and_key(
    tmp_path: Path, old: str, new: str, key: str, got: str, allowed: str
) -> None:
    assert old in SMALL
    folder = _folder(tmp_path, bad=SMALL.replace(old, new))
    with pytest.raises(FileReadError) as caught:
        load_compounds(folder)
    error = caught.value
    assert str(folder / "bad.toml") in error.where
    assert f"key {key}" in error.where
    assert got in error.got
    assert allowed in error.allowed


def test_unreadable_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match=r"no \*\.toml file"):
        load_compounds(tmp_path)
    with pytest.raises(FileReadError, match=r"bad\.toml"):
        load_compounds(_folder(tmp_path, bad="name = "))


def test_one_name_in_two_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match="testolimus"):
        load_compounds(_folder(tmp_path, a=SMALL, b=SMALL))


def test_importing_the_compound_module_loads_nothing_heavy() -> None:
    heavy = ("pint", "pydantic", "pandas", "bibtexparser")
    code = f"import sys, limus.molecule.compound; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
