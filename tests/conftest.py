"""Fixtures that every test may use, and the count of tests that skipped for want of reference data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REFERENCE_DATA = Path(os.environ.get("LIMUS_REFERENCE_DATA", Path(__file__).parents[1] / "../shared/reference/data"))


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of third-party data that is never committed; tests that need it skip where it is absent."""
    if not REFERENCE_DATA.is_dir():
        pytest.skip(f"no reference data at {REFERENCE_DATA} (set LIMUS_REFERENCE_DATA)")
    return REFERENCE_DATA
