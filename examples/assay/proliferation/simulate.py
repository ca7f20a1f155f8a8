"""Remake the example plate of this folder from its layout, truth and seed.

python examples/assay/proliferation/simulate.py [--out DIR]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from limus.assay.cytometry.simulation.plate import simulate_plate
from limus.assay.cytometry.simulation.truth import read_truth
from limus.assay.layout.file import read_layout

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Remake the example plate.")
    parser.add_argument("--out", type=Path, default=HERE / "plate")
    out = parser.parse_args().out
    files = simulate_plate(read_layout(HERE / "layout.toml"), read_truth(HERE / "truth.toml"), out)
    print(f"{len(files)} files in {out.name}, {sum(f.stat().st_size for f in files) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
