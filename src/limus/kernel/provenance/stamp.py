"""What a run was made with, and the hashes that tell whether two inputs are the same."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from limus._version import __version__

__all__ = ["RunStamp", "hash_file", "hash_text", "stamp_run"]


def hash_text(*texts: str) -> str:
    """Return the SHA-256 of texts, hexadecimal; the boundary between texts counts, line endings do not.

    Parameters
    ----------
    *texts : str
        Any number of texts.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.replace("\r\n", "\n").encode())
        digest.update(b"\0")
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class RunStamp:
    """What a run was made with: versions, machine, seed, input hashes, time."""

    limus: str
    python: str
    platform: str
    started_utc: str
    seed: int
    packages: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The stamp as a JSON object."""
        return {
            "limus": self.limus,
            "python": self.python,
            "platform": self.platform,
            "started_utc": self.started_utc,
            "seed": self.seed,
            "packages": dict(self.packages),
            "inputs": dict(self.inputs),
        }


_STAMPED_PACKAGES = ("numpy", "scipy", "antimony", "python-libsbml", "pandas", "matplotlib", "typst")


def stamp_run(
    seed: int,
    inputs: Iterable[Path] = (),
    packages: Iterable[str] = _STAMPED_PACKAGES,
    *,
    root: Path | None = None,
) -> RunStamp:
    """Stamp a run: package versions, machine, time (UTC), seed and the hash of each input file.

    Parameters
    ----------
    seed : int
        The seed of the run.
    inputs : iterable of Path
        Files that the user gave.
    packages : iterable of str
        Distributions whose versions are recorded when installed.
    root : Path, optional
        A file inside this folder is named relative to it.

    Returns
    -------
    RunStamp

    Raises
    ------
    OSError
        An input file cannot be read.
    """
    from importlib import metadata  # noqa: PLC0415

    versions: dict[str, str] = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return RunStamp(
        limus=__version__,
        python=sys.version.split()[0],
        platform=platform.platform(),
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        packages=versions,
        inputs={_name(path, root): hash_file(path) for path in inputs},
    )


def _name(path: Path, root: Path | None) -> str:
    inside = root is not None and path.resolve().is_relative_to(root.resolve())
    return f"library/{path.resolve().relative_to(root.resolve()).as_posix()}" if root and inside else str(path)
