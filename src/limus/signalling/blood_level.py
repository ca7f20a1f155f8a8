"""A level in whole blood read as what a lymphocyte in that blood sees.

Red cells and plasma proteins hold the drug; the blood is so much larger than its lymphocytes that they do not deplete
it. Plasma total C follows from blood by the drug's map (``library/constants/blood_to_plasma.toml``): the saturable
``blood = C + capacity*C/(K + C)``, K against total plasma, or a constant ratio. The cell is then simulated in undiluted
plasma. Where the drug's content in blood cells was measured at a known level, C is multiplied by the one factor that
gives this content in the model (uptake against unbound drug as dialysis measures it); elsewhere the factor is 1.
"""

from __future__ import annotations

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

__all__ = ["BLOOD", "BloodMap", "blood_culture", "blood_map"]

# a culture of plasma: cells so few that they take nothing away, binding as in human plasma
BLOOD = {"cells_per_ml": 1e4, "serum_percent": 100.0, "serum_binding": 1.0}
_BEFORE_HOURS = 24.0  # blood cells have met the drug for long: uptake at such unbound concentrations takes hours
_CONTENT_HOURS = 24.0


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
    uptake : float
        Factor from plasma to the concentration that gives the measured content of cells; 1 where none was measured.
    sources : tuple of SourcedValue
        The constants used.
    """

    capacity_nM: float  # noqa: N815
    dissociation_constant_nM: float  # noqa: N815
    ratio: float
    uptake: float
    sources: tuple[SourcedValue, ...]

    def plasma(self, blood_nM: NDArray[np.float64]) -> NDArray[np.float64]:
        """Total plasma concentration, nM, with the uptake factor, for levels in whole blood, nM."""
        if self.capacity_nM > 0:
            found = bind_in_blood(blood_nM, self.capacity_nM, self.dissociation_constant_nM).plasma
            return np.asarray(found * self.uptake)
        return np.asarray(blood_nM / self.ratio * self.uptake)


def blood_culture(culture: Culture) -> Culture:
    """Return the culture in blood: cells in undiluted plasma that they do not deplete, a day with the drug before.

    Parameters
    ----------
    culture : Culture
        Its drug is added with the stimulus; another time is kept.

    Returns
    -------
    Culture
    """
    overrides = dict(culture.overrides) | {"serum_binding": BLOOD["serum_binding"]}
    return replace(
        culture,
        cells_per_ml=BLOOD["cells_per_ml"],
        serum_percent=BLOOD["serum_percent"],
        overrides=overrides,
        add_at_hours=culture.add_at_hours or -_BEFORE_HOURS,
    )


@lru_cache(maxsize=16)
def blood_map(model: SourcedModel, drug: str) -> BloodMap:
    """Make the map from blood to cell of a drug.

    Parameters
    ----------
    model : SourcedModel
        Gives the content of cells that calibrates the uptake.
    drug : str
        As the model writes it.

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
    plain = BloodMap(capacity, constant, ratio, 1.0, tuple(sources))
    return plain if entry.content is None else _with_content(model, drug, compound, plain, entry.content)


def _nanomolar(value: SourcedValue, compound: Compound) -> float:
    return convert(value.value or 0.0, value.unit, "nM", molar_mass_g_per_mol=compound.molar_mass_g_per_mol)


def _with_content(model: SourcedModel, drug: str, compound: Compound, plain: BloodMap, content: _Content) -> BloodMap:
    measured = compound.constant(content.constant).value
    grams_per_cell = (measured.value or 0.0) * 1e-12 / 1e6  # pg per million cells
    litres = model.parameters["cytosol_volume_per_cell"].value
    wanted = grams_per_cell / compound.molar_mass_g_per_mol * 1e9 / litres
    plasma = np.logspace(-4, 3, 57)
    culture = blood_culture(replace(Culture.usual(find_protocol("none"), "calcineurin"), hours=_CONTENT_HOURS))
    symbol = f"{drug}.total_in_cells"
    held = run_culture(model, culture, {drug: plasma}, [symbol], [0.0, _CONTENT_HOURS]).output(symbol)[:, -1]
    if not held[0] < wanted < held[-1]:
        raise SolveError(
            f"content of cells with {drug}",
            f"{wanted:.3g} nM measured, {held[0]:.3g} to {held[-1]:.3g} nM in the model",
            "a content that the model can hold",
            "check the content of immunophilin",
        )
    needed = float(np.exp(np.interp(np.log(wanted), np.log(held), np.log(plasma))))
    level = convert(content.blood_ng_per_mL, "ng/mL", "nM", molar_mass_g_per_mol=compound.molar_mass_g_per_mol)
    uptake = needed / float(plain.plasma(np.array([level]))[0])
    return replace(plain, uptake=uptake, sources=(*plain.sources, measured))
