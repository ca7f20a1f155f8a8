"""Published data rewritten as ADTTE give R's numbers through the same path as a trial's own (validation, in short)."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

VALIDATION = Path(__file__).parents[2] / "validation"


@pytest.fixture(scope="module")
def proof() -> ModuleType:
    sys.path.insert(0, str(VALIDATION))
    try:
        spec = importlib.util.spec_from_file_location("trial_analysis_proof", VALIDATION / "trial_analysis.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(VALIDATION))
    return module


@pytest.mark.parametrize("name", ["lung", "mgus2"])
def test_published_data_give_the_numbers_of_r(name: str, proof: ModuleType, reference_data: Path) -> None:
    statistics = json.loads((reference_data.parent / "statistics.json").read_text(encoding="utf-8"))["survival"]
    file = {"lung": "lung.csv", "mgus2": "mgus2_cr.csv"}[name]
    found = list(getattr(proof, name)(reference_data / file, statistics, "R"))
    assert len(found) >= 2
    assert [part.claim for part in found if part.failed] == []


def test_what_was_simulated_is_what_adtte_says(proof: ModuleType) -> None:
    (part,) = proof.simulated(40)
    assert not part.failed, part.result
