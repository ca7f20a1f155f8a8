"""Where the shipped text files stand."""

from __future__ import annotations

from pathlib import Path

__all__ = ["library_folder"]


def library_folder() -> Path:
    """Return the folder of the shipped library (text files).

    Returns
    -------
    Path
    """
    return Path(__file__).parents[2] / "library"
