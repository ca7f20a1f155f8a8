"""Damaged files give what another reader gives too, or an error; validation/cytometry.py does it ten thousand times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .mutations import damaged
from .odd_files import KINDS, make_kind
from .second_opinion import compare
from .standard_reader import read_strictly

TABLE = np.random.default_rng(7).integers(0, 99_999, (6, 3)).tolist()
FILES = [make_kind(kind, TABLE) for kind in KINDS]
VERDICTS = {"refused", "agrees", "standard", "remarked"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "file.fcs"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_whole_agrees(path: Path, kind: str) -> None:
    # flowio 1.4.0 reads no 24-bit numbers and no digits
    expected = "standard" if kind in {"whole-24", "digits"} else "agrees"
    assert compare(make_kind(kind, TABLE), path, read_strictly) == expected


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=damaged(FILES))
def test_damaged_files(path: Path, content: bytes) -> None:
    assert compare(content, path, read_strictly) in VERDICTS


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_bytes_behind_a_header(path: Path, content: bytes) -> None:
    head = b"FCS3.0    " + b"%8d%8d%8d%8d%8d%8d" % (58, 57 + max(len(content), 1), 0, 0, 0, 0)
    assert compare(head + content, path, read_strictly) in VERDICTS
