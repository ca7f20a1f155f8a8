"""Files and wells, the layout's section, and the library's limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limus.assay.cytometry.fcs.write import NewChannel, write_fcs
from limus.assay.cytometry.proliferation.rules import cytometry_rules, load_cytometry_rules
from limus.assay.cytometry.proliferation.settings import read_settings
from limus.assay.cytometry.proliferation.well_files import list_fcs_files, match_wells
from limus.assay.layout.file import read_layout
from limus.assay.layout.records import Layout
from limus.kernel.errors import FileReadError, InputError, LimusError
from limus.kernel.provenance import load_bibliography
from limus.kernel.tables import library_folder


def layout(folder: Path, section: str = 'dye = "CTV"') -> Layout:
    text = f'limus_layout = 1\nplate = "96"\n[proliferation]\n{section}\n[[wells]]\nwells = "A1:B2"\nrole = "control"\n'
    (folder / "layout.toml").write_text(text)
    return read_layout(folder / "layout.toml")


def make(folder: Path, name: str, **keywords: str) -> Path:
    words = {key.replace("_", " ") if key.startswith("WELL_") else f"${key}": text for key, text in keywords.items()}
    return write_fcs(folder / name, [NewChannel("X", "", range=16)], np.ones((1, 1)), keywords=words)


def matched(folder: Path, given: dict[str, str] | None = None, controls: tuple[str, ...] = ()) -> Any:
    return match_wells(list_fcs_files(folder), layout(folder), given or {}, set(controls))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("B07.fcs", (1, 6)),
        ("Specimen_001_B7_015.fcs", (1, 6)),
        ("plate-h12-live.FCS", (7, 11)),
        ("CD4_stain_A1.fcs", (0, 0)),
        ("A01.lmd", (0, 0)),
    ],
)
def test_wells_in_names(tmp_path: Path, name: str, place: tuple[int, int]) -> None:
    make(tmp_path, name)
    assert set(matched(tmp_path).files) == {place}


def test_the_keyword_counts_more_than_the_name_and_that_is_said(tmp_path: Path) -> None:
    make(tmp_path, "A01.fcs", WELLID="B02")
    make(tmp_path, "tube_1.fcs", WELL_ID="A02")
    found = matched(tmp_path)
    assert {place: path.name for place, path in found.files.items()} == {(1, 1): "A01.fcs", (0, 1): "tube_1.fcs"}
    assert [finding.check for finding in found.findings] == ["well-unclear"]


def test_the_layouts_list_counts_most(tmp_path: Path) -> None:
    make(tmp_path, "A01.fcs", WELLID="B02")
    assert set(matched(tmp_path, {"B1": "A01.fcs"}).files) == {(1, 0)}
    with pytest.raises(FileReadError, match=r"A09\.fcs"):
        matched(tmp_path, {"B1": "A09.fcs"})
    with pytest.raises(LimusError):
        matched(tmp_path, {"B": "A01.fcs"})


def test_what_cannot_be_decided_is_left_out_and_said(tmp_path: Path) -> None:
    for name in ("one_A1.fcs", "two_A1.fcs", "A1_or_B2.fcs", "nothing.fcs", "P24.fcs", "control_A2.fcs"):
        make(tmp_path, name)
    found = matched(tmp_path, controls=("control_A2.fcs",))
    assert not found.files
    assert sorted(finding.check for finding in found.findings) == [
        "file-without-well",
        "file-without-well",
        "unknown-well",
        "well-with-two-files",
    ]


def test_a_broken_file_still_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "A02.fcs").write_bytes(b"FCS3.1 but nothing else")
    assert set(matched(tmp_path).files) == {(0, 1)}


def test_folders_without_files(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(FileReadError):
            list_fcs_files(folder)


@pytest.mark.parametrize(
    "section",
    [
        'viability = "V"',
        'dye = "CTV"\ncolour = "blue"',
        'dye = "CTV"\nindices = ["division"]',
        'dye = "CTV"\nindices = []',
        'dye = "CTV"\ncompensation = "single_stains"',
        'dye = "CTV"\nwidening = "some"',
        'dye = "CTV"\nreplicates = -1',
    ],
)
def test_a_wrong_section_is_an_error(tmp_path: Path, section: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(layout(tmp_path, section))
    assert "[proliferation]" in caught.value.where


def test_a_layout_without_the_section(tmp_path: Path) -> None:
    (tmp_path / "layout.toml").write_text('limus_layout = 1\nplate = "96"\n[[wells]]\nwells = "A1"\nrole = "control"\n')
    with pytest.raises(InputError, match="no section"):
        read_settings(read_layout(tmp_path / "layout.toml"))


def test_limits_of_the_library_have_reasons_and_sources() -> None:
    references = load_bibliography(library_folder() / "references.bib")
    for rule in load_cytometry_rules().values():
        assert rule.value > 0
        assert rule.note
        assert all(key in references for key in rule.source)


def test_a_layouts_limits_replace_the_librarys() -> None:
    found = cytometry_rules({"least_events": 50, "drift_percent": 3.5}, "layout, rules")
    assert found.deconvolution.least_events == 50
    assert found.acquisition.drift_percent == 3.5
    for given in ({"most_event": 3}, {"least_events": 0}, {"least_events": "many"}, {"rate_fold": float("nan")}):
        with pytest.raises(InputError, match="layout, rules"):
            cytometry_rules(given, "layout, rules")
