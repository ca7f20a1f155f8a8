"""Object code of functions that are finished while the next ones are written.

LLVM works without holding Python back, so it can turn finished functions into object code in a thread of its own. Each
part is a module of its own; functions are called across parts, tables of numbers go with the code that reads them.
"""

from __future__ import annotations

import re
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from llvmlite import binding, ir

__all__ = ["ObjectCode"]

_LONGEST_PART = 100_000  # characters
_NAME = re.compile(r'@"([^"]+)"')


class ObjectCode:
    """Gathers functions into parts and has them compiled; the parts depend on the functions only, not on time.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where the functions and what they use are declared.
    machine : llvmlite.binding.TargetMachine
    """

    def __init__(self, module: ir.Module, machine: Any) -> None:
        self._module, self._machine = module, machine
        self._texts: dict[str, str] = {}
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._parts: list[Future[bytes]] = []

    def add(self, function: ir.Function) -> None:
        """Take a function that is written to its end."""
        self._texts[function.name] = str(function)
        if sum(map(len, self._texts.values())) > _LONGEST_PART:
            self._hand_over()

    def finish(self) -> list[bytes]:
        """Return the object files of all parts.

        Raises
        ------
        RuntimeError
            LLVM does not understand the code.
        """
        self._hand_over()
        with self._thread:
            return [part.result() for part in self._parts]

    def _hand_over(self) -> None:
        used = dict.fromkeys(_NAME.findall("".join(self._texts.values())))
        others = (self._declared(self._module.globals[name]) for name in used if name not in self._texts)
        text = "\n".join([*others, *self._texts.values()])
        self._parts.append(self._thread.submit(self._emit, text))
        self._texts = {}

    @staticmethod
    def _declared(found: ir.GlobalValue) -> str:
        if isinstance(found, ir.Function):
            arguments = ", ".join(map(str, found.ftype.args))
            return f'declare {found.ftype.return_type} @"{found.name}"({arguments})'
        return str(found)

    def _emit(self, text: str) -> bytes:
        module = binding.parse_assembly(text)
        module.verify()
        code: bytes = self._machine.emit_object(module)
        return code
