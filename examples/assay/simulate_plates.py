"""Remake the example plates of this folder from their layouts, truths and seeds.

    python examples/assay/simulate_plates.py [--out DIR]

Each plate is written as a reader would export it. The truths are invented; the seed stands in them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from limus.assay.elisa.simulation import ElisaTruth, simulate_elisa, simulate_viability
from limus.assay.layout.file import read_layout
from limus.assay.phosphatase.simulation import PhosphataseTruth, simulate_phosphatase
from limus.assay.reader.simulation import write_reader_csv
from limus.kernel.execution import spawn_generators
from limus.kernel.tables import read_toml

HERE = Path(__file__).parent


def make_phosphatase(out: Path) -> Path:
    truth = read_toml(HERE / "phosphatase_truth.toml", PhosphataseTruth)
    layout = read_layout(HERE / "phosphatase_layout.toml")
    generator = spawn_generators(truth.seed, 1, stream="phosphatase plate")[0]
    head = ["Test name: simulated phosphatase plate", f"Seed: {truth.seed}"]
    values = simulate_phosphatase(layout, truth, generator)
    return write_reader_csv(out / "phosphatase_plate.csv", [("Raw Data (620)", values)], head=head)


def make_elisa(out: Path) -> tuple[Path, Path]:
    truth = read_toml(HERE / "elisa_truth.toml", ElisaTruth)
    first, second, third = spawn_generators(truth.seed, 3, stream="elisa plate")
    layout = read_layout(HERE / "elisa_layout.toml")
    reference = np.where(np.isfinite(simulate_elisa(layout, truth, third)), 0.045, np.nan)
    values = simulate_elisa(layout, truth, first) + reference
    head = ["Test name: simulated ELISA plate", f"Seed: {truth.seed}"]
    readings = [("Raw Data (450)", values), ("Raw Data (570)", reference)]
    plate = write_reader_csv(out / "elisa_plate.csv", readings, head=head)
    viability = simulate_viability(read_layout(HERE / "viability_layout.toml"), truth, second)
    head = ["Test name: simulated MTT plate", f"Seed: {truth.seed}"]
    return plate, write_reader_csv(out / "viability_plate.csv", [("Raw Data (570)", viability)], head=head)


def main() -> None:
    parser = argparse.ArgumentParser(description="Remake the example plates.")
    parser.add_argument("--out", type=Path, default=HERE)
    out = parser.parse_args().out
    for path in (make_phosphatase(out), *make_elisa(out)):
        print(path.name)


if __name__ == "__main__":
    main()
