"""The bibliography loader: what it reads, how it cites, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from limus.kernel.errors import FileReadError
from limus.kernel.provenance import Reference, load_bibliography

GOOD = """
@article{two_1994b,
  author = {Zwei, Anna B. and de Drei, C.},
  title = {A title with {BRACES}},
  journal = {J Test},
  year = {1994},
  volume = {222},
  pages = {251--255},
  doi = {10.1000/1}
}

@misc{base_1,
  author = {{Data and Base}},
  title = {Record 1},
  note = {read in a mirror}
}
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "test.bib"
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_entries_in_order(tmp_path: Path) -> None:
    references = load_bibliography(_write(tmp_path, GOOD))
    assert list(references) == ["two_1994b", "base_1"]
    assert references["two_1994b"] == Reference(
        key="two_1994b",
        authors=("Zwei AB", "de Drei C"),
        year=1994,
        title="A title with BRACES",
        journal="J Test",
        volume="222",
        pages="251-255",
        doi="10.1000/1",
    )


def test_short_and_citation(tmp_path: Path) -> None:
    references = load_bibliography(_write(tmp_path, GOOD))
    paper, record = references["two_1994b"], references["base_1"]
    assert paper.short == "Zwei 1994b"
    assert paper.citation == "Zwei AB, de Drei C. A title with BRACES. J Test 1994;222:251-255. doi:10.1000/1."
    assert record.short == "Data and Base, Record 1"
    assert record.citation == "Data and Base. Record 1. [read in a mirror]."


def test_long_and_cut_author_lists_end_with_et_al() -> None:
    names = tuple(f"Name{letter} A" for letter in "BCDEFGH")
    assert Reference("k", names, 2000, "T").citation.startswith(
        "NameB A, NameC A, NameD A, NameE A, NameF A, NameG A, et al."
    )
    assert Reference("k", ("Bierer BE", "others"), 1990, "T").citation.startswith("Bierer BE, et al. T.")
    assert Reference("bierer_1990", ("Bierer BE", "others"), 1990).short == "Bierer 1990"


@pytest.mark.parametrize("field", ["author", "journal", "year"])
def test_missing_field_names_file_and_key(tmp_path: Path, field: str) -> None:
    lines = [line for line in GOOD.splitlines() if not line.strip().startswith(f"{field} = {{") or "Base" in line]
    path = _write(tmp_path, "\n".join(lines))
    with pytest.raises(FileReadError) as caught:
        load_bibliography(path)
    assert str(path) in caught.value.where
    assert "two_1994b" in caught.value.where
    assert field in caught.value.got


def test_entry_without_title_and_note_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, "@misc{bare_1, author = {{Nobody}}}")
    with pytest.raises(FileReadError, match="no title and no note"):
        load_bibliography(path)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        (GOOD + "@misc{base_1, author = {{X}}, note = {again}}", "@misc{base_1"),
        ("@misc{open_1, author = {{X}}, note = {never closed", "@misc{open_1"),
        ("@poem{ode_1, author = {{X}}, note = {y}}", "@poem"),
        ("@misc{when_1, author = {{X}}, note = {y}, year = {about 1990}}", "about 1990"),
    ],
)
def test_wrong_entries_are_refused(tmp_path: Path, text: str, got: str) -> None:
    with pytest.raises(FileReadError) as caught:
        load_bibliography(_write(tmp_path, text))
    assert got in caught.value.got


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match=r"none\.bib"):
        load_bibliography(tmp_path / "none.bib")
