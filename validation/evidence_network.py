"""Network meta-analysis against other programs and published results.

``python validation/evidence_network.py [DIR]`` compares with netmeta's output (``statistics.json`` beside the folder of
reference data), with networks that others print (``evidence/published_networks.toml``), and measures the coverage of
the intervals and the time of a network of 100 treatments. Prints a table; exit status 0 only if everything holds.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from evidence.agreement import Comparison, Part
from evidence.networks import compare_with_netmeta, published_networks, smoking_arms
from evidence.published_tables import published_tables, reference_files
from limus.kernel.execution import spawn_generators
from limus.kernel.statistics.network import (
    BinomialArms,
    Network,
    NetworkStudy,
    decompose_q,
    fit_network,
    rank_treatments,
    sample_binomial,
    share_evidence,
    split_binomial,
    split_nodes,
)

HERE = Path(__file__).parent
MOST_SECONDS = 20.0  # "in seconds", on a slow core that others use as well


def simulated(generator: np.random.Generator, treatments: int, studies: int, tau2: float) -> Network:
    """Studies of two to four arms with true effects of zero, connected by a chain."""
    made = []
    for at in range(studies):
        size = int(generator.choice([2, 2, 2, 3, 4]))
        arms = generator.choice(treatments, size, replace=False)
        if at < treatments - 1:
            arms = np.array([at, at + 1])
        variance = generator.uniform(0.02, 0.2, len(arms))
        value = generator.normal(size=len(arms)) * np.sqrt(variance + tau2 / 2)
        made.append(NetworkStudy.from_arms(f"s{at}", [f"t{i}" for i in arms], value, variance))
    return Network.create(made, "t0")


def coverage(sets: int = 1500) -> Part:
    """With no heterogeneity the intervals of a common effect are exact, whatever the arms of the studies."""
    covered = []
    for generator in spawn_generators(1, sets, stream="network coverage"):
        fit = fit_network(simulated(generator, 5, 14, 0.0), None)
        lower, upper = fit.interval()
        covered.append(bool(lower[3, 1] < 0 < upper[3, 1]))
    share = float(np.mean(covered))
    limit = 3.3 * math.sqrt(0.95 * 0.05 / sets)
    against = f"their exact coverage, {sets} networks of 14 studies with two to four arms"
    return Part("intervals of a network cover 95 %", against, (Comparison("share covered", share, 0.95, limit),))


def bayes() -> Part:
    """The smoking cessation trials with a binomial likelihood, as multinma's manual prints them (Stan, three runs)."""
    studies, treatments, events, n = smoking_arms()
    order = {name: at for at, name in enumerate(dict.fromkeys(studies))}
    arms = BinomialArms.create([order[s] for s in studies], ["ABCD".index(t) for t in treatments], events, n)
    found = sample_binomial(arms, spawn_generators(1, 1)[0], draws=15_000, half_normal_tau=5.0)
    # mean and sd of one run of 4,000 draws, with its number of effective draws; printed to two decimals
    printed = {"D": (1.10, 0.44, 1879), "C": (0.84, 0.25, 1146), "B": (0.50, 0.41, 1815)}
    ours = {name: found.effect[:, :, at].ravel() for at, name in enumerate("ABCD")} | {"tau": found.tau.ravel()}
    effective = dict(zip(("tau", "B", "C", "D"), found.effective, strict=True))
    compared = []
    for name, (mean, sd, draws) in (printed | {"tau": (0.84, 0.19, 1134)}).items():
        error = sd * math.sqrt(1 / draws + 1 / float(effective[name]))
        compared.append(Comparison(f"{name}: mean", float(ours[name].mean()), mean, 0.005 + 3.3 * error))
        # tau's distribution is skew, so its sd is less certain than a normal one's
        wide = 0.005 + 3.3 * error * (1.5 if name == "tau" else 1 / math.sqrt(2))
        compared.append(Comparison(f"{name}: sd", float(ours[name].std()), sd, wide))
    compared.append(Comparison("largest R-hat above 1.01", max(float(found.r_hat.max()) - 1.01, 0.0), 0.0, 1e-9))
    against = "multinma's manual (Stan), normal(0, 100) and half-normal(5) priors, within Monte Carlo error"
    return Part("the binomial network of smoking cessation is found again", against, tuple(compared))


def bayesian_splits() -> Part:
    """Direct and indirect evidence of every pair in the same model, as multinma's vignette prints them."""
    studies, treatments, events, n = smoking_arms()
    order = {name: at for at, name in enumerate(dict.fromkeys(studies))}
    arms = BinomialArms.create([order[s] for s in studies], ["ADCB".index(t) for t in treatments], events, n)
    # pair; mean and sd of the direct and the indirect effect and of their difference, with the effective draws of each
    printed = {
        "DA": ((1.07, 0.75, 3496), (1.17, 0.56, 1500), (-0.09, 0.91, 2383)),
        "CA": ((0.87, 0.24, 1917), (0.55, 0.63, 1385), (0.32, 0.65, 1541)),
        "BA": ((0.34, 0.55, 3074), (0.70, 0.61, 2235), (-0.36, 0.83, 2294)),
        "CD": ((-0.10, 0.48, 3440), (-0.54, 0.61, 1684), (0.43, 0.68, 1826)),
        "BD": ((-0.62, 0.64, 3445), (-0.61, 0.67, 1852), (-0.01, 0.86, 1873)),
        "BC": ((0.07, 0.66, 3070), (-0.63, 0.52, 1740), (0.70, 0.82, 2261)),
    }
    compared = []
    for (pair, rows), generator in zip(printed.items(), spawn_generators(1, 6, stream="splits"), strict=True):
        at = ("ADCB".index(pair[0]), "ADCB".index(pair[1]))
        # multinma moves the first arm only, which counts in the trials of three arms
        found = split_binomial(arms, at, generator, share=1.0, half_normal_tau=5.0, draws=6000)
        draws = (found.direct, found.indirect, found.difference)
        for name, ours, (mean, sd, effective) in zip(("direct", "indirect", "difference"), draws, rows, strict=True):
            error = sd * math.sqrt(1 / effective + 1 / found.effective)
            compared.append(Comparison(f"{pair} {name}: mean", float(ours.mean()), mean, 0.005 + 3.3 * error))
            wide = 0.005 + 3.3 * error / math.sqrt(2)
            compared.append(Comparison(f"{pair} {name}: sd", float(ours.std()), sd, wide))
    against = "multinma's vignette example_smoking (Stan), half-normal(5) prior, within Monte Carlo error"
    return Part("the Bayesian splits of smoking cessation are found again", against, tuple(compared))


def speed() -> Part:
    """100 treatments in 400 studies, everything that a report needs."""
    network = simulated(spawn_generators(1, 1, stream="network speed")[0], 100, 400, 0.05)
    start = time.perf_counter()
    fit = fit_network(network)
    decompose_q(network)
    split_nodes(fit)
    rank_treatments(fit, spawn_generators(1, 1)[0], lower_is_better=True)
    shares = share_evidence(fit, [(name, "t0") for name in network.treatments[1:]])
    taken = time.perf_counter() - start
    found = (
        Comparison(
            f"{taken:.1f} s for everything: seconds above {MOST_SECONDS:g}", max(taken - MOST_SECONDS, 0), 0, 1e-9
        ),
        Comparison("contributions add up to 1", float(shares.share.sum(axis=1).min()), 1.0, 1e-9),
    )
    return Part("a network of 100 treatments takes seconds", "400 studies: fit, designs, splits, ranks, shares", found)


def parts(data: Path) -> Iterator[Part]:
    """Every part that can be run; those on reference data only where they are."""
    if (data / "nma_Senn2013.csv").is_file() and (data.parent / "statistics.json").is_file():
        yield compare_with_netmeta(data)
        yield reference_files(data)
    yield from published_networks()
    yield from published_tables("network")
    yield bayes()
    yield bayesian_splits()
    yield coverage()
    yield speed()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=HERE / "../../shared/reference/data")
    good = True
    for part in parts(parser.parse_args(arguments).data):
        print(f"{'holds' if not part.failed else 'FAILS':6s} {part.claim}: {part.result}")
        for one in part.failed:
            good = False
            said = f"{one.ours!r} against {one.theirs!r}, off by {one.error:.2e}, limit {one.limit:.0e}"
            print(f"       {one.name}: {said}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
