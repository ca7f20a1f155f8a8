"""A simulated plate as a folder of FCS files: the wells of a layout, and the controls that its section names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.fcs.write import NewChannel, write_fcs
from limus.assay.cytometry.proliferation.settings import read_settings
from limus.assay.cytometry.simulation.events import CHANNELS, Stains, precursor_shares, simulate_events
from limus.assay.cytometry.simulation.truth import ProliferationTruth
from limus.assay.layout.records import Layout, LayoutWell, Role
from limus.kernel.errors import InputError, OutputError
from limus.kernel.execution import spawn_generators

__all__ = ["BITS", "simulate_plate", "true_precursors"]

Floats = NDArray[np.float64]
BITS = 16
_GAIN = 0.25  # 18 bits of the instrument in 16: a stored number counts four
_SEEDED = {Role.CONTROL, Role.UNSTIMULATED, Role.SAMPLE, Role.BLANK}
_TICKS_PER_SECOND = 100


def true_precursors(well: LayoutWell, truth: ProliferationTruth) -> Floats:
    """Return the share of a well's precursors in each generation.

    Parameters
    ----------
    well : LayoutWell
    truth : ProliferationTruth

    Returns
    -------
    (G + 1,) numpy.ndarray

    Raises
    ------
    InputError
        A compound that the truth does not name.
    """
    if well.role is Role.UNSTIMULATED:
        return precursor_shares(truth.division, responding=truth.unstimulated_responding)
    if well.role is not Role.SAMPLE or well.concentration.value == 0:
        return precursor_shares(truth.division)
    if well.compound not in truth.drugs:
        known = ", ".join(truth.drugs)
        raise InputError(f"{well.where}, compound", well.compound, known, "name it in the truth")
    drug = truth.drugs[well.compound]
    dose = well.concentration.in_unit("nM", where=well.where)
    effect = 1.0 / (1.0 + (drug.ic50_nM / dose) ** drug.slope)
    responding = truth.division.responding * (1.0 - drug.most_inhibition * effect)
    return precursor_shares(
        truth.division, responding=responding, slower=1.0 + (drug.first_division_factor - 1.0) * effect
    )


def simulate_plate(layout: Layout, truth: ProliferationTruth, folder: Path) -> tuple[Path, ...]:
    """Write the files of a plate.

    Parameters
    ----------
    layout : Layout
        Its section ``[proliferation]`` names unstained and single-stain files.
    truth : ProliferationTruth
    folder : Path
        Made if it does not exist.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    InputError
        A compound that the truth does not name, or a layout without its section.
    OutputError
        The folder cannot be written.
    """
    settings = read_settings(layout)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(str(folder), error, "a folder that can be written", "choose another folder") from None
    wells = [well for well in layout.wells if well.role in _SEEDED]
    controls = {name: Stains(dye=False, cd3=False, viability=False) for name in settings.unstained}
    for channel, name in settings.single_stains.items():
        controls[name] = Stains(channel == "CTV-A", channel == "PE-A", channel == "APC-Cy7-A")
    generators = iter(spawn_generators(truth.seed, len(wells) + len(controls), stream="proliferation plate"))
    written = []
    for well in wells:
        generator = next(generators)
        stains = Stains(dye=False, cd3=False, viability=False) if well.role is Role.BLANK else Stains()
        staining = truth.cells.well_log_sd * float(generator.standard_normal())
        precursors = true_precursors(well, truth)
        number = f"{well.name[0]}{int(well.name[1:]):02d}"
        keywords = {"$WELLID": number, "$SMNO": well.compound or str(well.role)}
        written.append(
            _write(folder / f"{number}.fcs", truth.events, precursors, truth, generator, stains, staining, keywords)
        )
    resting = np.array([1.0])
    for name, stains in controls.items():
        keywords = {"$SMNO": Path(name).stem}
        generator = next(generators)
        written.append(_write(folder / name, truth.control_events, resting, truth, generator, stains, 0.0, keywords))
    return tuple(written)


def _write(
    path: Path,
    count: int,
    precursors: Floats,
    truth: ProliferationTruth,
    generator: np.random.Generator,
    stains: Stains,
    staining: float,
    keywords: dict[str, str],
) -> Path:
    channels, events, _ = simulate_events(
        count, precursors, truth.cells, truth.instrument, generator, stains=stains, staining=staining
    )
    stored = np.clip(np.round(events * _GAIN), 0, 2**BITS - 1)
    time = CHANNELS.index("Time")
    stored[:, time] = np.clip(np.round(events[:, time]), 0, 2**BITS - 1)
    new = [
        NewChannel(c.name, c.label, range=2**BITS, bits=BITS, gain=1.0 if c.name == "Time" else _GAIN) for c in channels
    ]
    common = {"$CYT": "simulated by limus", "$TIMESTEP": repr(1 / _TICKS_PER_SECOND), "$COM": f"seed {truth.seed}"}
    return write_fcs(path, new, stored, keywords=common | keywords)
