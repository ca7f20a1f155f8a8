"""``limus evidence check``, ``limus evidence audit`` and ``limus diagram import`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limus.cli.main import run

GUIDE = """Both drugs are cornerstones in transplantation medicine.
The response was 20% (3/12).
```
graph "G" { "Tacrolimus"; "Calcineurin";
// Edges "Tacrolimus" -> "Calcineurin" [label="Activates"]; }
```
"""


def test_check(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("study,arm,n,events,percent\nA,x,12,3,20\nA,y,12,3,25\n", encoding="utf-8")
    assert run(["evidence", "check", str(path), "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["n_inconsistent"] == 1
    bad = next(one for one in found["findings"] if one["verdict"] == "inconsistent")
    assert bad == {
        "row": "row 1, A, x",
        "check": "percent-of-counts",
        "verdict": "inconsistent",
        "reason": "3/12 is 25.0 %; printed 20",
    }
    assert run(["evidence", "check", str(path)]) == 0
    printed = capfd.readouterr().out
    assert "3/12 is 25.0 %; printed 20" in printed
    assert "row 2" not in printed
    assert run(["evidence", "check", str(tmp_path / "no.csv"), "--json"]) == 2


def test_audit_of_a_text_that_is_not_known(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.txt"
    path.write_text(GUIDE, encoding="utf-8")
    out = tmp_path / "run"
    assert run(["evidence", "audit", str(path), "--json", "--out", str(out)]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["guide"] is None
    claim = next(one for one in found["findings"] if one["check"] == "known-claim")
    assert claim["line"] == 1
    assert claim["verdict"] == "inconsistent"
    assert {"row", "check", "verdict", "reason"} <= set(found["findings"][-1])
    assert json.loads((out / "result.json").read_text(encoding="utf-8")) == found
    assert run(["evidence", "audit", str(path)]) == 0
    assert "not a document whose claims are known" in capfd.readouterr().out
    path.write_text("  \n", encoding="utf-8")
    assert run(["evidence", "audit", str(path), "--json"]) == 2


@pytest.mark.parametrize("number", range(5))
def test_audit_of_each_seed_prints_its_verdicts(
    number: int, reference_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = sorted((reference_data.parents[1] / "seeds").glob(f"00{number}_*.txt"))
    if not found:
        pytest.skip("no seed documents")
    assert run(["evidence", "audit", str(found[0]), "--json"]) == 0
    result = json.loads(capfd.readouterr().out)
    claims = [one for one in result["findings"] if one["check"] == "known-claim" and one["guide"] == result["guide"]]
    assert len(claims) == [6, 17, 15, 13, 13][number]
    assert result["n_not_found"] == 0


def test_diagram_import(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.txt"
    path.write_text(GUIDE, encoding="utf-8")
    assert run(["diagram", "import", str(path), "--json", "--out", str(tmp_path / "run")]) == 0
    found = json.loads(capfd.readouterr().out)
    graph = found["graphs"][0]
    assert [node["id"] for node in graph["nodes"]] == ["Tacrolimus", "Calcineurin"]
    assert {repair["kind"] for repair in graph["repairs"]} == {"directed", "swallowed-statements"}
    assert Path(graph["svg"]).is_file()
    assert found["svg"] == [graph["svg"]]
    assert [one["verdict"] for one in graph["comparison"]] == ["wrong sign"]
    assert run(["diagram", "import", str(path)]) == 0
    assert "swallowed-statements" in capfd.readouterr().out


def test_diagram_import_refuses_what_it_cannot_match(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.txt"
    bad = 'digraph g { "Alpha"; "Beta"; "Gamma"; "Alphb" -> "Beta"; "Gamma" -> "Beta" }\n'
    path.write_text(bad, encoding="utf-8")
    assert run(["diagram", "import", str(path), "--json"]) == 3
    assert json.loads(capfd.readouterr().out)["error"]["got"] == "Alphb"
    path.write_text(f"{bad}\ndigraph h {{ a -> b }}\n", encoding="utf-8")
    assert run(["diagram", "import", str(path), "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert [graph["status"] for graph in found["graphs"]] == ["refused", "ok"]
    assert found["n_failed"] == 1
    path.write_text("no diagram", encoding="utf-8")
    assert run(["diagram", "import", str(path), "--json"]) == 2
