"""How work runs: executor, seeds, chunks, run directory with resume, progress, cancel."""

from limus.kernel.execution.execution import Execution, Progress, SilentProgress, split_chunks
from limus.kernel.execution.run_directory import RunDirectory
from limus.kernel.execution.seeds import spawn_generators

__all__ = ["Execution", "Progress", "RunDirectory", "SilentProgress", "spawn_generators", "split_chunks"]
