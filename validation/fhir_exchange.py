"""FHIR in and out against another implementation of the structure, in its own environment.

    python validation/fhir_exchange.py

The reference is fhir.resources (pydantic models of R4B, which did not change the resources that limus uses), installed
once into ``validation/fhir_peer/.venv``, away from limus. HL7's own StructureDefinitions were not at hand. Claims:

- the example bundle and the proposals made of it (several targets and models) are valid;
- doses, levels and times that limus reads from the bundle are those that the reference reads;
- of copies of the example's resources and of a proposal that were broken one element at a time (removed, renamed, of
  another type, doubled choice, list for one and one for list), limus and the reference refuse the same ones.

Limus refuses more: a value outside a required value set, an empty list, true for a number, a number for a date, which
the rules of FHIR's JSON forbid and the reference does not look at. They are counted by rule.
"""

from __future__ import annotations

import collections
import copy
import datetime
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from limus.patient.patient_table import PatientFile, read_patients
from limus.pharmacokinetics.exchange.fhir.structure import structure_findings
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.workflows.tdm.suggest import TdmSuggestRequest
from limus.workflows.tdm.suggest import run as suggest

Outcome = tuple[str, str, str, bool | None]
HERE = Path(__file__).parent
PEER = HERE / "fhir_peer"
FOLDER = PEER / ".venv"
NAME, VERSION = "fhir.resources", "8.3.0"
AGAINST = f"{NAME} {VERSION}, R4B"
EXAMPLE = HERE.parent / "examples" / "fhir" / "kidney_patient.json"
MODEL = "Woillard_2011"
TARGETS = ("trough:5-10", "trough:8-12", "auc:150-250")
WRONG: tuple[Any, ...] = ("seven", -1, True, {"seven": 7}, ["seven"], {}, [])


def make_environment() -> bool:
    """Install the reference once; return whether it is there."""
    python = FOLDER / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    check = f"from importlib.metadata import version; assert version('{NAME}') == '{VERSION}'"
    if subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0:
        return True
    quietly = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*quietly, f"{NAME}=={VERSION}"], check=False).returncode == 0


def ask(content: Any, *options: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "content.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        command = [FOLDER / "bin" / "python", PEER / "complain.py", *options, file]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONPATH": ""})
    return json.loads(done.stdout)


def proposals() -> list[dict[str, Any]]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, target in enumerate(TARGETS):
            request = TdmSuggestRequest(
                files=(str(EXAMPLE),),
                models=(MODEL,),
                id="kidney-1",
                target=target,
                draws=200,
                starts=2,
                fhir_out=str(Path(folder) / f"{number}.json"),
            )
            found.append(suggest(request).suggestion)
    return found


def valid(bundle: dict[str, Any], made: list[dict[str, Any]]) -> list[Outcome]:
    said = ask([bundle, *made])
    wrong = [text for text in said if text is not None]
    result = f"{len(said) - len(wrong)} of {len(said)} valid" + (f"; {wrong[0]}" if wrong else "")
    return [("the example bundle and the proposals made of it are FHIR R4", AGAINST, result, not wrong)]


def same_numbers(bundle: dict[str, Any]) -> list[Outcome]:
    theirs = ask(bundle, "--read")
    table = read_patients(load_population_model(MODEL), PatientFile((EXAMPLE,))).raw
    read = {
        "doses": np.stack([table.doses.time_h, table.doses.amount_mg], axis=1),
        "levels": np.stack([table.observations.time_h, table.observations.value], axis=1),
    }
    times = {name: [datetime.datetime.fromisoformat(time) for time, _ in rows] for name, rows in theirs.items()}
    begin = min(time for rows in times.values() for time in rows)
    claim, worst = "limus reads the same doses, levels and times", 0.0
    for name, rows in theirs.items():
        hours = [(time - begin).total_seconds() / 3600.0 for time in times[name]]
        wanted = np.array(sorted(zip(hours, (value for _, value in rows), strict=True)))
        if wanted.shape != read[name].shape:
            return [(claim, AGAINST, f"{len(read[name])} and {len(wanted)} {name}", False)]
        worst = max(worst, float(np.abs(wanted - read[name]).max()))
    counts = " and ".join(f"{len(rows)} {name}" for name, rows in read.items())
    # times are rounded to 1e-5 h
    return [(claim, AGAINST, f"{counts}; largest difference {worst:.1e} (h, mg, ng/mL)", worst <= 1e-5)]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every element of a resource, contained ones aside."""
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if name not in {"resourceType", "contained", "div", "meta"}:
            yield (*path, name)
            yield from places(inner, (*path, name))


def broken(resource: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in places(resource):
        for number, change in enumerate(("removed", "renamed", "listed", *WRONG)):
            other = copy.deepcopy(resource)
            holder: Any = other
            for step in path[:-1]:
                holder = holder[step]
            name, old = path[-1], holder[path[-1]]
            if change == "removed":
                del holder[name]
            elif change == "renamed":
                if isinstance(name, int):
                    continue
                holder[f"{name}s"] = holder.pop(name)
            elif change == "listed":
                holder[name] = old[0] if isinstance(old, list) else [old]
            else:
                holder[name] = change
            yield f"{'.'.join(map(str, path))} {change if number < 3 else repr(change)}", other


def agreement(resources: list[dict[str, Any]]) -> list[Outcome]:
    cases = [case for resource in resources for case in broken(resource)]
    theirs = ask([resource for _, resource in cases])
    alone: collections.Counter[str] = collections.Counter()
    missed, both = [], 0
    for (name, resource), complaint in zip(cases, theirs, strict=True):
        found = list(structure_findings(resource, resource["resourceType"]))
        if bool(found) == (complaint is not None):
            both += 1
        elif found:
            alone[found[0].check.removeprefix("fhir-").replace("-", " ")] += 1
        else:
            missed.append(f"{resource['resourceType']}.{name}: {complaint}")
    why = ", ".join(f"{count} by the rule '{name}'" for name, count in sorted(alone.items()))
    result = f"{both} of {len(cases)} verdicts agree; refused by limus alone {alone.total()} ({why}), "
    result += f"by the reference alone {len(missed)}" + (f": {missed[0]}" if missed else "")
    return [
        ("resources broken one element at a time: what the reference refuses is refused", AGAINST, result, not missed)
    ]


def outcomes() -> list[Outcome]:
    """Return (claim, against, result, whether it holds) of each check; None where the reference cannot be had."""
    if not make_environment():
        return [("FHIR in and out is valid", AGAINST, "the reference could not be installed", None)]
    bundle = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    made = proposals()
    kinds: dict[str, dict[str, Any]] = {}
    for entry in bundle["entry"]:
        kinds.setdefault(entry["resource"]["resourceType"], entry["resource"])
    return [*valid(bundle, made), *same_numbers(bundle), *agreement([*kinds.values(), made[0], *made[0]["contained"]])]


def main() -> int:
    found = outcomes()
    for claim, against, result, holds in found:
        print(f"{ {True: 'holds', False: 'FAILS', None: 'not run'}[holds] }: {claim} ({against}): {result}")
    return 0 if all(holds is not False for *_, holds in found) else 1


if __name__ == "__main__":
    sys.exit(main())
