"""The first answer of a fresh process: from the cache it needs no reader, and it has the same bits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from limus.kernel.cache import write_record
from limus.kernel.tables import library_folder
from limus.signalling import model_library

HEAVY = ("antimony", "libsbml", "pint", "pydantic", "scipy", "pandas", "matplotlib", "duckdb", "sympy")
ANSWER = """
import sys
import numpy as np
from limus.kernel.language import without_inert_species
from limus.kernel.simulation import compile_model, simulate
from limus.signalling.model_library import load_model
model = compile_model(without_inert_species(load_model("t_cell").model, ["tacrolimus.medium"]), ["IL2"])
settings = {"stimulus_strength": 0.6, "costimulation": 0.5, "protein_kinase_c": 0.4, "tacrolimus.medium": 1.0}
print(model.key, simulate(model, np.linspace(0.0, 24.0, 9), settings).values.tobytes().hex())
print(*sys.modules)
"""
CODE = """
import sys
from pathlib import Path
import limus
from limus.signalling.model_assembly import assemble_model
assemble_model(Path(sys.argv[1]))
print(*(Path(module.__file__).parent for name, module in sys.modules.items() if name.startswith("limus.")))
"""


def run(code: str, cache: Path | str, *arguments: str) -> list[str]:
    environment = os.environ | {"LIMUS_CACHE": str(cache)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def heavy(modules: str) -> set[str]:
    return {name.split(".")[0] for name in modules.split()} & set(HEAVY)


def test_from_the_cache_nothing_heavy_is_imported_and_the_bits_are_the_same(tmp_path: Path) -> None:
    first, cold = run(ANSWER, tmp_path)
    assert {"antimony", "libsbml"} <= heavy(cold)  # else this test would look for the wrong names
    assert "pint" not in heavy(cold)
    second, warm = run(ANSWER, tmp_path)
    assert second == first
    assert heavy(warm) == set()
    for file in tmp_path.rglob("*.*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-1])
    third, again = run(ANSWER, tmp_path)
    assert third == first
    assert heavy(again) == heavy(cold)


def test_the_key_of_a_model_names_every_folder_of_code_that_reads_it(tmp_path: Path) -> None:
    path = library_folder() / "models" / "t_cell.toml"
    root = library_folder().parent
    used = {str(Path(folder).relative_to(root)) for folder in run(CODE, tmp_path, str(path))[0].split()}
    # of the root only the version is used, which is in every hash; the cache adds its own source
    assert used - {".", "kernel/cache"} == set(model_library._CODE)


def test_a_kept_library_model_equals_the_one_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMUS_CACHE", str(tmp_path))
    read = model_library.load_model.__wrapped__("t_cell")
    monkeypatch.setattr(model_library, "_assemble", lambda name: pytest.fail("read again"))
    kept = model_library.load_model.__wrapped__("t_cell")
    for model in (read, kept):
        assert isinstance(model.parameters, MappingProxyType)
        assert model.fit_status == "accepted"
    texts = [write_record(replace(model, fit_draws=None), model_library._RECORDS) for model in (read, kept)]
    assert texts[0] == texts[1]
    assert np.array_equal(read.fit_draws, kept.fit_draws)


@pytest.mark.parametrize("changed", ["models/t_cell.toml", "models/t_cell.ant", "compounds/tacrolimus.toml"])
def test_a_changed_library_file_is_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    for folder in ("models", "compounds"):
        shutil.copytree(library_folder() / folder, tmp_path / "library" / folder)
    monkeypatch.setattr(model_library, "library_folder", lambda: tmp_path / "library")
    keys = []
    for text in ("", "", "\n"):
        with (tmp_path / "library" / changed).open("a", encoding="utf-8") as file:
            file.write(text)
        keys.append(tuple(model_library._decided_by("t_cell")))
    assert keys[0] == keys[1] != keys[2]
