"""A network of 100 treatments by limus and by the textbook's matrices: ``python benchmarks/evidence/network.py``.

No package of PyPI was found that fits a frequentist network meta-analysis with studies of several arms; the peer is the
plain implementation: all contrasts in one vector, their covariance as one dense matrix, restricted likelihood by
``scipy.optimize.minimize_scalar`` over tau2, generalised least squares by ``numpy.linalg.solve``. Both give the same
numbers, which is asserted. Writes NETWORK.md here.
"""

from __future__ import annotations

import argparse
import datetime
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from scipy.optimize import minimize_scalar  # noqa: E402

from limus.kernel.statistics.network import (  # noqa: E402
    Network,
    NetworkStudy,
    decompose_q,
    fit_network,
    rank_treatments,
    share_evidence,
    split_nodes,
)
from run import _machine  # noqa: E402

HERE = Path(__file__).parent
SIZES = ((10, 40), (30, 120), (100, 400))


def make_network(treatments: int, studies: int) -> Network:
    """Connected by a chain; studies of two to four arms, with heterogeneity."""
    generator = np.random.default_rng(treatments)
    truth = generator.normal(0, 0.4, treatments)
    made = []
    for at in range(studies):
        size = int(generator.choice([2, 2, 2, 3, 4]))
        arms = generator.choice(treatments, size, replace=False) if at >= treatments - 1 else np.array([at, at + 1])
        variance = generator.uniform(0.02, 0.2, len(arms))
        value = truth[arms] + generator.normal(size=len(arms)) * np.sqrt(variance + 0.025)
        made.append(NetworkStudy.from_arms(f"s{at}", [f"t{i}" for i in arms], value, variance))
    return Network.create(made, "t0")


def fit_densely(network: Network) -> tuple[float, np.ndarray, np.ndarray]:
    """tau2, effects against the reference, and their covariance, with dense matrices."""
    index = {name: at for at, name in enumerate(network.treatments)}
    rows = sum(len(study.effect) for study in network.studies)
    y, x = np.zeros(rows), np.zeros((rows, len(index)))
    s, r = np.zeros((rows, rows)), np.zeros((rows, rows))
    at = 0
    for study in network.studies:
        m = len(study.effect)
        part = slice(at, at + m)
        y[part], s[part, part], r[part, part] = study.effect, study.covariance, (np.eye(m) + 1) / 2
        for row, name in enumerate(study.treatments[1:]):
            x[at + row, index[name]] = 1
            x[at + row, index[study.treatments[0]]] -= 1
        at += m
    x = x[:, 1:]

    def solve(tau2: float) -> tuple[float, np.ndarray, np.ndarray]:
        v = s + tau2 * r
        weighted = np.linalg.solve(v, np.column_stack([x, y]))
        a = x.T @ weighted[:, :-1]
        effect = np.linalg.solve(a, x.T @ weighted[:, -1])
        q = (y - x @ effect) @ np.linalg.solve(v, y - x @ effect)
        height = np.linalg.slogdet(v)[1] + np.linalg.slogdet(a)[1] + q
        return float(height), effect, np.linalg.inv(a)

    best = minimize_scalar(lambda t: solve(t)[0], bounds=(0, 2), method="bounded", options={"xatol": 1e-8})
    return float(best.x), *solve(float(best.x))[1:]


def everything(network: Network) -> None:
    """What a report needs: fit, designs, both kinds of splits, ranks, contributions."""
    fit = fit_network(network)
    decompose_q(network)
    split_nodes(fit)
    rank_treatments(fit, np.random.default_rng(1), lower_is_better=True)
    share_evidence(fit, [(name, network.treatments[0]) for name in network.treatments[1:]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    lines = [
        "# A network of 100 treatments",
        "",
        f"Written by `python benchmarks/evidence/network.py` on {datetime.datetime.now(datetime.UTC).date()}.",
        f"Machine: {_machine()}. Absolute times mean little: the machine was shared; compare the ratios.",
        "",
        "Random effects by REML, studies of two to four arms, one thread, processor time, median of",
        f"{rounds} interleaved rounds. Dense: the same model with one matrix for all contrasts (numpy, scipy), as no",
        "package for it was found on PyPI. Both give the same tau2 (to 1e-6) and effects (to 1e-5). limus looks at 49",
        "values of tau2 for further maxima of the likelihood, the dense one ends at the first maximum: small networks",
        "take limus longer. Everything: fit, Q of designs, direct against indirect of all pairs in both ways, 20,000",
        "draws of ranks, contributions.",
        "",
        "| treatments | studies | limus, ms | dense, ms | ratio | limus, everything, ms |",
        "|---|---|---|---|---|---|",
    ]
    for treatments, studies in SIZES:
        network = make_network(treatments, studies)
        fit, (tau2, effect, covariance) = fit_network(network), fit_densely(network)
        assert abs(fit.tau2 - tau2) < 1e-6, (fit.tau2, tau2)
        assert np.abs(fit.effect[1:, 0] - effect).max() < 1e-5
        assert np.abs(fit.standard_error[1:, 0] - np.sqrt(np.diag(covariance))).max() < 1e-5
        work: dict[str, Callable[[], object]] = {
            "limus": lambda one=network: fit_network(one),
            "dense": lambda one=network: fit_densely(one),
            "everything": lambda one=network: everything(one),
        }
        times: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(rounds):
            for name, run in work.items():
                start = time.process_time()
                run()
                times[name].append(1e3 * (time.process_time() - start))
        middle = {name: statistics.median(found) for name, found in times.items()}
        ratio = statistics.median(theirs / own for theirs, own in zip(times["dense"], times["limus"], strict=True))
        shown = " | ".join(f"{middle[name]:.3g}" for name in ("limus", "dense"))
        lines.append(f"| {treatments} | {studies} | {shown} | {ratio:.3g} | {middle['everything']:.3g} |")
        print(lines[-1], flush=True)
    (HERE / "NETWORK.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
