"""What every command does around a workflow: options, progress, JSON or text, errors and exit status."""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.errors import CancelledError, LimusError

__all__ = ["EXIT_INTERNAL", "Options", "report_error", "run_command"]

EXIT_INTERNAL = 4


@dataclass(frozen=True, slots=True)
class Options:
    """The options that all commands share."""

    json: bool
    out: Path | None
    seed: int
    overwrite: bool = False


def run_command(
    workflow: str,
    settings: Mapping[str, Any],
    show: Callable[[dict[str, Any]], str],
    options: Options,
    *,
    status: Callable[[dict[str, Any]], int] = lambda content: 0,
) -> int:
    """Run a workflow and print its result.

    Parameters
    ----------
    workflow : str
        Name of the module under ``limus.workflows``.
    settings : mapping
        Fields of the workflow's request, without the seed.
    show : callable
        Turns the result's dictionary into text for people.
    options : Options
    status : callable
        Turns the result's dictionary into the exit status.

    Returns
    -------
    int
        Exit status.

    Raises
    ------
    LimusError
        Whatever the workflow raises on purpose.
    """
    from limus.cli.progress import BarProgress  # noqa: PLC0415
    from limus.kernel.execution import Execution  # noqa: PLC0415
    from limus.kernel.tables import parse_record  # noqa: PLC0415
    from limus.workflows.request import json_value, load_workflow  # noqa: PLC0415

    module, request_type = load_workflow(workflow)
    seeded = {"seed": options.seed} if "seed" in request_type.model_fields else {}
    request = parse_record(dict(settings) | seeded, request_type, where=f"limus {workflow}")
    progress = BarProgress()
    execution = Execution(seed=options.seed, progress=progress, overwrite=options.overwrite)
    try:
        result = module.run(request, out=options.out, execution=execution)
    finally:
        progress.finish()
    content = result.as_dict()
    if options.json:
        print(json.dumps(json_value(content)))  # noqa: T201
    else:
        print(show(content))  # noqa: T201
    return status(content)


def report_error(error: BaseException, *, as_json: bool) -> int:
    """Print an error, as the contract's JSON object or as text, and return the exit status.

    Parameters
    ----------
    error : BaseException
        What was raised. What limus did not raise on purpose is saved with its traceback.
    as_json : bool

    Returns
    -------
    int
        1 to 4, or 130.
    """
    if isinstance(error, KeyboardInterrupt):
        error = CancelledError("run", "interrupted", do="start the same command again; parts in --out are kept")
    if not isinstance(error, LimusError):
        error = _internal(error)
    if as_json:
        print(json.dumps({"error": error.as_dict()}))  # noqa: T201
    else:
        lines = [f"limus: {error.where}" + (f": {error.got}" if error.got else "")]
        lines += [f"  allowed: {error.allowed}"] if error.allowed else []
        lines += [f"  do: {error.do}"] if error.do else []
        print("\n".join(lines), file=sys.stderr)  # noqa: T201
    return error.exit_status


def _internal(error: BaseException) -> LimusError:
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="limus-", suffix=".txt", delete=False) as file:
            file.write(text)
        saved = f"please report it with {file.name}"
    except OSError:
        print(text, file=sys.stderr)  # noqa: T201
        saved = "please report it with the traceback above"
    return LimusError("internal error", f"{type(error).__name__}: {error}", do=saved)
