"""A level in whole blood read as what a lymphocyte in that blood sees.

Red cells and plasma proteins hold the drug: they are a reservoir so much larger than the lymphocytes that the plasma
keeps its level however much the cells take. All else is as in a culture: the cells are as dense as in the protocol, so
that interleukin-2 collects between them and is consumed.

Plasma total C follows from blood by the drug's map (``library/constants/blood_to_plasma.toml``): the saturable
``blood = C + capacity*C/(K + C)``, K against total plasma, or a constant ratio. The cell is then simulated in undiluted
plasma. Where the drug's content in blood cells was measured at a known level, C is multiplied by the one factor that
gives this content in the model (uptake against unbound drug as dialysis measures it); elsewhere the factor is 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import RefusedError, SolveError
from limus.kernel.provenance import SourcedValue
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.kernel.units import convert
from limus.molecule.catalogue import find_compound
from limus.molecule.compound import Compound
from limus.molecule.equilibrium import bind_in_blood
from limus.signalling.culture import Culture, run_culture
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import SourcedModel

__all__ = ["BEFORE_HOURS", "BLOOD", "BloodMap", "blood_culture", "blood_map"]

# what undiluted human plasma fixes
BLOOD = {"serum_percent": 100.0, "serum_binding": 1.0}
BEFORE_HOURS = 24.0  # blood cells have met the drug for long: uptake at such unbound concentrations takes hours
_CONTENT_HOURS = 24.0
_PLASMA_NM = np.logspace(-4, 3, 57)  # where the content is looked at


class _Saturable(Entry):
    capacity: str
    dissociation_constant: str


class _Content(Entry):
    constant: str
    blood_ng_per_mL: float  # noqa: N815
    note: str


class _Map(Entry):
    saturable: _Saturable | None = None
    ratio: str | None = None
    content: _Content | None = None


class _MapFile(Entry):
    limus_blood_to_plasma: Literal[1]
    tacrolimus: _Map
    ciclosporin: _Map
    sirolimus: _Map


@dataclass(frozen=True, slots=True)
class BloodMap:
    """From blood to what stands for plasma in the model.

    Attributes
    ----------
    capacity_nM, dissociation_constant_nM : float
        Saturable binding to red cells; capacity 0 where a ratio is used.
    ratio : float
        Blood over plasma; 1 where binding is saturable.
    uptake : float or (N,) array
        Factor from plasma to the concentration that gives the measured content of cells, for one or N parameter sets; 1
        where none was measured.
    sources : tuple of SourcedValue
        The constants used.
    """

    capacity_nM: float  # noqa: N815
    dissociation_constant_nM: float  # noqa: N815
    ratio: float
    uptake: float | NDArray[np.float64]
    sources: tuple[SourcedValue, ...]

    def plasma(self, blood_nM: NDArray[np.float64]) -> NDArray[np.float64]:
        """Total plasma concentration with the uptake factor, nM, (C,) or (N, C), for C levels in whole blood, nM."""
        if self.capacity_nM > 0:
            found = bind_in_blood(blood_nM, self.capacity_nM, self.dissociation_constant_nM).plasma
        else:
            found = blood_nM / self.ratio
        return np.asarray(np.multiply.outer(self.uptake, found))


def blood_culture(culture: Culture, *, add_at_hours: float = -BEFORE_HOURS) -> Culture:
    """Return the culture in blood: cells in undiluted plasma whose level of drug they do not deplete.

    Parameters
    ----------
    culture : Culture
        Its density, hours and stimulus are kept.
    add_at_hours : float
        From when the blood holds the drug, relative to the stimulus; by default a day before.

    Returns
    -------
    Culture
    """
    return replace(
        culture,
        serum_percent=BLOOD["serum_percent"],
        overrides=dict(culture.overrides) | {"serum_binding": BLOOD["serum_binding"]},
        add_at_hours=add_at_hours,
        reservoir=True,
    )


def blood_map(model: SourcedModel, drug: str, parameters: Mapping[str, NDArray[np.float64]] | None = None) -> BloodMap:
    """Make the map from blood to cell of a drug.

    Parameters
    ----------
    model : SourcedModel
        Gives the content of cells that calibrates the uptake.
    drug : str
        As the model writes it.
    parameters : mapping of str to (N,) array, optional
        Parameter sets, each of which has its own uptake; by default one, the model's own values.

    Returns
    -------
    BloodMap

    Raises
    ------
    RefusedError
        The library knows no distribution of the drug between blood and plasma.
    SolveError
        The measured content lies outside what the model can hold.
    """
    plain, content = _without_content(drug)
    return plain if content is None else _with_content(model, drug, plain, content, parameters or {})


@lru_cache(maxsize=16)
def _without_content(drug: str) -> tuple[BloodMap, _Content | None]:
    """The map to plasma, and the content of cells that its uptake is to give."""
    file = read_toml(library_folder() / "constants" / "blood_to_plasma.toml", _MapFile)
    entry: _Map | None = getattr(file, drug, None)
    if entry is None:
        known = ", ".join(name for name in _MapFile.model_fields if name != "limus_blood_to_plasma")
        raise RefusedError(
            "medium blood", drug, known, "no distribution between blood and plasma is sourced; use a culture medium"
        )
    compound = find_compound(drug)
    capacity, constant, ratio = 0.0, 1.0, 1.0
    sources: list[SourcedValue] = []
    if entry.saturable is not None:
        names = (entry.saturable.capacity, entry.saturable.dissociation_constant)
        sources = [compound.constant(name).value for name in names]
        capacity, constant = (_nanomolar(one, compound) for one in sources)
    elif entry.ratio is not None:
        sources = [compound.constant(entry.ratio).value]
        ratio = float(sources[0].value or 1.0)
    return BloodMap(capacity, constant, ratio, 1.0, tuple(sources)), entry.content


def _nanomolar(value: SourcedValue, compound: Compound) -> float:
    return convert(value.value or 0.0, value.unit, "nM", molar_mass_g_per_mol=compound.molar_mass_g_per_mol)


def _with_content(
    model: SourcedModel,
    drug: str,
    plain: BloodMap,
    content: _Content,
    parameters: Mapping[str, NDArray[np.float64]],
) -> BloodMap:
    compound = find_compound(drug)
    measured = compound.constant(content.constant).value
    grams_per_cell = (measured.value or 0.0) * 1e-12 / 1e6  # pg per million cells
    litres = model.parameters["cytosol_volume_per_cell"].value
    wanted = grams_per_cell / compound.molar_mass_g_per_mol * 1e9 / litres
    held = _held(model, drug, _PLASMA_NM, parameters)
    if not (held[:, 0].max() < wanted < held[:, -1].min()):
        raise SolveError(
            f"content of cells with {drug}",
            f"{wanted:.3g} nM measured, {held[:, 0].max():.3g} to {held[:, -1].min():.3g} nM in the model",
            "a content that the model can hold",
            "check the content of immunophilin",
        )
    needed = np.exp([np.interp(np.log(wanted), np.log(row), np.log(_PLASMA_NM)) for row in held])
    level = convert(content.blood_ng_per_mL, "ng/mL", "nM", molar_mass_g_per_mol=compound.molar_mass_g_per_mol)
    uptake = needed / float(plain.plasma(np.array([level]))[0])
    return replace(plain, uptake=uptake if parameters else float(uptake[0]), sources=(*plain.sources, measured))


def _held(
    model: SourcedModel, drug: str, plasma: NDArray[np.float64], parameters: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Content of resting cells after a day in plasma, nM, (sets, concentrations)."""
    sets = len(next(iter(parameters.values()))) if parameters else 1
    culture = blood_culture(replace(Culture.usual(find_protocol("none"), "calcineurin"), hours=_CONTENT_HOURS))
    rows = {name: np.repeat(values, len(plasma)) for name, values in parameters.items()}
    times = [0.0, _CONTENT_HOURS]
    symbol = f"{drug}.total_in_cells"
    result = run_culture(model, culture, {drug: np.tile(plasma, sets)}, [symbol], times, parameters=rows)
    return result.output(symbol)[:, -1].reshape(sets, len(plasma))
