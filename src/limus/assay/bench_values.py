"""From an analysed plate to values that a model and a guide can use, each with the hashes of its files."""

from __future__ import annotations

import math
from collections.abc import Iterator

from limus.assay.curve.inhibition import PercentCurve
from limus.assay.elisa.result import ElisaAnalysis
from limus.assay.phosphatase.result import Inhibitor, PhosphataseAnalysis
from limus.assay.phosphatase.tight_binding import HalfEnzyme
from limus.assay.plate.uncertainty import Estimate
from limus.assay.reader.wells import PlateWells
from limus.molecule.bench_result import BenchValue

__all__ = ["elisa_values", "phosphatase_values"]

LEVEL_PERCENT = 95.0


def phosphatase_values(a: PhosphataseAnalysis) -> tuple[BenchValue, ...]:
    """Return what a phosphatase plate measured of its compounds.

    The constant is that of the full equilibrium, which is how the pathway models use it. An IC50 that no
    stoichiometric inhibitor can have is left out, and so is the constant of that compound.

    Parameters
    ----------
    a : PhosphataseAnalysis

    Returns
    -------
    tuple of BenchValue
    """
    return tuple(value for one in a.inhibitors for value in _of_inhibitor(one, a))


def _of_inhibitor(one: Inhibitor, a: PhosphataseAnalysis) -> Iterator[BenchValue]:
    if one.binding.half_enzyme is HalfEnzyme.IMPOSSIBLE:
        return
    s, c = one.curve.series, a.conditions
    stated = [f"{s.time_min:g} min" if math.isfinite(s.time_min) else "", f"group {s.label}" if s.label else ""]
    stated += [f"enzyme {c.enzyme_nM:g} nM" if c.enzyme_nM is not None else ""]
    stated += [f"{c.immunophilin} {c.immunophilin_nM:g} nM" if c.immunophilin_nM is not None else ""]
    readout, wells = "calcineurin phosphatase", sum(len(g.signals) for g in s.doses)
    about = (s.compound, readout, wells, a.plate, ", ".join(text for text in stated if text))
    if one.binding.status == "ok":
        method = "tight-binding fit in the equilibrium of drug, immunophilin and calcineurin"
        yield _value("complex_dissociation_constant", one.binding.ki_equilibrium_nM, "nM", method, about)
    yield from _ic50s(one.curve.fit, "nM", about)


def elisa_values(a: ElisaAnalysis) -> tuple[BenchValue, ...]:
    """Return what an ELISA measured of its compounds, cytotoxic doses left out.

    Parameters
    ----------
    a : ElisaAnalysis

    Returns
    -------
    tuple of BenchValue
    """
    found: list[BenchValue] = []
    for one in a.inhibitors:
        wells = sum(len(d.group.signals) for d in one.doses if not d.masked)
        masked = sum(d.masked for d in one.doses)
        said = [f"group {one.label}" if one.label else "", f"cytotoxic doses left out: {masked}" if masked else ""]
        said += ["" if a.viability else "viability not measured"]
        about = (one.compound, f"{a.conditions.analyte} secretion", wells, a.plate, ", ".join(t for t in said if t))
        found += _ic50s(one.curve, one.unit, about)
    return tuple(found)


_About = tuple[str, str, int, PlateWells, str]


def _ic50s(fit: PercentCurve, unit: str, about: _About) -> Iterator[BenchValue]:
    method = f"log-logistic curve ({fit.model})"
    for name, estimate, status in (
        ("ic50_absolute", fit.ic50_absolute, fit.absolute_status),
        ("ic50_relative", fit.ic50_relative, fit.relative_status),
    ):
        if status == "ok":
            yield _value(name, estimate, unit, method, about)


def _value(quantity: str, estimate: Estimate, unit: str, method: str, about: _About) -> BenchValue:
    compound, readout, wells, plate, conditions = about
    return BenchValue(
        compound=compound,
        quantity=quantity,
        readout=readout,
        value=estimate.value,
        lower=estimate.lower,
        upper=estimate.upper,
        unit=unit,
        level_percent=LEVEL_PERCENT,
        n=wells,
        n_of="wells",
        method=method,
        conditions=conditions,
        file=plate.file.path.name,
        file_sha256=plate.file.sha256,
        layout=plate.layout.path.name,
        layout_sha256=plate.layout.sha256,
    )
