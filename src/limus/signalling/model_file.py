"""The file beside a model's text: each parameter's value, unit, kind and source; readouts; validity domain."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from limus.kernel.tables import Entry

__all__ = ["CellTypeFile", "ModelFile", "ParameterEntry", "ProtocolFile", "Valued"]

Text = Annotated[str, Field(min_length=1)]
KindName = Literal["measured", "compiled", "fitted", "assumed"]


class Valued(Entry):
    """A number with its unit, kind and source."""

    value: float | None = None
    unit: str = ""
    kind: KindName = "assumed"
    source: list[str] = Field(default_factory=list)
    note: str = ""


class ParameterEntry(Valued):
    """One parameter: a value of its own, a compound's constant (``from``), or the value of another (``same_as``).

    For ``kind = "fitted"`` the value is the centre of the prior; ``lower`` and ``upper`` bound the fit and
    ``prior_log10_sd`` is the prior's standard deviation in log10.
    """

    from_: str | None = Field(default=None, alias="from")
    same_as: str | None = None
    lower: float | None = None
    upper: float | None = None
    prior_log10_sd: float | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if sum(origin is not None for origin in (self.value, self.from_, self.same_as)) != 1:
            raise ValueError("exactly one of value, from and same_as")
        if self.value is not None and not self.unit:
            raise ValueError("a unit (dimensionless for a pure number)")
        if self.value is not None and self.kind in {"measured", "compiled"} and not self.source:
            raise ValueError("a source where kind is measured or compiled")
        if self.kind == "fitted" and None in (self.lower, self.upper, self.prior_log10_sd):
            raise ValueError("lower, upper and prior_log10_sd where kind is fitted")
        return self


class ReadoutEntry(Entry):
    """A quantity that an assay measures: the model's symbol for it, its label, and what counts as no signal.

    A control culture whose readout is less than ``detection_limit`` above background gives no curve.
    """

    symbol: Text
    short: Text
    label: Text
    background: Literal["unstimulated", "zero"] = "unstimulated"
    detection_limit: float = 0.0


class ValidityEntry(Entry):
    """Where the model may be used, and what it cannot say."""

    species: Text
    hours_upper: float
    cells_per_ml_lower: float
    cells_per_ml_upper: float
    serum_percent_lower: float
    serum_percent_upper: float
    concentration_upper_nM: float  # noqa: N815
    cannot_say: list[Text]


class ModelFile(Entry):
    """The whole file."""

    limus_model: Literal[1]
    name: Text
    label: Text
    file: Text
    summary: Text
    papers: list[str]
    changes: list[str]
    validity: ValidityEntry
    conserved: dict[str, list[str]]
    readouts: dict[str, ReadoutEntry]
    parameters: dict[str, ParameterEntry]


class CellTypeFile(Entry):
    """A type of cell: settings of the model's parameters that differ from the model's own cell."""

    limus_cell_type: Literal[1]
    name: Text
    label: Text
    note: str
    settings: dict[str, Valued] = Field(default_factory=dict)


class ProtocolFile(Entry):
    """A way to stimulate cells: settings of the model's parameters, and hours to harvest by readout."""

    limus_protocol: Literal[1]
    name: Text
    label: Text
    short: Text
    note: str
    settings: dict[str, Valued]
    hours: dict[str, float]
