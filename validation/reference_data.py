"""Where the third-party reference data are: the folder that the variable ``LIMUS_REFERENCE_DATA`` names."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["REFERENCE_DATA"]

REFERENCE_DATA = Path(os.environ.get("LIMUS_REFERENCE_DATA", "reference-data-not-given"))
