from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from limus.report.content import Guide, Table, cells, walk_blocks
from limus.report.html import render_html, write_html

from .samples import BIBLIOGRAPHY, HOSTILE, STAMP, VALUES, sample_guide, sample_sections

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Reader(HTMLParser):
    """Keep tags balanced, attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.by_cell: dict[str, str] = {}
        self.by_result: list[tuple[str, str]] = []
        self._cell = self._result = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        if tag not in VOID:
            self.open.append(tag)
        self._cell = found.get("data-cell", self._cell)
        if "data-key" in found:
            self._result = found["data-key"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "td":
            self._cell = ""

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)
        if self._cell:
            self.by_cell[self._cell] = self.by_cell.get(self._cell, "") + data
        if self._result:
            self.by_result.append((self._result, data))
            self._result = ""


@pytest.fixture(scope="module")
def page() -> str:
    return render_html(sample_guide())


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_the_page_is_well_formed_and_its_ids_are_unique(page: str, read: Reader) -> None:
    assert page.startswith("<!DOCTYPE html>")
    assert read.open == []
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for _, attributes in read.tags if attributes.get("href", "").startswith("#")}
    assert targets <= set(ids)
    drawings = re.findall(r"<svg role=.*?</svg>", page, flags=re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        ElementTree.fromstring(drawing)


def test_nothing_is_loaded_from_elsewhere(page: str, read: Reader) -> None:
    for tag, attributes in read.tags:
        assert tag not in ("script", "link", "img", "iframe")
        for name in ("src", "href", "xlink:href"):
            outside = not attributes.get(name, "#").startswith("#")
            assert not outside or (tag == "a" and attributes[name].startswith("https://doi.org/"))
    assert "@import" not in page
    assert not re.search(r"url\(\s*[\"']?(?!#)", page)


def test_every_cell_stands_in_the_page(read: Reader) -> None:
    guide = sample_guide()
    for cell in cells(guide):
        if cell["table"]:
            shown = read.by_cell[f"{cell['table']}.{cell['row']}.{cell['column']}"]
            assert cell["text"] in shown
            assert cell["unit"] in shown
            assert cell["directness"] in shown


def test_every_number_in_prose_is_that_of_the_table(read: Reader) -> None:
    texts = {
        f"{block.key}.{row.key}.{head.key}": cell
        for _, block in walk_blocks(sample_guide().sections)
        if isinstance(block, Table)
        for row in block.rows
        for head, cell in zip(block.columns, row.cells, strict=True)
    }
    assert ("potency.il2.drug0", "0.0612 nM") in read.by_result
    assert ("potency.growth.drug1", texts["potency.growth.drug1"].text) in read.by_result
    assert ("ratio", "202 times") in read.by_result
    assert texts["potency.il2.drug0"].text in read.by_cell["potency.il2.drug0"]


def test_references_are_numbered_linked_and_link_back(page: str, read: Reader) -> None:
    assert 'href="https://doi.org/10.1000/first%3C1%3E">doi:10.1000/first&lt;1&gt;</a>' in page
    assert [found["id"] for tag, found in read.tags if tag == "li" and found.get("id", "").startswith("ref-")] == [
        "ref-1",
        "ref-2",
    ]
    assert "Not cited" not in page
    printed = BIBLIOGRAPHY["first_2001"].citation + " doi:10.1000/first<1>. [note]"
    bibliography = BIBLIOGRAPHY | {"first_2001": replace(BIBLIOGRAPHY["first_2001"], citation=printed)}
    sections = sample_sections()
    guide = Guide.create("t", "s", sections, values=VALUES, stamp=STAMP, bibliography=bibliography)
    assert render_html(guide).count(">doi:10.1000") == 1
    assert "</a>. [note]" in render_html(guide)


def test_text_is_escaped(page: str, read: Reader) -> None:
    assert "<b>" not in page
    assert HOSTILE in "".join(read.text)
    assert r"\<b> *s* #let x = 1 $a^2$ _u_ @at { } [x] \ &" in "".join(read.text)


def test_the_page_is_accessible(page: str, read: Reader) -> None:
    assert ("html", {"lang": "en"}) in read.tags
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all("scope" in attributes for tag, attributes in read.tags if tag == "th")
    for tag, attributes in read.tags:
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")
    assert "Research use only" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_no_time_no_machine_and_no_folder_is_printed(page: str) -> None:
    for hidden in ("2025-01-01", "some platform", "/a/b/"):
        assert hidden not in page
    assert "in.csv" in page


def test_the_file_is_written(tmp_path: Path, page: str) -> None:
    path = write_html(sample_guide(), tmp_path / "new" / "guide.html")
    assert path.read_text(encoding="utf-8") == page
