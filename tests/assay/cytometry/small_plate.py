"""A small simulated plate: three stimulated and two unstimulated wells, six doses of tacrolimus in duplicate."""

from __future__ import annotations

from pathlib import Path

from limus.assay.cytometry.simulation.plate import simulate_plate
from limus.assay.layout.file import read_layout
from limus.assay.layout.records import Layout

from .truths import example_truth

__all__ = ["make_plate", "write_layout"]

SECTION = """
dye = "CTV"
viability = "Viability"
cd3 = "CD3"
unstained = ["unstained.fcs"]
single_stains = { CTV-A = "single_CTV.fcs", PE-A = "single_CD3.fcs", APC-Cy7-A = "single_viability.fcs" }
replicates = 40
"""
WELLS = """
[[wells]]
wells = "A1:A3"
role = "control"

[[wells]]
wells = "A4:A5"
role = "unstimulated"

[[wells]]
wells = "B1:C6"
role = "sample"
compound = "tacrolimus"
series = { along = "columns", first = "20 nM", divide_by = 5 }
"""


def write_layout(folder: Path, section: str = SECTION, wells: str = WELLS) -> Layout:
    path = folder / "layout.toml"
    path.write_text(f'limus_layout = 1\nplate = "96"\n[proliferation]\n{section}\n{wells}', encoding="utf-8")
    return read_layout(path)


def make_plate(folder: Path, events: int = 1200) -> tuple[Path, Layout]:
    """Simulate the plate into ``folder/plate``."""
    layout = write_layout(folder)
    truth = example_truth().model_copy(update={"events": events, "control_events": 1200})
    simulate_plate(layout, truth, folder / "plate")
    return folder / "plate", layout
