"""Fixtures that every test may use, and where tests keep what they compile and read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REFERENCE_DATA = Path(os.environ.get("LIMUS_REFERENCE_DATA", Path(__file__).parents[1] / "../shared/reference/data"))


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests compile and read in pytest's own cache, never in the user's home."""
    cache = getattr(config, "cache", None)
    os.environ["LIMUS_CACHE"] = str(cache.mkdir("limus")) if cache else os.devnull


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of third-party data that is never committed; tests that need it skip where it is absent."""
    if not REFERENCE_DATA.is_dir():
        pytest.skip(f"no reference data at {REFERENCE_DATA} (set LIMUS_REFERENCE_DATA)")
    return REFERENCE_DATA
