"""The cache's folder: files by key, each with the hash of its content, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import threading
from functools import lru_cache
from importlib import util
from pathlib import Path

from limus._version import __version__

__all__ = ["cache_folder", "hash_sources", "keep", "key_of", "package_stamp", "read_kept"]

_DIGEST = 32


def cache_folder() -> Path:
    """Return the folder: ``LIMUS_CACHE``, else ``limus`` in ``XDG_CACHE_HOME`` or ``~/.cache``.

    Returns
    -------
    Path

    Raises
    ------
    RuntimeError
        No variable is set and the user has no home.
    """
    given = os.environ.get("LIMUS_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "limus"


def key_of(*parts: str) -> str:
    """Return the SHA-256 of texts, hexadecimal; the boundary between texts counts.

    Parameters
    ----------
    *parts : str
        Everything that decides the content.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()


@lru_cache(maxsize=16)
def hash_sources(folder: Path) -> str:
    """Return the hash of the Python files of a folder and the version of limus: other source, other content.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(folder.glob("*.py")):
        digest.update(b"\0" + file.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=16)
def package_stamp(name: str) -> str:
    """Return what changes when a package is installed anew, without importing it: its files' sizes and times.

    Parameters
    ----------
    name : str
        As it is imported.

    Returns
    -------
    str
        The name alone where the package is not installed as a folder of files.
    """
    spec = util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return name
    stamps = [name]
    for folder in spec.submodule_search_locations:
        try:
            with os.scandir(folder) as entries:
                files = sorted((entry.path, entry.stat()) for entry in entries if entry.is_file())
        except OSError:
            continue
        stamps += [f"{path} {about.st_size} {about.st_mtime_ns}" for path, about in files]
    return "\n".join(stamps)


def read_kept(part: str, name: str) -> bytes | None:
    """Return what was kept, or None where there is nothing or the file is damaged.

    Parameters
    ----------
    part : str
        Folder within the cache, such as ``models``.
    name : str
        File name: the key, with an ending if wanted.

    Returns
    -------
    bytes or None
    """
    try:
        content = (cache_folder() / part / name).read_bytes()
    except (OSError, RuntimeError):
        return None
    digest, kept = content[:_DIGEST], content[_DIGEST:]
    return kept if digest == hashlib.sha256(kept).digest() else None


def keep(part: str, name: str, content: bytes) -> None:
    """Keep content; a folder that cannot be written only costs making it again.

    Parameters
    ----------
    part, name : str
        As in :func:`read_kept`.
    content : bytes
        Readers see all of it or none, whatever other processes do.
    """
    try:
        folder = cache_folder() / part
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{name}.{os.getpid()}.{threading.get_ident()}.unfinished"
        try:
            unfinished.write_bytes(hashlib.sha256(content).digest() + content)
            unfinished.replace(folder / name)
        except OSError:
            unfinished.unlink(missing_ok=True)
    except (OSError, RuntimeError):
        return
