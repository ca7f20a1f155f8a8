"""Published meta-analyses and networks run by the commands, from files in the shapes that people have."""

from __future__ import annotations

import json
import math
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evidence.agreement import Comparison, Part
from limus.workflows.evidence import network as evidence_network
from limus.workflows.evidence import pool as evidence_pool
from limus.workflows.evidence.network import EvidenceNetworkRequest
from limus.workflows.evidence.pool import EvidencePoolRequest

__all__ = ["published_tables", "reference_files"]

HERE = Path(__file__).parent
_SETTINGS = ("tau2_method", "method", "model", "treatment", "within")


def published_tables(command: str) -> Iterator[Part]:
    """Every published table of one command.

    Parameters
    ----------
    command : str
        ``pool`` or ``network``.

    Yields
    ------
    Part
    """
    content = tomllib.loads((HERE / "published_tables.toml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        for name, example in content.items():
            if example["command"] != command:
                continue
            file = Path(folder) / f"{name}.csv"
            file.write_text(example["table"], encoding="utf-8")
            found = tuple(one for wanted in example["results"] for one in _compare(str(file), example, wanted))
            yield Part(
                f"a published table is read as it stands and gives what was printed: {name}", example["against"], found
            )


def _compare(file: str, example: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Comparison]:
    ours = _pool(file, example, wanted) if example["command"] == "pool" else _network(file, example, wanted)
    for key, value in wanted.items():
        if key in _SETTINGS:
            continue
        digits = len(repr(value).partition(".")[2]) if isinstance(value, float) else 0
        limit = wanted.get("within", 0.5001 * 10.0 ** -max(digits, 2)) / max(1.0, abs(value))
        said = " ".join(str(wanted[name]) for name in ("tau2_method", "method", "treatment") if name in wanted)
        yield Comparison(f"{said} {key}".strip(), ours[key], value, limit)


def _pool(file: str, example: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, float]:
    settings: dict[str, Any] = {"tau2": wanted.get("tau2_method", "REML"), "method": wanted.get("method", "IV")}
    settings |= {"model": wanted["model"]} if "model" in wanted else {}
    r = evidence_pool.run(EvidencePoolRequest(file=file, measure=example["measure"], **settings)).as_dict()
    logs = [math.log(x) for x in (r["estimate"], *r["ci"])]
    ours = dict(zip(("log", "log_lower", "log_upper"), logs, strict=True))
    ours |= {"estimate": r["estimate"], "lower": r["ci"][0], "upper": r["ci"][1], "tau2": r["tau2"]}
    return ours | {"tau": math.sqrt(r["tau2"]), "standard_error": r["standard_error"]}


def _network(file: str, example: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, float]:
    request = EvidenceNetworkRequest(
        file=file,
        measure=example["measure"],
        model=example.get("model", "random"),
        reference=example["reference"],
        better="lower",
        draws=100,
    )
    r = evidence_network.run(request).as_dict()
    (network,) = r["networks"]
    if "treatment" not in wanted:
        return {"tau2": network["tau2"]}
    pair = (wanted["treatment"], example["reference"])
    row = next(row for row in r["league"] if (row["treatment"], row["comparator"]) == pair)
    shown = {"estimate": row["estimate"], "lower": row["ci"][0], "upper": row["ci"][1]}
    return shown | {"standard_error": row["standard_error"], "log": row["estimate_log"]}


def reference_files(data: Path) -> Part:
    """R's own data files, given to the commands as they are, against metafor and netmeta."""
    content = json.loads((data.parent / "statistics.json").read_text(encoding="utf-8"))
    bcg, senn = content["metafor"]["bcg_RR_REML"], content["netmeta"]["Senn2013"]
    pooled = evidence_pool.run(EvidencePoolRequest(file=str(data / "dat_bcg.csv"), measure="RR")).as_dict()
    request = EvidenceNetworkRequest(
        file=str(data / "nma_Senn2013.csv"), measure="MD", tau2="DL", reference="plac", better="lower", draws=100
    )
    network = evidence_network.run(request).as_dict()
    found = [
        Comparison("dat_bcg.csv: log risk ratio", math.log(pooled["estimate"]), bcg["est"], 1e-4),
        Comparison("dat_bcg.csv: tau2", pooled["tau2"], bcg["tau2"], 1e-4),
        Comparison("nma_Senn2013.csv: tau2", network["networks"][0]["tau2"], senn["tau2"], 1e-9),
    ]
    names = list(senn["trts"])
    for row in network["league"]:
        theirs = senn["TE.random"][names.index(row["treatment"])][names.index(row["comparator"])]
        found.append(Comparison(f"{row['treatment']} against {row['comparator']}", row["estimate"], theirs, 1e-9))
    against = "metafor 3.8.1 on dat_bcg.csv (REML), netmeta 3.2.0 on nma_Senn2013.csv (DL)"
    return Part("R's own files are read as they stand", against, tuple(found))
