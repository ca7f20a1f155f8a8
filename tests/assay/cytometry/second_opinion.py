"""What a damaged file may give: an error that limus raises on purpose, or numbers that another reader gives too."""

from __future__ import annotations

import io
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["compare", "time_limit"]


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what takes longer."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def compare(content: bytes, path: Path, read_strictly: Callable[[bytes], list[list[float]]]) -> str:
    """Read damaged bytes; return the verdict in a word, or raise AssertionError.

    ``refused``; ``agrees`` with flowio; ``standard``: flowio differs or fails, the strict reader gives the same;
    ``remarked``: neither reads it, limus does and says what is odd.
    """
    from limus.assay.cytometry.fcs.read import read_fcs
    from limus.kernel.errors import LimusError

    path.write_bytes(content)
    try:
        with time_limit(10):
            data = read_fcs(path)
    except LimusError as error:
        return "refused" if error.where and error.do else "refused without a reason"
    with np.errstate(invalid="ignore"):  # a damaged number may be none
        ours = np.array(data.stored, dtype=np.float64).T.reshape(data.events, len(data.channels))
    theirs = _ask_flowio(content)
    if theirs is not None and _same(ours, theirs):
        return "agrees"
    try:
        strict = np.array(read_strictly(content), dtype=np.float64).reshape(-1, len(data.channels))
    except Exception:
        strict = None
    if strict is not None and _same(ours, strict):
        return "standard"
    assert strict is None, f"limus reads {ours.shape}, the strict reader {strict.shape}"
    assert data.findings, f"limus reads {ours.shape}, flowio {None if theirs is None else theirs.shape}, no remark"
    return "remarked"


def _ask_flowio(content: bytes) -> np.ndarray | None:
    import flowio

    try:
        with warnings.catch_warnings(), time_limit(10):
            warnings.simplefilter("ignore")
            return np.asarray(flowio.FlowData(io.BytesIO(content)).as_array(preprocess=False))
    except Exception:  # it fails in many ways
        return None


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=True)
