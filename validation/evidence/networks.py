"""Networks against netmeta: every figure of Senn 2013, and the smoking cessation trials as others print them."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evidence.agreement import Comparison, Part
from limus.kernel.execution import spawn_generators
from limus.kernel.statistics.network import (
    Network,
    NetworkStudy,
    decompose_q,
    fit_network,
    rank_treatments,
    split_nodes,
)
from limus.kernel.statistics.pooling import Tau2Method

__all__ = ["compare_with_netmeta", "published_networks", "smoking_arms"]

Floats = NDArray[np.float64]

HERE = Path(__file__).parent
CLOSED = 1e-9  # both programs compute it in closed form; the figures have 11 digits


def senn(data: Path) -> Network:
    by_study: dict[str, dict[tuple[str, str], tuple[float, float]]] = {}
    with (data / "nma_Senn2013.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            pair = (row["treat1"], row["treat2"])
            by_study.setdefault(row["studlab"], {})[pair] = (float(row["TE"]), float(row["seTE"]) ** 2)
    return Network.create([NetworkStudy.from_contrasts(name, pairs) for name, pairs in by_study.items()], "plac")


def compare_with_netmeta(data: Path) -> Part:
    """Every figure of netmeta on Senn 2013; REML against metafor."""
    content = json.loads((data.parent / "statistics.json").read_text())["netmeta"]
    found = [*_senn(senn(data), content["Senn2013"])]
    versions = content["meta"]
    claim = "a network gives netmeta's effects, errors, tau2 by DL, P-scores, Q of designs and split nodes"
    return Part(claim, f"netmeta {versions['netmeta']} on Senn 2013", tuple(found))


def _senn(network: Network, theirs: dict[str, object]) -> Iterator[Comparison]:
    content: dict[str, object] = theirs
    names = list(content["trts"])  # type: ignore[call-overload]
    order = [network.treatments.index(name) for name in names]
    for method, key in ((None, "common"), (Tau2Method.DL, "random")):
        fit = fit_network(network, method)
        for what, ours in (("TE", fit.effect), ("seTE", fit.standard_error)):
            table = np.array(content[f"{what}.{key}"])
            mine = ours[np.ix_(order, order)]
            for i, first in enumerate(names):
                for j, second in enumerate(names):
                    yield Comparison(f"{what} {key} {first}:{second}", float(mine[i, j]), float(table[i, j]), CLOSED)
        ranking = rank_treatments(fit, spawn_generators(1, 1)[0], lower_is_better=False, draws=100)
        for at, name, score in zip(order, names, content[f"pscore.{key}"], strict=True):  # type: ignore[call-overload]
            yield Comparison(f"P-score {key} {name}", float(ranking.p_score[at]), score, CLOSED)
    for name, ours_is in (("tau2", fit.tau2), ("Q", fit.q), ("pval.Q", fit.q_p), ("I2", fit.i2_percent / 100)):
        yield Comparison(name, ours_is, float(content[name]), CLOSED)  # type: ignore[arg-type]
    yield from _designs(network, content)
    yield from _splits(network, content["split"])  # type: ignore[arg-type]
    reml = fit_network(network, Tau2Method.REML)
    yield Comparison("tau2 by REML: metafor's 0.0999, not netmeta's 0.1010", reml.tau2, 0.0999, 5e-5)


def _designs(network: Network, theirs: dict[str, object]) -> Iterator[Comparison]:
    found = decompose_q(network)
    table: dict[str, list[float]] = theirs["Qdecomp"]  # type: ignore[assignment]
    for at, test in enumerate((found.total, found.within, found.between)):
        yield Comparison(f"{table['_row'][at]}: Q", test.q, table["Q"][at], CLOSED)
        yield Comparison(f"{table['_row'][at]}: df", test.degrees_of_freedom, table["df"][at], CLOSED)
        yield Comparison(f"{table['_row'][at]}: p", test.p, table["pval"][at], CLOSED)
    random: dict[str, list[float]] = theirs["Qinc.rand"]  # type: ignore[assignment]
    yield Comparison("between designs, random: Q", found.between_random.q, random["Q"][0], CLOSED)
    yield Comparison("between designs, random: p", found.between_random.p, random["pval"][0], CLOSED)
    yield Comparison("tau within designs", found.tau2_within**0.5, random["tau.within"][0], CLOSED)


def _splits(network: Network, theirs: dict[str, list[object]]) -> Iterator[Comparison]:
    splits = {(split.first, split.second): split for split in split_nodes(fit_network(network, Tau2Method.DL))}
    for at, pair in enumerate(theirs["comparison"]):
        first, second = str(pair).split(":")
        sign = 1.0 if (first, second) in splits else -1.0
        split = splits[(first, second) if sign > 0 else (second, first)]
        ours = {
            "k": split.studies, "prop": split.share, "direct": sign * split.direct, "direct.se": split.direct_error,
            "indirect": sign * split.indirect, "indirect.se": split.indirect_error, "nma": sign * split.network,
            "p": split.p,
        }  # fmt: skip
        for key, value in ours.items():
            there = theirs[key][at]
            if there == "NA":
                yield Comparison(f"{pair} {key}: none in both", float(np.isnan(value)), 1.0, CLOSED)
            else:
                yield Comparison(f"{pair} {key}", float(value), float(there), CLOSED)  # type: ignore[arg-type]


def _published() -> dict[str, object]:
    with (HERE / "published_networks.toml").open("rb") as file:
        return tomllib.load(file)


def smoking_arms() -> tuple[list[str], list[str], Floats, Floats]:
    """Study, treatment, events and participants of every arm of the smoking cessation trials."""
    arms = [str(line).split() for line in _published()["smoking"]["arms"]]  # type: ignore[index]
    counts = np.array([[float(e), float(n)] for _, _, e, n in arms])
    return [arm[0] for arm in arms], [arm[1] for arm in arms], counts[:, 0], counts[:, 1]


def published_networks() -> Iterator[Part]:
    """Networks that others computed with netmeta and printed, from the arms."""
    content = _published()
    for name in ("smoking", "means"):
        about: dict[str, object] = content[name]  # type: ignore[assignment]
        if name == "smoking":
            studies, treatments, events, n = smoking_arms()
            events, n = events + 0.5, n + 1  # they add 0.5 to every study
            value, variance = np.log(events / (n - events)), 1 / events + 1 / (n - events)
        else:
            rows = [str(line).split() for line in about["arms"]]  # type: ignore[union-attr]
            studies, treatments = [row[0] for row in rows], [row[1] for row in rows]
            value, sd, n = (np.array([float(row[at]) for row in rows]) for at in (2, 3, 4))
            variance = sd**2 / n
        made = []
        for study in dict.fromkeys(studies):
            at = [i for i, one in enumerate(studies) if one == study]
            made.append(NetworkStudy.from_arms(study, [treatments[i] for i in at], value[at], variance[at]))
        yield Part(f"a published network is found again: {name}", str(about["against"]), tuple(_printed(made, about)))


def _printed(studies: list[NetworkStudy], about: dict[str, object]) -> Iterator[Comparison]:
    for printed in about["printed"]:  # type: ignore[attr-defined]
        fit = fit_network(Network.create(studies), Tau2Method.DL if printed["model"] == "random" else None)
        limit = float(printed["limit"])
        what = printed["what"]
        if what == "i2":
            yield Comparison("I2", fit.i2_percent / 100, printed["value"], limit)
            continue
        at = [fit.network.treatments.index(name) for name in printed["pair"]]
        lower, upper = fit.interval()
        table = {"estimate": fit.effect, "lower": lower, "upper": upper}[what]
        ours = float(table[at[0], at[1]])
        ours = float(np.exp(ours)) if printed.get("ratio") else ours
        said = f"{printed['model']} {printed['pair'][0]} against {printed['pair'][1]}: {what}"
        yield Comparison(said, ours, float(printed["value"]), limit)
