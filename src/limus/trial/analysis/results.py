"""What an analysis of the plan gives: the effect with its interval, what was done with each intercurrent event."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["ArmEstimate", "EstimandResult", "HandledEvent", "Sensitivity", "end_against_margin"]


@dataclass(frozen=True, slots=True)
class HandledEvent:
    """An intercurrent event: the strategy, what was done, and how many subjects had it first, by arm."""

    event: str
    strategy: str
    done: str
    counts: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ArmEstimate:
    """One arm's part.

    Attributes
    ----------
    arm : str
    n : int
        Subjects analysed.
    events : int
        Events that count; -1 for a value.
    unknown : int
        Subjects whose outcome is not known.
    estimate, standard_error, low, high : float
        A risk as a fraction, or a mean.
    """

    arm: str
    n: int
    events: int
    unknown: int
    estimate: float
    standard_error: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The effect by another method or another assumption about what is not known."""

    name: str
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EstimandResult:
    """One analysis of the plan.

    Attributes
    ----------
    name, estimand, endpoint, endpoint_label : str
        Of the design.
    method, hypothesis, summary, population : str
        The method as the plan names it.
    done : str
        The method that was used: another one where events compete.
    test, reference : str
        Arms; the effect is test minus reference, or over it for a hazard ratio.
    primary : bool
    unit : str
        Of the effect: ``fraction``, ``hazard ratio``, ``days`` or the unit of a value.
    effect, standard_error, low, high, p : float
        NaN where there is none. ``p`` is two-sided against no difference; with a margin it is one-sided against it.
    level_percent : float
        Of the interval: 100 (1 - 2 alpha) for non-inferiority.
    margin : float
        NaN without one.
    conclusion : str
        What the interval says about the hypothesis.
    status : str
        ``ok``, or ``refused`` with the reason in ``warnings``.
    arms : tuple of ArmEstimate
        The one under test first.
    handled : tuple of HandledEvent
    sensitivities : tuple of Sensitivity
    warnings : tuple of str
    day : float
    """

    name: str
    estimand: str
    endpoint: str
    endpoint_label: str
    method: str
    hypothesis: str
    summary: str
    population: str
    test: str
    reference: str
    primary: bool
    unit: str
    day: float
    done: str = ""
    effect: float = math.nan
    standard_error: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    level_percent: float = 95.0
    margin: float = math.nan
    conclusion: str = ""
    status: str = "ok"
    arms: tuple[ArmEstimate, ...] = ()
    handled: tuple[HandledEvent, ...] = ()
    sensitivities: tuple[Sensitivity, ...] = ()
    warnings: tuple[str, ...] = ()


def end_against_margin(value: float, margin: float, unit: str) -> str:
    """Write an end of an interval against a margin with as many digits as tell them apart.

    Parameters
    ----------
    value, margin : float
        In the unit of the effect; the margin with its sign.
    unit : str
        Of the effect; fractions are written as percentage points.

    Returns
    -------
    str

    Examples
    --------
    >>> end_against_margin(0.10042, 0.1, "fraction")
    '10.04 against the margin 10 points'
    """
    scale, name = (100.0, " points") if unit == "fraction" else (1.0, f" {unit}" if unit != "hazard ratio" else "")
    said = next(
        (text for digits in range(3, 9) if (text := f"{scale * value:.{digits}g}") != f"{scale * margin:.{digits}g}"),
        f"{scale * value:g}",
    )
    return f"{said} against the margin {scale * margin:g}{name}".replace("-", "\N{MINUS SIGN}")
