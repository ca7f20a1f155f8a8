"""What stands in each well: role, compound, concentration, replicate. Values only; files are read elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from limus.assay.plate.format import PlateFormat, well_name
from limus.kernel.checks import Finding
from limus.kernel.tables import Entry
from limus.kernel.units import convert

__all__ = ["Layout", "LayoutWell", "Quantity", "ReaderSettings", "Role"]


class Role(StrEnum):
    """What a well is for.

    ``blank``: reagents without analyte and enzyme. ``standard``: a known amount of what is measured. ``control``: no
    compound, full signal (vehicle; stimulated cells). ``no_enzyme``: everything but the enzyme. ``unstimulated``: cells
    without stimulus. ``sample``: a compound or an unknown. ``spike``: a sample with a known amount added. ``maximum``:
    all cells lysed (LDH). ``quality_control``: a known sample, not used for the curve. ``empty``: nothing to read.
    ``excluded``: left out on purpose, with a reason, such as the edge.
    """

    BLANK = "blank"
    STANDARD = "standard"
    CONTROL = "control"
    NO_ENZYME = "no_enzyme"
    UNSTIMULATED = "unstimulated"
    SAMPLE = "sample"
    SPIKE = "spike"
    MAXIMUM = "maximum"
    QUALITY_CONTROL = "quality_control"
    EMPTY = "empty"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with the unit that was written behind it; the unit is empty where none was written."""

    value: float
    unit: str = ""

    @property
    def given(self) -> bool:
        """Whether anything was written."""
        return not math.isnan(self.value)

    def in_unit(self, unit: str, *, molar_mass_g_per_mol: float | None = None, where: str = "quantity") -> float:
        """Return the value in another unit; zero is zero without a unit.

        Parameters
        ----------
        unit : str
        molar_mass_g_per_mol : float, optional
            Needed between mass and amount.
        where : str
            Named in the error.

        Returns
        -------
        float

        Raises
        ------
        UnitError
            No unit, an unknown one, or one of another kind.
        """
        if self.value == 0:
            return 0.0
        return convert(self.value, self.unit, unit, molar_mass_g_per_mol=molar_mass_g_per_mol, where=where)


NOTHING = Quantity(math.nan)


@dataclass(frozen=True, slots=True)
class LayoutWell:
    """One well of a layout.

    Attributes
    ----------
    row, column : int
        From 0.
    role : Role
    compound : str
        As written; empty where there is none.
    concentration : Quantity
        Of the compound, or of what is measured where the role is standard or quality control.
    sample, group : str
        Names that the user gives.
    replicate : str
        As written, or numbered within wells that are alike.
    dilution : float
        Fold by which a sample was diluted before it came into the well, 1 or more.
    time, enzyme, spike : Quantity
        Reaction time, mass of enzyme in the well, and what was added to a spiked sample.
    reason : str
        Why a well is excluded.
    where : str
        The entry of the file, named in findings.
    """

    row: int
    column: int
    role: Role
    compound: str = ""
    concentration: Quantity = NOTHING
    sample: str = ""
    group: str = ""
    replicate: str = ""
    dilution: float = 1.0
    time: Quantity = NOTHING
    enzyme: Quantity = NOTHING
    spike: Quantity = NOTHING
    reason: str = ""
    where: str = ""

    @property
    def name(self) -> str:
        """Such as ``B7``."""
        return well_name(self.row, self.column)

    @property
    def treatment(self) -> tuple[object, ...]:
        """What is the same in replicates."""
        quantities = (self.concentration, self.time, self.enzyme, self.spike)
        written = tuple((None, "") if not q.given else (q.value, q.unit) for q in quantities)
        return (self.role, self.compound, self.sample, self.group, self.dilution, *written)


class ReaderSettings(Entry):
    """How the exported file is to be read; section ``[reader]`` of a layout."""

    wavelength_nm: float | None = None
    reference_wavelength_nm: float | None = None
    time_min: Annotated[float, Field(ge=0)] | None = None
    label: str | None = None
    number: Annotated[int, Field(ge=1)] | None = None
    decimal: Literal[".", ","] = "."
    saturation: Annotated[float, Field(gt=0)] | None = None


@dataclass(frozen=True, eq=False)
class Layout:
    """A checked layout.

    Attributes
    ----------
    path : Path
    files : tuple of Path
        The file itself, and that of its wells where it names one.
    sha256 : str
        Of the text of these files, hexadecimal.
    name : str
    plate : PlateFormat
    wells : tuple of LayoutWell
        Each well at most once, row by row; wells named twice are not among them.
    reader : ReaderSettings
    sections : mapping of str to mapping
        What the file says about the assay, by section; each assay reads its own.
    findings : tuple of Finding
        What the checks said, without errors.
    """

    path: Path
    files: tuple[Path, ...]
    sha256: str
    name: str
    plate: PlateFormat
    wells: tuple[LayoutWell, ...]
    reader: ReaderSettings
    sections: Mapping[str, Mapping[str, Any]]
    findings: tuple[Finding, ...]

    def by_place(self) -> dict[tuple[int, int], LayoutWell]:
        """Return the wells by row and column."""
        return {(well.row, well.column): well for well in self.wells}
