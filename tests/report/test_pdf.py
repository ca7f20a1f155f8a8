from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from limus.report.content import Section
from limus.report.pdf import TypesettingError, _compile, render_pdf, write_pdf
from limus.report.typst_markup import render_typst, typst_string

from .samples import HOSTILE, sample_guide, sample_table


def test_the_file_is_a_pdf_and_the_same_every_time(tmp_path: Path) -> None:
    first, second = render_pdf(sample_guide()), render_pdf(sample_guide())
    assert first.startswith(b"%PDF")
    assert first == second
    other = replace(sample_guide().stamp, started_utc="2030-01-01T00:00:00+00:00", platform="another")
    assert render_pdf(replace(sample_guide(), stamp=other)) == first
    assert write_pdf(sample_guide(), tmp_path / "guide.pdf").read_bytes() == first


@pytest.mark.parametrize("text", ["<", "#", "$", "*", "_", "@", '"', "\\", "\\u{41}", "\x07", "]", "}", HOSTILE])
def test_strings_survive_typesetting(text: str) -> None:
    import typst

    shown = typst.query(f"#metadata({typst_string(text)}) <m>".encode(), "<m>", field="value", one=True)
    assert json.loads(shown) == text


def test_hostile_text_arrives_as_strings_only() -> None:
    written = render_typst(sample_guide())
    assert typst_string(HOSTILE) in written
    assert HOSTILE not in written.replace(typst_string(HOSTILE), "")


@pytest.mark.parametrize("columns", [1, 5, 6, 9, 12])
def test_wide_tables_are_set(columns: int) -> None:
    guide = sample_guide((Section("s", "S", (sample_table(columns=columns),)),))
    assert render_pdf(guide).startswith(b"%PDF")
    assert ("page(flipped: true, data-table" in render_typst(guide)) == (columns > 5)
    assert ("part 2 of 2" in render_typst(guide)) == (columns > 9)


def test_errors_and_warnings_of_the_typesetter_are_errors() -> None:
    with pytest.raises(TypesettingError):
        _compile("#nothing-of-this-name", "t")
    with pytest.raises(TypesettingError):
        _compile('#set text(font: "No Such Font")\nx', "t")
