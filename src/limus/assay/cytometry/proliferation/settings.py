"""What a layout says of a proliferation plate: section ``[proliferation]``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from limus.assay.cytometry.generation.fit import Widening
from limus.assay.cytometry.generation.indices import INDICES
from limus.assay.layout.records import Layout
from limus.kernel.errors import InputError
from limus.kernel.tables import Entry, parse_record

__all__ = ["ProliferationSettings", "read_settings"]


class ProliferationSettings(Entry):
    """Channels by name or label, controls by file name, and how to analyse.

    Attributes
    ----------
    dye, viability, cd3 : str
        Channels; viability and cd3 may be empty.
    area, height : str
        Forward scatter, for cells and singlets; empty where it was not measured.
    compensation : str
        ``auto``: single stains where they are named, else the file's own matrix, else none. ``file``, ``single_stains``
        and ``none`` ask for one of them.
    single_stains : dict of str to str
        File of each single-stain control, by channel.
    unstained : list of str
        Files of cells without any stain; wells with the role ``blank`` count too.
    gates : str
        ``plate``: proposed on control wells, the same for every file. ``each``: the same rules on each file. Else the
        name of a Gating-ML file beside the layout.
    population : str
        Gate whose cells are analysed; the last one by default.
    widening : str
        Of peaks: ``fixed``, ``growing`` or ``auto``.
    most_generations : int or None
    indices : list of str
        For the dose-response; the first one decides the heat map.
    replicates : int
        Of the bootstrap.
    files : dict of str to str
        Well to file, where names do not tell.
    rules : dict of str to number
        Limits in place of the library's.
    """

    dye: str
    viability: str = ""
    cd3: str = ""
    area: str = "FSC-A"
    height: str = "FSC-H"
    compensation: Literal["auto", "file", "single_stains", "none"] = "auto"
    single_stains: dict[str, str] = Field(default_factory=dict)
    unstained: list[str] = Field(default_factory=list)
    gates: str = "plate"
    population: str = ""
    widening: Widening = "auto"
    most_generations: Annotated[int, Field(ge=1, le=20)] | None = None
    indices: list[str] = Field(default_factory=lambda: ["division_index"])
    replicates: Annotated[int, Field(ge=0, le=10_000)] = 200
    files: dict[str, str] = Field(default_factory=dict)
    rules: dict[str, float | int] = Field(default_factory=dict)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that every file must have."""
        return tuple(c for c in (self.dye, self.viability, self.cd3, self.area, self.height) if c)

    @property
    def watched(self) -> tuple[str, ...]:
        """Channels that are looked over in time, the dye last."""
        return tuple(c for c in (self.area, self.dye) if c)


def read_settings(layout: Layout) -> ProliferationSettings:
    """Read the section of a layout.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    ProliferationSettings

    Raises
    ------
    InputError
        The section is missing, or a key is missing, unknown or wrong.
    """
    section: dict[str, Any] = dict(layout.sections.get("proliferation", {}))
    where = f"{layout.path}, [proliferation]"
    if not section:
        raise InputError(where, "no section", "[proliferation] with at least dye", "name the channel of the dye")
    settings = parse_record(section, ProliferationSettings, where=where)
    unknown = [name for name in settings.indices if name not in INDICES]
    if unknown or not settings.indices:
        raise InputError(f"{where} indices", ", ".join(unknown) or "none", ", ".join(INDICES), "name an index")
    if settings.compensation == "single_stains" and not settings.single_stains:
        raise InputError(f"{where} single_stains", "none", "a file for each channel", "name the control files")
    return settings
