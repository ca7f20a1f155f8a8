"""Head-to-head pharmacology of immunosuppressants, from the molecule to the guide, every number with its source.

Each thing a person can ask is a workflow; its name here is loaded when first used, so importing ``limus`` is quick.
"""

from __future__ import annotations

import importlib
from typing import Any

from limus._version import __version__

_WORKFLOWS: dict[str, str] = {}

__all__ = ["__version__"]
__all__ += sorted(_WORKFLOWS)


def __getattr__(name: str) -> Any:
    if name in _WORKFLOWS:
        return importlib.import_module(f"limus.workflows.{_WORKFLOWS[name]}").run
    raise AttributeError(f"module 'limus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
