"""What an ELISA's layout says beside the wells: analyte, curve, limits, and how viability is joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from limus.assay.elisa.viability import ViabilitySettings, read_viability_settings
from limus.assay.layout.records import Layout
from limus.assay.quality.rules import rule_values
from limus.kernel.tables import Entry, parse_record

__all__ = ["ElisaConditions", "read_elisa_conditions"]


class _Section(Entry):
    """Section ``[elisa]`` of a layout."""

    analyte: str = "analyte"
    model: Literal["auto", "ll4", "ll5"] = "auto"
    weighting: Literal["auto", "none", "1/y", "1/y2", "power"] = "auto"
    limits: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ElisaConditions:
    """Conditions of an ELISA.

    Attributes
    ----------
    analyte : str
    model, weighting : str
        ``auto`` or a name.
    rules : mapping of str to float
        Limits that hold, per cent.
    viability : ViabilitySettings or None
    """

    analyte: str
    model: str
    weighting: str
    rules: Mapping[str, float]
    viability: ViabilitySettings | None

    @property
    def threshold_percent(self) -> float:
        """Viability below which a treatment counts as cytotoxic."""
        own = self.viability.threshold_percent if self.viability is not None else float("nan")
        return own if own == own else self.rules["viability_percent"]  # noqa: PLR0124


def read_elisa_conditions(layout: Layout) -> ElisaConditions:
    """Read sections ``[elisa]`` and ``[viability]`` of a layout.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    ElisaConditions

    Raises
    ------
    InputError
        A key or a limit is unknown or wrong.
    """
    section = parse_record(dict(layout.sections["elisa"]), _Section, where=f"{layout.path}, [elisa]")
    return ElisaConditions(
        analyte=section.analyte,
        model=section.model,
        weighting=section.weighting,
        rules=rule_values(section.limits, f"{layout.path}, [elisa.limits]"),
        viability=read_viability_settings(layout),
    )
