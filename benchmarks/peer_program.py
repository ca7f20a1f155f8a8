"""What the benchmarks share: the peers' own environment, programs in processes of their own, the machine in words."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

__all__ = ["ONE_THREAD", "Program", "interpreter", "machine", "make_environment"]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def make_environment(folder: Path, packages: Sequence[str], **variables: str) -> list[str]:
    """Install the peers of a benchmark's folder once; return those that could not be installed."""
    if not (folder / ".venv" / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    quietly = [folder / ".venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    settings = os.environ | variables
    return [p for p in packages if subprocess.run([*quietly, p], env=settings, check=False).returncode != 0]


def interpreter(folder: Path, name: str) -> str:
    """Python of a program: the one that runs here for limus, the peers' own for the others."""
    return sys.executable if name == "limus" else str(folder / ".venv" / "bin" / "python")


class Program:
    """A program in a process of its own, on one thread: ``peers/worker.py`` of the benchmark's folder serves it."""

    def __init__(
        self, folder: Path, name: str, *arguments: str, errors: IO[str] | int | None = subprocess.DEVNULL
    ) -> None:
        self.name = name
        # limus finds the benchmark's own modules; a peer nothing but its environment
        inherited = os.environ.get("PYTHONPATH", "")
        paths = os.pathsep.join(filter(None, [str(folder), inherited])) if name == "limus" else ""
        self._process = subprocess.Popen(
            [interpreter(folder, name), str(folder / "peers" / "worker.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | ONE_THREAD | {"PYTHONPATH": paths},
        )

    def run(self, **request: Any) -> dict[str, Any]:
        """Send a request as one line, and return the answer; ``failed`` says why there is none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            reply = self._process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        return json.loads(reply) if reply else {"failed": "its process ended"}

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def machine() -> str:
    """Describe processor and system, never the name of the host."""
    model = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        found = [line.split(":")[1].strip() for line in cpus.read_text().splitlines() if line.startswith("model name")]
        model = found[0] if found else model
    return f"{model}, {os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}"
