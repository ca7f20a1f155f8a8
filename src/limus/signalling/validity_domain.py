"""Outside its validity domain a model is refused."""

from __future__ import annotations

from limus.kernel.errors import RefusedError
from limus.signalling.sourced_model import SourcedModel

__all__ = ["stay_inside_domain"]


def stay_inside_domain(
    model: SourcedModel,
    *,
    hours: float,
    cells_per_ml: float,
    serum_percent: float,
    highest_nM: float,
    hours_before: float = 0.0,
) -> None:
    """Refuse a culture outside the domain that the model's file declares.

    Parameters
    ----------
    model : SourcedModel
    hours : float
        Simulated, h.
    cells_per_ml : float
    serum_percent : float
        Per cent by volume.
    highest_nM : float
        Highest concentration in the medium, nM.
    hours_before : float
        Of the hours, those before the stimulus.

    Raises
    ------
    RefusedError
        Outside; the message names what, and the domain.
    """
    domain = model.validity
    before = f", {hours_before:g} h before the stimulus among them" if hours_before > 0 else ""
    ranges = (
        ("hours", hours, 0.0, domain.hours_upper, "h", before),
        ("density", cells_per_ml, *domain.cells_per_ml, "cells/mL", ""),
        ("serum", serum_percent, *domain.serum_percent, "%", ""),
        ("concentration", highest_nM, 0.0, domain.concentration_upper_nM, "nM", ""),
    )
    for name, value, lower, upper, unit, more in ranges:
        if not lower <= value <= upper:
            allowed = f"{lower:g} to {upper:g} {unit}, the validity domain of {model.name}"
            raise RefusedError(name, f"{value:g} {unit}{more}", allowed, "stay inside the domain")
