"""Whether the T-cell model predicts papers that it was not fitted to better than no mechanism does.

    python validation/t_cell_left_out.py

Each paper of the fit is left out in turn, the model is fitted anew to the rest, and the paper's rows are predicted. The
baseline knows no signalling: the geometric mean of what the other papers print for the same drug, whatever the readout.
A paper whose removal leaves a readout or a drug without data is listed and not scored. Misfit is |log10
predicted/observed|, from the nearer end of an interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from limus.kernel.execution import Execution
from limus.kernel.inference import fit_least_squares
from limus.signalling.fit_problem import fit_problem
from limus.signalling.model_library import load_model
from limus.signalling.observations import Potency
from limus.signalling.prediction import load_settings, predict, split_observations
from limus.signalling.sourced_model import SourcedModel

ITERATIONS = 12


@dataclass(frozen=True)
class LeftOut:
    """A paper that was left out."""

    paper: str
    rows: tuple[str, ...]
    model: tuple[float, ...]
    baseline: tuple[float, ...]
    reason: str = ""


def _baseline(row: Potency, others: list[Potency]) -> float:
    same = [math.log10(o.centre_nM) for o in others if o.compound == row.compound]
    return 10.0 ** (sum(same) / len(same))


def left_out(model: SourcedModel, paper: str, used: list[Potency], execution: Execution) -> LeftOut:
    """Fit without one paper and predict its rows."""
    kept = [row for row in used if paper not in row.source]
    gone = [row for row in used if paper in row.source]
    names = tuple(row.id for row in gone)
    for what in ("readout", "compound"):
        lost = {getattr(row, what) for row in gone} - {getattr(row, what) for row in kept}
        if lost:
            return LeftOut(paper, names, (), (), f"leaves {', '.join(sorted(lost))} without data")
    settings = load_settings(model.name)
    problem = fit_problem(model, kept, settings, execution)
    accepted = load_model(model.name)
    starts = np.log10([[accepted.parameters[p.name].value for p in problem.parameters]])
    fit = fit_least_squares(
        problem.residuals,
        np.vstack([starts, problem.prior]),
        bounds=problem.bounds,
        jacobian=problem.jacobian,
        max_iterations=ITERATIONS,
        tolerance=3e-2,
    )
    best = fit.parameters[int(np.nanargmin(fit.sum_of_squares))]
    fitted = model.with_fitted(dict(zip((p.name for p in problem.parameters), (10.0**best).tolist(), strict=True)))
    predicted, _, _ = predict(fitted, gone, settings, execution=execution)
    misfit = tuple(abs(row.log10_misfit(float(value))) for row, value in zip(gone, predicted[0], strict=True))
    base = tuple(abs(row.log10_misfit(_baseline(row, kept))) for row in gone)
    return LeftOut(paper, names, misfit, base)


def outcomes() -> list[LeftOut]:
    """Every paper of the fit."""
    model = load_model("t_cell", with_fit=False)
    shown, _ = split_observations(model, load_settings("t_cell"))
    used = [row for row in shown if row.use == "fit"]
    papers = sorted({key for row in used for key in row.source})
    return [left_out(model, paper, used, Execution(seed=1)) for paper in papers]


def main() -> None:
    """Print the table."""
    for one in outcomes():
        if one.reason:
            print(f"{one.paper} ({', '.join(one.rows)}): not scored, {one.reason}")
            continue
        for name, ours, theirs in zip(one.rows, one.model, one.baseline, strict=True):
            print(f"{one.paper} {name}: model off by {10**ours:.2f}-fold, baseline {10**theirs:.2f}-fold")


if __name__ == "__main__":
    main()
