"""The way a piece of work is run, passed to every workflow: executor, seed, progress, cancel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from limus.kernel.errors import CancelledError

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["Execution", "Progress", "SilentProgress", "split_chunks"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Progress(Protocol):
    """Shows how far long work has come; the command line gives one with a bar, the default is silent."""

    def start(self, label: str, total: int) -> None:
        """Begin a task of ``total`` steps; a task that is still open ends."""

    def advance(self, steps: int = 1) -> None:
        """Tell that ``steps`` more are done."""

    def finish(self) -> None:
        """End the task."""


class SilentProgress:
    """Progress that shows nothing."""

    def start(self, label: str, total: int) -> None:
        """Begin a task."""

    def advance(self, steps: int = 1) -> None:
        """Count steps."""

    def finish(self) -> None:
        """End the task."""


def _leave_with_parent() -> None:
    """End this worker when its parent is gone: a killed parent cannot tell it to."""
    import multiprocessing  # noqa: PLC0415
    import threading  # noqa: PLC0415

    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Execution:
    """How a workflow runs.

    Attributes
    ----------
    seed : int
        Root of all randomness.
    workers : int
        Processes of the default pool; 1 runs in this process. Results do not depend on it.
    executor : concurrent.futures.Executor, optional
        Any executor to use in place of the default process pool, e.g. a cluster's.
    progress : Progress
        Where to show how far the work is.
    overwrite : bool
        Whether a run directory that holds another request's result may be replaced.
    cancelled : callable
        Asked between chunks; True stops the work, finished parts are kept.
    """

    seed: int = 1
    workers: int = field(default_factory=_usable_cores)
    executor: Executor | None = None
    progress: Progress = field(default_factory=SilentProgress)
    overwrite: bool = False
    cancelled: Callable[[], bool] = field(default=lambda: False)

    @contextmanager
    def _open_executor(self) -> Iterator[Executor | None]:
        if self.executor is not None:
            yield self.executor
        elif self.workers <= 1:
            yield None
        else:
            from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

            with ProcessPoolExecutor(max_workers=self.workers, initializer=_leave_with_parent) as pool:
                yield pool

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        *,
        label: str = "",
        small: bool = False,
        finished: Callable[[int, Result], None] | None = None,
    ) -> list[Result]:
        """Apply a function to every item and return the results in the order of the items.

        Parameters
        ----------
        function : callable
            A module-level function (it may travel to another process).
        items : sequence
            The pieces of work; one item is never split.
        label : str
            Shown by the progress; empty shows nothing.
        small : bool
            True runs in this process: for work that is shorter than starting a pool.
        finished : callable, optional
            Told the number and the result of each item as it finishes, in this process: to keep it at once.

        Returns
        -------
        list
            One result an item.

        Raises
        ------
        CancelledError
            ``cancelled`` said so.
        Exception
            Whatever the function raises, at the first item that failed.
        """
        results: list[Result | None] = [None] * len(items)
        if label:
            self.progress.start(label, len(items))
        try:
            if small or len(items) <= 1:
                self._map_here(function, items, results, bool(label), finished)
            else:
                with self._open_executor() as pool:
                    if pool is None:
                        self._map_here(function, items, results, bool(label), finished)
                    else:
                        self._map_pool(pool, function, items, results, bool(label), finished)
        finally:
            if label:
                self.progress.finish()
        return results  # type: ignore[return-value]

    def _map_here(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        results: list[Result | None],
        shown: bool,
        finished: Callable[[int, Result], None] | None,
    ) -> None:
        for index, item in enumerate(items):
            self._stop_if_cancelled()
            results[index] = result = function(item)
            if finished is not None:
                finished(index, result)
            if shown:
                self.progress.advance()

    def _map_pool(
        self,
        pool: Executor,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        results: list[Result | None],
        shown: bool,
        finished: Callable[[int, Result], None] | None,
    ) -> None:
        from concurrent.futures import as_completed  # noqa: PLC0415

        futures = {pool.submit(function, item): index for index, item in enumerate(items)}
        try:
            for future in as_completed(futures):
                index, result = futures[future], future.result()
                results[index] = result
                if finished is not None:
                    finished(index, result)
                if shown:
                    self.progress.advance()
                self._stop_if_cancelled()
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def _stop_if_cancelled(self) -> None:
        if self.cancelled():
            raise CancelledError("run", "cancelled", do="start the same command again to resume")


def split_chunks(items: Iterable[Item], size: int) -> list[tuple[Item, ...]]:
    """Cut items into chunks of at most ``size``, in order.

    Parameters
    ----------
    items : iterable
        What to cut.
    size : int
        Largest chunk, at least 1.

    Returns
    -------
    list of tuple

    Raises
    ------
    ValueError
        ``size`` is below 1.

    Examples
    --------
    >>> split_chunks("abcde", 2)
    [('a', 'b'), ('c', 'd'), ('e',)]
    """
    if size < 1:
        raise ValueError(f"chunk size {size}; allowed: at least 1")
    everything = tuple(items)
    return [everything[start : start + size] for start in range(0, len(everything), size)]
