"""``limus convert``: a value from one unit to another, through a compound's molar mass where needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.execution import Execution
from limus.kernel.units import convert
from limus.molecule.catalogue import find_compound
from limus.molecule.conversion import convert_for_compound
from limus.workflows.request import Request, keep_result

__all__ = ["ConvertRequest", "ConvertResult", "run"]


class ConvertRequest(Request):
    """A value, its unit, the unit wanted, and the compound that it is of."""

    value: float
    unit: str
    to: str
    compound: str | None = None


@dataclass(frozen=True, slots=True)
class ConvertResult:
    """The value in the unit wanted."""

    value: float
    unit: str
    compound: str

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        return {"value": self.value, "unit": self.unit, "compound": self.compound}


def run(request: ConvertRequest, *, out: Path | None = None, execution: Execution | None = None) -> ConvertResult:
    """Convert a value.

    Parameters
    ----------
    request : ConvertRequest
    out : Path, optional
        Run directory; the result is kept in ``result.json``.
    execution : Execution, optional
        Not used.

    Returns
    -------
    ConvertResult

    Raises
    ------
    UnitError
        Unknown unit, different kinds, or mass against amount without a compound.
    UnknownNameError
        No such compound.
    InputError
        The compound has no public molar mass.

    Examples
    --------
    >>> round(run(ConvertRequest(value=10, unit="ng/mL", to="nM", compound="FK506")).value, 3)
    12.437
    """
    if request.compound is None:
        result = ConvertResult(convert(request.value, request.unit, request.to), request.to, "")
        keep_result(result, out, "convert", request, execution)
        return result
    compound = find_compound(request.compound)
    result = ConvertResult(
        convert_for_compound(request.value, request.unit, request.to, compound), request.to, compound.name
    )
    keep_result(result, out, "convert", request, execution)
    return result
