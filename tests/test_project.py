"""The project's own rules: layers, constraints file, library without Python, files in the wheel."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_library_is_text_only() -> None:
    endings = {path.suffix for path in (ROOT / "src/limus/library").rglob("*") if path.is_file()}
    assert endings <= {".ant", ".xml", ".toml", ".csv", ".bib"}


def test_every_layer_of_the_contract_is_a_folder_and_every_folder_a_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {name.strip() for line in contracts[0]["layers"] for name in re.split(r"[|:]", line)}
    folders = {p.name for p in (ROOT / "src/limus").iterdir() if p.is_dir() and (p / "__init__.py").exists()}
    assert layers == folders


def test_the_constraints_hold_versions_and_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert len(lines) > 30
    for line in lines:
        assert "://" not in line
        assert not line.startswith(("-", "limus"))
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9_.\-]+==[A-Za-z0-9_.+!\-]+( ; .*)?", line), line


def test_every_library_file_of_a_kind_carries_its_version() -> None:
    kinds = {
        "compounds": "limus_compound",
        "models": "limus_model",
        "population_models": "limus_population_model",
        "protocols": "limus_protocol",
    }
    for folder, key in kinds.items():
        for path in (ROOT / "src/limus/library" / folder).glob("*.toml"):
            assert tomllib.loads(path.read_text())[key] == 1, path
