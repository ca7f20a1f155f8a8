"""Compare the simulation engine with SUNDIALS CVODE, with published solutions and with closed forms.

``python validation/engine_sundials.py [--reference-data DIR] [--problem NAME] [--json]`` solves every problem of
``validation/engine`` at four relative tolerances and prints one JSON object on standard output: by problem ``errors``,
``limits``, ``steps``, ``ms_per_trajectory``, ``solver``, ``status``, ``lsoda_error`` (of the solver behind the engine,
at 1e-8), ``wrong`` (empty where all is well) and ``reference`` (uncertainty, and what CVODE was itself compared with);
``left_out`` says why a problem did not run.
It writes three figures with their data beside the problems. Exit status 0 only if nothing is wrong.

The other side is CVODE (BDF, scikit-sundae, in an environment of its own that is made once) at a relative tolerance
of 1e-14. What CVODE is worth is measured: by Radau IIA (scipy) at 1e-11 on some sets, and by the closed form where
there is one; the larger difference is the uncertainty of the reference. Six problems have a published solution besides.

The error of a set and state is max |x - reference| / max |reference|, both over all output times; of a problem, the
largest. It must stay below a factor times the tolerance, plus the uncertainty of the reference; each problem says its
factor and why.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.biomodels import MODELS, biomodels_problems
from engine.figures import draw_against_error, draw_against_tolerance
from engine.measure import Outcome, fallback_error, judge, make_reference, measure
from engine.peer import NAME, Peer, make_environment
from engine.pharmacology import pharmacology_problems
from engine.problem import Problem
from engine.test_set import published_problems
from limus.kernel.tables import Table
from limus.report.figures import save
from reference_data import REFERENCE_DATA

FOLDER = Path(__file__).parent / "engine"


def run(reference_data: Path, names: Sequence[str] = ()) -> dict[str, Any]:
    """Run the problems, all or some, and return what ``main`` prints."""
    found: dict[str, Any] = {"problems": {}, "left_out": {}, "versions": {}}
    if not make_environment():
        found["left_out"]["all"] = f"{NAME} could not be installed"
        return found
    problems = [*pharmacology_problems(), *published_problems()]
    models = biomodels_problems(reference_data / "biomodels")
    missing = {f"biomodels_{number}" for number in MODELS} - {problem.name for problem in models}
    found["left_out"] = dict.fromkeys(sorted(missing), "reference data absent")
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(Path(folder))
        for problem in [*problems, *models]:
            if not names or problem.name in names:
                about, done = _run_one(problem, peer)
                found["problems"][problem.name] = about
                outcomes += done
        peer.close()
        found["versions"] = peer.versions
    if not names:
        write(outcomes)
    return found


def _run_one(problem: Problem, peer: Peer) -> tuple[dict[str, Any], list[Outcome]]:
    print(f"{problem.name} ...", file=sys.stderr, flush=True)
    reference = make_reference(problem, peer)
    outcomes, fallback = list(measure(problem, reference)), fallback_error(problem, reference)
    about = {
        "about": problem.about,
        "states": len(problem.model.states),
        "factor": problem.factor,
        "reason": problem.reason,
        "tolerances": [o.relative_tolerance for o in outcomes],
        "errors": [o.error for o in outcomes],
        "limits": [o.limit for o in outcomes],
        "steps": [None if math.isnan(o.steps) else o.steps for o in outcomes],
        "ms_per_trajectory": [o.ms_per_trajectory for o in outcomes],
        "solver": outcomes[-1].solver,
        "lsoda_error": None if math.isnan(fallback) else fallback,
        "status": sorted({o.status for o in outcomes}),
        "reference": {"uncertainty": reference.uncertainty, "against": reference.against},
        "published": {"in": problem.published_in, "error": outcomes[-1].end_error} if problem.published else None,
        "wrong": judge(problem, outcomes, fallback, reference),
    }
    return about, outcomes


def write(outcomes: Sequence[Outcome]) -> None:
    """Write the table and the figures."""
    data = Table.from_rows([asdict(outcome) for outcome in outcomes])
    save(draw_against_tolerance(data), FOLDER, "error_and_tolerance")
    save(draw_against_error(data, "ms_per_trajectory", "ms a trajectory"), FOLDER, "time_and_error")
    save(draw_against_error(data, "steps", "Steps"), FOLDER, "steps_and_error")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-data", type=Path, default=REFERENCE_DATA)
    parser.add_argument("--problem", action="append", default=[], help="only this one; repeatable; writes no figure")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    options = parser.parse_args(arguments)
    found = run(options.reference_data, options.problem)
    if not options.json:
        for name, about in found["problems"].items():
            errors = " ".join(f"{error:.1e}" for error in about["errors"])
            print(f"{name:20} {errors}  {about['solver']}  {'; '.join(about['wrong']) or 'ok'}", file=sys.stderr)
    print(json.dumps(found))
    wrong = any(about["wrong"] for about in found["problems"].values())
    return 0 if found["problems"] and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
