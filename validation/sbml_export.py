"""Check the SBML that limus writes: read back it is the same model, and another simulator runs it to the same curve.

``python validation/sbml_export.py [--reference-data DIR] [--json]`` prints one line a claim; exit status 0 only if all
that ran holds.

*Round trip.* Every model of the SBML Test Suite (semantic) and of the BioModels files that limus can run is written,
read back and compared by its equations: initial state, and at three random states and times the derivatives and all
parts of events. Relative difference at most 1e-12: the same formulas, perhaps associated otherwise.

*Curves.* The T-cell model under five stimuli with a drug each, every species and every read-out over 72 h, in
libroadrunner (CVODE at 1e-10; in the environment of the engine's peer) against limus' own model before it was
written, at 1e-9. Largest |difference| over the largest value at most 1e-6: a hundred times what both solvers promise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from engine.peer import FOLDER
from limus.kernel.errors import LimusError
from limus.kernel.language import Model, read_model, read_model_text
from limus.kernel.language.sbml_writer import sbml_identifiers, write_sbml
from limus.kernel.simulation import CompiledModel, compile_model, simulate
from limus.workflows.export import ExportRequest, run
from reference_data import REFERENCE_DATA
from sbml_suite import read_case

NAME, VERSION = "libroadrunner", "2.10.0"
PYTHON = FOLDER / "bin" / "python"
PEER = FOLDER.parent / "roadrunner_outputs.py"
SAME = 1e-12
CURVE_LIMIT = 1e-6
END_H, POINTS = 72.0, 37
CASES = {
    "mlr": "tacrolimus=0.1nM",
    "pha": "ciclosporin=20nM",
    "anti_cd3_cd28": "sirolimus=1nM",
    "pma_ionomycin": "pimecrolimus=1nM",
    "il2": "everolimus=1nM",
}
_FUNCTIONS = ("derivatives", "triggers", "delays", "priorities", "kicks")

Outcome = tuple[str, str, str, bool | None]


def make_environment() -> bool:
    """Install libroadrunner once, beside the engine's peer and away from limus; return whether it is there."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    check = f"from importlib.metadata import version; assert version('{NAME}') == '{VERSION}'"
    if subprocess.run([PYTHON, "-c", check], check=False, capture_output=True).returncode == 0:
        return True
    quietly = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*quietly, f"{NAME}=={VERSION}"], check=False).returncode == 0


def difference(model: Model, compiled: CompiledModel) -> float:
    """Write, read back and return the largest relative difference of what the equations give; infinite for others."""
    again = compile_model(read_model_text(write_sbml(model), language="sbml"))
    ids = sbml_identifiers(model)
    if tuple(ids[name] for name in compiled.states) != again.states:
        return np.inf
    ours, theirs = compiled.defaults.tolist(), again.defaults.tolist()
    generator = np.random.default_rng(1)
    worst = _apart(compiled.evaluate("initial", 0.0, [], ours), again.evaluate("initial", 0.0, [], theirs))
    for _ in range(3):
        state = generator.lognormal(0.0, 1.0, len(compiled.states)).tolist()
        at = float(generator.uniform(0.0, 5.0))
        for name in _FUNCTIONS:
            pair = compiled.evaluate(name, at, state, ours), again.evaluate(name, at, state, theirs)
            worst = max(worst, _apart(*pair))
    return worst


def _apart(ours: Sequence[float], theirs: Sequence[float]) -> float:
    a, b = np.array(ours, dtype=float), np.array(theirs, dtype=float)
    if a.shape != b.shape or not (np.isfinite(a) == np.isfinite(b)).all():
        return np.inf
    kept = np.isfinite(a) & (a != b)
    a, b = a[kept], b[kept]
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(a), np.abs(b)), initial=0.0))


def _models(data: Path, folder: Path) -> Iterator[Path]:
    archive = data / "sbml_semantic_odd.tar.xz"
    if archive.is_file():
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    yield from (read_case(path).model_file for path in sorted(folder.rglob("*-settings.txt")))
    yield from sorted((data / "biomodels").glob("*.xml"))


def round_trips(data: Path) -> Outcome:
    """Write and read back every model that limus can run."""
    claim, against = "SBML written and read back is the same model", "SBML Test Suite (semantic) and BioModels files"
    counts, worst = Counter[str](), 0.0
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for path in _models(data, Path(folder)):
            try:
                model = read_model(path)
                compiled = compile_model(model)
            except LimusError:
                counts["not readable"] += 1
                continue
            try:
                found = difference(model, compiled)
            except LimusError as error:
                wrong.append(f"{path.stem}: {error}")
                continue
            worst = max(worst, found)
            counts["models"] += 1
            if found > SAME:
                wrong.append(f"{path.stem}: {found:.1e}")
    if not counts["models"]:
        return claim, against, "reference data absent", None
    result = f"{counts['models']} models, largest relative difference {worst:.1e} (limit {SAME:.0e}); "
    result += f"{counts['not readable']} that limus does not read; {len(wrong)} wrong"
    return claim, against, "; ".join([result, *wrong[:5]]), not wrong


def curves() -> list[Outcome]:
    """Run the exported T-cell model in libroadrunner."""
    claim = "another simulator runs the exported T-cell model to the same curve"
    if not make_environment():
        return [(claim, NAME, f"{NAME} could not be installed", None)]
    return [_curve(claim, stimulus, dose) for stimulus, dose in CASES.items()]


def _curve(claim: str, stimulus: str, dose: str) -> Outcome:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = run(ExportRequest(model="t_cell", stimulus=stimulus, settings=(dose,)), out=folder / "model.xml")
        species = [s.name for s in found.model.species]
        outputs = [*species, *(r.variable for r in found.model.rules if r.variable not in species)]
        asked = [f"[{found.identifiers[n]}]" if n in species else found.identifiers[n] for n in outputs]
        request = {"end": END_H, "points": POINTS, "relative": 1e-10, "absolute": 1e-16, "outputs": asked}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        command = [PYTHON, PEER, folder / "model.xml", folder / "request.json", folder / "out.npy"]
        said = subprocess.run(command, check=False, capture_output=True, text=True)
        against = f"{NAME} {VERSION}: stimulus {stimulus}, {dose}"
        if said.returncode != 0:
            return claim, against, said.stderr.strip().splitlines()[-1], False
        theirs = np.load(folder / "out.npy")
    times = np.linspace(0.0, END_H, POINTS)
    compiled = compile_model(found.model, outputs)
    ours = simulate(compiled, times, relative_tolerance=1e-9, absolute_tolerance=1e-16)
    ours.require_success("model t_cell")
    values = ours.values[0]
    scale = np.maximum(np.max(np.abs(theirs), axis=0), 1e-12)
    apart = np.max(np.abs(values - theirs), axis=0) / scale
    worst = int(np.argmax(apart))
    result = f"{len(outputs)} outputs, {POINTS} times: largest {apart[worst]:.1e} of the maximum ({outputs[worst]})"
    return claim, against, f"{result}, limit {CURVE_LIMIT:.0e}", bool(apart[worst] <= CURVE_LIMIT)


def outcomes(data: Path) -> list[Outcome]:
    """Every claim: what, against what, what came out, whether it holds (None: not run)."""
    return [round_trips(data), *curves()]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-data", type=Path, default=REFERENCE_DATA)
    parser.add_argument("--json", action="store_true", help="print one JSON object only")
    options = parser.parse_args(arguments)
    found = outcomes(options.reference_data)
    if options.json:
        keys = ("claim", "against", "result", "passed")
        print(json.dumps({"rows": [dict(zip(keys, outcome, strict=True)) for outcome in found]}))
    else:
        for claim, against, result, passed in found:
            print(f"{ {True: 'holds', False: 'FAILS', None: 'not run'}[passed] }  {claim} | {against} | {result}")
    return 1 if any(passed is False for *_, passed in found) else 0


if __name__ == "__main__":
    sys.exit(main())
