"""A published behaviour, read from a theme's table, and the verdict on what the model says of it."""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from limus.kernel.errors import LimusError, RefusedError
from limus.signalling.potency import CurveSummary
from limus.signalling.protocol import find_protocol
from t_cell_published_rows.asking import MODEL, curve

__all__ = ["Behaviour", "Question", "Verdict", "read_behaviours", "verdict"]

HERE = Path(__file__).parent
PER_CENT = "%"

Question = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What was seen, by whom, and what is accepted.

    Attributes
    ----------
    key : str
        Letter of the theme and a number.
    weight : int
        3: a model that misses it is wrong; 2: a serious remark; 1: a detail.
    claim, published, source : str
        The sentence, the figure, and who published it, read or recalled.
    lower, upper : float
        What is accepted, both included.
    unit : str
    why : str
        Why the model misses it, where it does.
    ask : function, optional
        Gives the model's number; none where the model cannot be asked, and then ``why`` says why.
    """

    key: str
    weight: int
    claim: str
    published: str
    source: str
    lower: float
    upper: float
    unit: str
    why: str
    ask: Question | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A behaviour with what came out; ``passed`` is none where the model cannot be asked."""

    behaviour: Behaviour
    result: str
    passed: bool | None


MEASURES: Mapping[str, tuple[str, str, Callable[[CurveSummary], float]]] = {
    "ic50": ("IC50", "nM", lambda found: found.ic50_absolute_nM),
    "slope": ("slope", "", lambda found: found.hill),
    "largest": ("largest inhibition", PER_CENT, lambda found: 100.0 * found.max_inhibition_fraction),
}
"""What a row can ask of a dose-response without words of its own: words, unit, the number of a curve."""


def read_behaviours(theme: str, questions: Mapping[str, Question]) -> list[Behaviour]:
    """Read ``<theme>.csv``; a row either names a measure of a dose-response or has a question under its key."""
    with (HERE / f"{theme}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    unknown = set(questions) - {row["key"] for row in rows}
    if unknown:
        raise KeyError(f"{theme}: questions without a row: {', '.join(sorted(unknown))}")
    return [_behaviour(row, questions) for row in rows]


def _behaviour(row: Mapping[str, str], questions: Mapping[str, Question]) -> Behaviour:
    key, unit, claim, ask = row["key"], row.get("unit", ""), row["claim"], questions.get(row["key"])
    if row.get("measure"):
        words, unit, number = MEASURES[row["measure"]]
        drug, readout, stimulus = row["drug"], row["readout"], row["stimulus"]
        claim = f"{words} of {drug} on {MODEL.readout(readout).short}, {find_protocol(stimulus).short}"
        ask = partial(_of_curve, number, drug, readout, stimulus)
    if ask is None and row["accepted_from"]:
        raise KeyError(f"{key} has no question")
    return Behaviour(
        key=key,
        weight=int(row["weight"]),
        claim=claim,
        published=row["published"],
        source=_source(row["source"], row["recalled_confidence"]),
        lower=float(row["accepted_from"] or "nan"),
        upper=float(row["accepted_to"] or "nan"),
        unit=unit,
        why=row["why"],
        ask=ask,
    )


def _of_curve(number: Callable[[CurveSummary], float], drug: str, readout: str, stimulus: str) -> float:
    return number(curve(drug, readout, stimulus))


@lru_cache(maxsize=1)
def _sources() -> Mapping[str, str]:
    return tomllib.loads((HERE / "sources.toml").read_text(encoding="utf-8"))


def _source(name: str, confidence: str) -> str:
    words = [_sources()[name]] if name else []
    return "; ".join([*words, *([f"recalled, confidence {confidence}"] if confidence else [])])


def verdict(behaviour: Behaviour) -> Verdict:
    """Ask the model."""
    if behaviour.ask is None:
        return Verdict(behaviour, f"cannot be asked: {behaviour.why}", None)
    try:
        value = float(behaviour.ask())
    except RefusedError as refused:
        return Verdict(behaviour, f"cannot be asked: {refused}", None)
    except LimusError as error:
        return Verdict(behaviour, str(error), False)
    accepted = f"accepted {behaviour.lower:g} to {behaviour.upper:g}"
    if behaviour.lower <= value <= behaviour.upper:
        return Verdict(behaviour, f"{_with_unit(value, behaviour)} ({accepted})", True)
    why = behaviour.why or "not explained"
    if not math.isfinite(value):
        return Verdict(behaviour, f"no value, half is not reached or there is no signal ({accepted}); {why}", False)
    return Verdict(
        behaviour, f"{_with_unit(value, behaviour)} ({accepted}, {_outside(value, behaviour)}); {why}", False
    )


def _with_unit(value: float, behaviour: Behaviour) -> str:
    return f"{value:.3g} {behaviour.unit}".rstrip()


def _outside(value: float, behaviour: Behaviour) -> str:
    bound = behaviour.upper if value > behaviour.upper else behaviour.lower
    if bound > 0 and value > 0 and behaviour.unit != PER_CENT:
        return f"{max(value / bound, bound / value):.3g}-fold outside"
    return f"{_with_unit(abs(value - bound), behaviour)} outside"
