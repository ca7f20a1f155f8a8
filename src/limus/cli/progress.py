"""A progress bar on standard error, shown when work takes more than a second."""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["BarProgress"]

_PATIENCE_S = 1.0
_LINE_EVERY_S = 30.0


class BarProgress:
    """Progress for people: nothing at first, a bar on a terminal after a second, plain lines elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._label, self._total, self._done, self._started, self._told = "", 0, 0, 0.0, 0.0

    def start(self, label: str, total: int) -> None:
        """Begin a task; a total of 0 means that the end is not known."""
        self.finish()
        self._label, self._total, self._done, self._started = label, total, 0, time.monotonic()
        self._told = self._started

    def advance(self, steps: int = 1) -> None:
        """Count steps and show the bar once the task takes more than a second."""
        self._done += steps
        if self._bar is None and self._label and time.monotonic() - self._started > _PATIENCE_S and sys.stderr.isatty():
            self._open()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)
        elif self._label and not sys.stderr.isatty() and time.monotonic() - self._told > _LINE_EVERY_S:
            self._told = time.monotonic()
            elapsed = self._told - self._started
            of = f" of {self._total}" if self._total else ""
            left = f", about {elapsed * (self._total / self._done - 1):.0f} s left" if self._total else ""
            print(f"{self._label}: {self._done}{of} steps, {elapsed:.0f} s{left}", file=sys.stderr)  # noqa: T201

    def _open(self) -> None:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress  # noqa: PLC0415

        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(self._label, total=self._total or None)

    def finish(self) -> None:
        """End the task and take the bar away; off a terminal a long task leaves one line."""
        elapsed = time.monotonic() - self._started
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        elif self._label and elapsed > _PATIENCE_S:
            print(f"{self._label}: done in {elapsed:.0f} s", file=sys.stderr)  # noqa: T201
        self._label = ""
