"""Entry of the command line: runs a command and turns what it raises into a message and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limus.kernel.errors import LimusError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``limus`` and exit.

    Exit status: 0 done (also when some rows failed), 1 nothing succeeded, 2 bad input, 3 refused on purpose,
    4 internal error with a saved traceback, 130 interrupted.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line without the program's name; by default ``sys.argv``.
    """
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit status.

    Parameters
    ----------
    arguments : list of str

    Returns
    -------
    int
    """
    from typer.exceptions import Abort, Exit, TyperException  # noqa: PLC0415

    from limus.cli.commands import app  # noqa: PLC0415
    from limus.cli.runner import report_error  # noqa: PLC0415
    from limus.kernel.errors import CancelledError  # noqa: PLC0415

    as_json = "--json" in arguments
    try:
        status = app(args=arguments, prog_name="limus", standalone_mode=False)
    except TyperException as error:
        return report_error(_usage_error(error.format_message(), arguments), as_json=as_json)
    except Exit as ending:
        return int(ending.exit_code)
    except (KeyboardInterrupt, Abort):
        return report_error(KeyboardInterrupt(), as_json=as_json)
    except Exception as error:  # the last resort: an internal error is reported, not thrown at the user
        return report_error(error, as_json=as_json)
    if status == CancelledError.exit_status:  # typer turns an interrupt into this
        return report_error(KeyboardInterrupt(), as_json=as_json)
    return int(status or 0)


def _usage_error(message: str, arguments: list[str]) -> LimusError:
    """A wrong command line, with near names where the command itself is unknown."""
    from limus.cli.commands import command_names  # noqa: PLC0415
    from limus.kernel.errors import InputError, UnknownNameError, near_names  # noqa: PLC0415

    name = arguments[0] if arguments else ""
    known = command_names()
    if name in known or name.startswith("-"):
        return InputError("command line", message, do=f"limus {name} --help" if name in known else "limus --help")
    near = near_names(name, known)
    hint = f"did you mean {' or '.join(near)}?" if near else "limus --help lists what can be asked"
    return UnknownNameError("command", name, ", ".join(known), hint)
