"""``limus pk models`` and ``limus pk show``: rows, cards, and a model of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import limus
from limus.cli.main import run
from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.diagram.compartments import draw_compartments
from limus.report.figures.population_model import draw_typical_profile

DOCUMENT = Path(__file__).parents[3] / "docs/population_models.md"


def call_json(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = run([*arguments, "--json"])
    out, _ = capfd.readouterr()
    assert out.count("\n") == 1
    return status, json.loads(out)


def _own_model(folder: Path) -> Path:
    text = DOCUMENT.read_text(encoding="utf-8")
    path = folder / "own_drug.toml"
    path.write_text(text.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    path.with_suffix(".ant").write_text(text.split("```antimony\n")[1].split("```")[0], encoding="utf-8")
    reference = "@misc{own_2026,\n  author = {{Nobody}},\n  title = {An example}\n}\n"
    (folder / "references.bib").write_text(reference, encoding="utf-8")
    return path


def test_models_are_listed_with_those_that_are_not_shipped(capfd: pytest.CaptureFixture[str]) -> None:
    status, found = call_json(capfd, "pk", "models")
    assert status == 0
    assert len(found["models"]) == 13
    assert {row["drug"] for row in found["models"]} == {
        "tacrolimus",
        "ciclosporin",
        "everolimus",
        "sirolimus",
        "mycophenolic acid",
    }
    assert all(row["linear"] for row in found["models"])
    assert all(row["reason"] for row in found["not_shipped"])
    assert run(["pk", "models"]) == 0
    printed = capfd.readouterr().out
    assert "Woillard_2011" in printed
    assert "every number is recalled" in printed


def test_models_of_one_drug_by_synonym(capfd: pytest.CaptureFixture[str]) -> None:
    _, found = call_json(capfd, "pk", "models", "--drug", "FK506")
    assert {row["drug"] for row in found["models"]} == {"tacrolimus"}
    status, found = call_json(capfd, "pk", "models", "--drug", "pimecrolimus")
    assert status == 2
    assert "no population model" in found["error"]["do"]


def test_show_gives_every_number_with_its_source(capfd: pytest.CaptureFixture[str]) -> None:
    status, found = call_json(capfd, "pk", "show", "Woillard_2011", "--subjects", "200")
    assert status == 0
    assert found["card_html"] is None
    values = {row["name"]: row for row in found["values"]}
    assert values["CL_typical"]["value"] == 21.2
    assert values["CL_typical"]["source"] == ["woillard_2011", "nlmixr2lib"]
    assert found["typical"]["covariates"]["HCT"] == 32.3
    profile = found["profile"]
    assert profile["typical"][-1] == pytest.approx(4.725, abs=0.005)
    assert all(
        low < mid < high for low, mid, high in zip(*map(profile.get, ("lower", "typical", "upper")), strict=True)
    )
    assert run(["pk", "show", "Woillard_2011"]) == 0
    assert "conflict: apparent central volume" in capfd.readouterr().out


def test_a_card_is_written_and_the_same_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    contents = []
    for folder in ("one", "two"):
        status, found = call_json(
            capfd, "pk", "show", "Storset_2014", "--subjects", "50", "--out", str(tmp_path / folder)
        )
        assert status == 0
        contents.append([Path(found[key]).read_bytes() for key in ("card_html", "card_pdf")])
    assert contents[0] == contents[1]
    page = contents[0][0].decode()
    for said in ("Research use only", "Theory-based", "red cells", "validity", "jusko"):
        assert said.casefold() in page.casefold(), said
    kept = tmp_path / "one"
    assert (kept / "figures/compartments.svg").exists()
    assert (kept / "figures/typical-profile.csv").exists()
    assert json.loads((kept / "result.json").read_text())["name"] == "Storset_2014"


@pytest.mark.parametrize("name", ["Monchaud_2012", "Han_2013_preDose", "TerHeine_2018", "Kovarik_2001"])
def test_every_kind_of_model_has_a_card(name: str, tmp_path: Path) -> None:
    """Long chain, one compartment, whole blood from plasma, nothing between occasions; subjects are not needed."""
    result = limus.pk_show(model=name, subjects=0, out=tmp_path)
    assert result.card_pdf.read_bytes().startswith(b"%PDF")


def test_a_model_of_ones_own_is_shown_and_a_wrong_one_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _own_model(tmp_path)
    status, found = call_json(capfd, "pk", "show", str(path), "--subjects", "20", "--out", str(tmp_path / "card"))
    assert status == 0
    assert found["references"]["own_2026"].startswith("Nobody")
    equations = path.with_suffix(".ant").read_text()
    path.with_suffix(".ant").write_text(equations.replace("CL*central/Vc;", "CL*central;"))
    status, found = call_json(capfd, "pk", "show", str(path))
    assert status == 2
    assert "reaction elimination" in found["error"]["where"]
    status, found = call_json(capfd, "pk", "show", "Woilard_2011")
    assert status == 2
    assert "Woillard_2011" in found["error"]["do"]


def _flows() -> Table:
    rows = [
        {"source": "gut", "target": "central", "label": "ka", "both_ways": "no"},
        {"source": "central", "target": "deep", "label": "Q", "both_ways": "yes"},
        {"source": "central", "target": "", "label": "CL", "both_ways": "no"},
    ]
    return Table.from_rows(rows)


def test_compartments_are_drawn_with_every_box_and_label() -> None:
    drawing = draw_compartments(
        _flows(),
        dosed="gut",
        measured="central",
        dose="dose < 5 & more",
        level="blood",
        colour="#0072B2",
        volumes={"central": "V1"},
    )
    root = ElementTree.fromstring(drawing.svg)
    words = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert words == {"gut", "central", "deep", "ka", "Q", "CL", "V1", "dose < 5 & more", "blood"}
    assert "deep" in drawing.alt
    assert "loses drug by CL" in drawing.alt
    with pytest.raises(ValueRangeError, match="chain of flows"):
        draw_compartments(_flows(), dosed="deep", measured="gut", dose="", level="", colour="#000000", volumes={})


def test_the_profile_says_its_peak_and_band_in_words() -> None:
    time = np.linspace(0, 12, 25)
    level = 10 * time * np.exp(-time / 2)
    band = Table.create({"time_h": time, "typical": level, "lower": 0.5 * level, "upper": 2 * level})
    drawing = draw_typical_profile(band, drug="tacrolimus", unit="ng/mL")
    assert "peaks at 7.36 ng/mL after 2 h" in drawing.alt
    assert "90 %" in drawing.alt
    bare = Table.create({"time_h": time, "typical": level, "lower": np.nan * level, "upper": np.nan * level})
    assert "90 %" not in draw_typical_profile(bare, drug="tacrolimus", unit="ng/mL").alt
