"""A run directory: the resolved request, the stamp, results, figures and the report, with resume.

::

    OUT/run.toml          the resolved request (type, version and hash)
    OUT/provenance.json   versions, input hashes, seed
    OUT/results/*.parquet tables; OUT/parts/*.json finished parts of a long run
    OUT/figures/*.svg     each with its data as .csv
"""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.errors import OutputError
from limus.kernel.provenance import RunStamp, hash_text

__all__ = ["RunDirectory"]

_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """An output folder that belongs to one request.

    Attributes
    ----------
    path : Path
        The folder.
    request_hash : str
        SHA-256 of the resolved request.
    """

    path: Path
    request_hash: str

    @classmethod
    def open(
        cls, path: Path, *, command: str, request: Mapping[str, Any], stamp: RunStamp, overwrite: bool = False
    ) -> RunDirectory:
        """Make the folder, or take up again one that holds the same request.

        Parameters
        ----------
        path : Path
            The folder, existing or not.
        command : str
            Name of the workflow.
        request : mapping
            The resolved request, TOML-representable (no None).
        stamp : RunStamp
            Written to ``provenance.json``.
        overwrite : bool
            Whether the result of another request may be deleted first.

        Returns
        -------
        RunDirectory

        Raises
        ------
        OutputError
            The folder cannot be written, holds another request, or holds files that limus did not write.
        """
        import tomli_w  # noqa: PLC0415

        content = {"command": command, "request": dict(request)}
        request_hash = hash_text(json.dumps(content, sort_keys=True), stamp.limus)
        try:
            path.mkdir(parents=True, exist_ok=True)
            previous = _read_request_hash(path)
            if previous != request_hash and any(path.iterdir()):
                if not overwrite or previous is None:
                    found = "another request's result" if previous is not None else "files that limus did not write"
                    raise OutputError(
                        f"--out {path}",
                        found,
                        "an empty folder, or the same request's",
                        "choose another folder or --overwrite",
                    )
                _clear(path)
            header = {"limus_run": _FORMAT_VERSION, "request_sha256": request_hash}
            _write_whole(path / "run.toml", tomli_w.dumps(header | content))
            (path / "provenance.json").write_text(json.dumps(stamp.as_dict(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"--out {path}", error, "a folder that can be written", "choose another folder") from None
        return cls(path, request_hash)

    def part(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a finished part from an earlier, interrupted run, or make it and keep it.

        Parameters
        ----------
        name : str
            File name of the part, without ending.
        make : callable
            Makes the part, a JSON object; called only if the part is not there.

        Returns
        -------
        dict
            As JSON gives it back (a tuple is a list, a key a text), whether it was kept or made.

        Raises
        ------
        OutputError
            The part cannot be written.
        """
        file = self._part_file(name)
        kept = self.kept_part(name)
        if kept is None:
            text = json.dumps(make())
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                _write_whole(file, text)
            except OSError as error:
                raise OutputError(str(file), error, "a folder that can be written", "free space, then resume") from None
            made: dict[str, Any] = json.loads(text)
            return made
        return kept

    def kept_part(self, name: str) -> dict[str, Any] | None:
        """Return a finished part from an earlier, interrupted run, or None.

        Parameters
        ----------
        name : str
            File name of the part, without ending.

        Returns
        -------
        dict or None
            None where it is not there, or damaged.
        """
        try:
            kept: dict[str, Any] = json.loads(self._part_file(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return kept

    def _part_file(self, name: str) -> Path:
        return self.path / "parts" / f"{name}.json"


def _write_whole(file: Path, text: str) -> None:
    """Write a file so that an interruption leaves it whole or leaves it out."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


def _read_request_hash(path: Path) -> str | None:
    """Hash of the request in the ``run.toml`` that limus wrote here; None where it did not."""
    try:
        content = tomllib.loads((path / "run.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, not UTF-8 or not TOML
        return None
    found = content.get("request_sha256")
    return str(found) if "limus_run" in content and found is not None else None


def _clear(path: Path) -> None:
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
