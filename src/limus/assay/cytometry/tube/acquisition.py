"""What went wrong while a file was acquired: events at the margin, drift of a channel, jumps of the flow rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.fcs.read import FcsData
from limus.assay.plate.findings import note, warning
from limus.kernel.checks import Finding

__all__ = ["Acquisition", "AcquisitionRules", "examine_acquisition", "time_in_seconds"]

Floats = NDArray[np.float64]
_PARTS = 20  # of equal numbers of events, for drift
_LEAST_EVENTS = 400
_RATE_PARTS = 100  # of equal time, for the rate
_CHANCE = 4.0  # standard errors: less is no drift and no jump, with some hundred looks a plate


@dataclass(frozen=True, slots=True)
class AcquisitionRules:
    """Limits from the library's ``cytometry_rules.toml``.

    Attributes
    ----------
    margin_percent : float
        Events at the largest number of a channel, per cent.
    drift_percent : float
        Change of a channel's median from the first to the last fifth of the events, per cent; it must also exceed four
        standard errors.
    rate_fold : float
        Fold by which the rate of events may leave its median.
    """

    margin_percent: float
    drift_percent: float
    rate_fold: float


@dataclass(frozen=True, eq=False)
class Acquisition:
    """How a file was acquired.

    Attributes
    ----------
    margin : (N,) numpy.ndarray of bool
        Events piled up at the largest number of a watched channel.
    margin_percent : dict of str to float
        By channel.
    drift_percent : dict of str to float
        By channel; NaN without a time channel.
    rate_times, rates : numpy.ndarray
        Middle of equal parts of the time and events per second in them; empty without time.
    findings : tuple of Finding
    """

    margin: NDArray[np.bool_]
    margin_percent: dict[str, float]
    drift_percent: dict[str, float]
    rate_times: Floats
    rates: Floats
    findings: tuple[Finding, ...]


def time_in_seconds(data: FcsData) -> Floats | None:
    """Return the time of each event.

    Parameters
    ----------
    data : FcsData

    Returns
    -------
    (N,) numpy.ndarray or None
        Stored numbers times $TIMESTEP (1 where the file has none that is a number); None without a channel ``Time``.
    """
    for channel, stored in zip(data.channels, data.stored, strict=True):
        if channel.name.casefold() == "time":
            try:
                step = float(data.keywords.get("$TIMESTEP", "1") or 1)
            except ValueError:
                step = 1.0
            return stored.astype(np.float64) * (step if math.isfinite(step) and step > 0 else 1.0)
    return None


def examine_acquisition(
    data: FcsData, columns: Mapping[str, Floats], watched: tuple[str, ...], rules: AcquisitionRules
) -> Acquisition:
    """Look a file over.

    Parameters
    ----------
    data : FcsData
    columns : mapping of str to (N,) numpy.ndarray
        Channels before compensation.
    watched : tuple of str
        Channels to look at.
    rules : AcquisitionRules

    Returns
    -------
    Acquisition
    """
    where = data.path.name
    findings: list[Finding] = []
    margin = np.zeros(data.events, dtype=np.bool_)
    shares = {}
    for name in watched:
        at_end = _at_margin(data, name)
        margin |= at_end
        shares[name] = 100.0 * float(at_end.mean()) if data.events else 0.0
        if shares[name] > rules.margin_percent:
            got = f"{shares[name]:.2g} % of the events at the end of {name}"
            allowed = f"at most {rules.margin_percent:g} %"
            findings.append(warning("margin-events", where, got, allowed, "they are left out; lower the voltage"))
    seconds = time_in_seconds(data)
    if seconds is None or data.events < _LEAST_EVENTS:
        got = "no time channel" if seconds is None else f"{data.events} events"
        allowed = f"a channel Time, {_LEAST_EVENTS} events"
        findings.append(note("time-not-examined", where, got, allowed, "drift and flow rate are not examined"))
        empty = np.empty(0)
        return Acquisition(margin, shares, dict.fromkeys(watched, math.nan), empty, empty, tuple(findings))
    order = np.argsort(seconds, kind="stable")
    found = {name: _drift(columns[name][order]) for name in watched}
    drifts = {name: percent for name, (percent, _) in found.items()}
    for name, (percent, error) in found.items():
        if abs(percent) > max(rules.drift_percent, _CHANCE * error):
            got = f"{name} changes by {percent:.2g} %"
            allowed = f"at most {rules.drift_percent:g} % from the first to the last fifth"
            findings.append(warning("drift", where, got, allowed, "look at the file over time; compare with others"))
    times, rates = _rates(seconds[order])
    findings += _rate_findings(where, seconds[order], times, rates, rules)
    return Acquisition(margin, shares, drifts, times, rates, tuple(findings))


def _at_margin(data: FcsData, name: str) -> NDArray[np.bool_]:
    """Events piled up at the largest stored number; a single one there is no pile."""
    place = data.place(name)
    stored, channel = data.stored[place], data.channels[place]
    if not data.events:
        return np.zeros(0, dtype=np.bool_)
    largest = stored.max()
    near_range = not math.isfinite(channel.range) or float(largest) >= 0.99 * (channel.range - 1)
    at_end = stored == largest
    if not near_range or int(at_end.sum()) < 2:
        return np.zeros(data.events, dtype=np.bool_)
    return np.asarray(at_end)


def _drift(values: Floats) -> tuple[float, float]:
    """Per cent change of the median from the first to the last fifth, and its standard error.

    By a line through the medians of 20 parts, the error from their scatter about it.
    """
    medians = np.array([np.median(part) for part in np.array_split(values, _PARTS)])
    part = np.arange(_PARTS) - 0.5 * (_PARTS - 1)
    squares = float(np.sum(part**2))
    slope = float(np.sum(part * medians)) / squares
    rest = medians - medians.mean() - slope * part
    error = math.sqrt(float(np.sum(rest**2)) / (_PARTS - 2) / squares)
    middle = abs(float(np.median(medians)))
    factor = 100.0 * 0.8 * _PARTS / middle if middle else math.nan
    return factor * slope, factor * error


def _rates(seconds: Floats) -> tuple[Floats, Floats]:
    span = float(seconds[-1] - seconds[0])
    if not span > 0:
        return np.empty(0), np.empty(0)
    parts = min(_RATE_PARTS, max(5, len(seconds) // 100))
    counts, edges = np.histogram(seconds, bins=parts)
    return 0.5 * (edges[1:] + edges[:-1]), counts / (span / parts)


def _rate_findings(where: str, seconds: Floats, times: Floats, rates: Floats, rules: AcquisitionRules) -> list[Finding]:
    if not len(rates):
        return [note("time-not-examined", where, "all events at one time", "times that differ", "check the channel")]
    middle = float(np.median(rates))
    per_part = len(seconds) / len(rates)
    chance = _CHANCE / math.sqrt(max(per_part, 1.0))  # of a Poisson count
    high = rates > middle * max(rules.rate_fold, 1 + chance)
    low = rates < middle * min(1 / rules.rate_fold, max(0.0, 1 - chance))
    odd = int((high | low).sum())
    if not odd:
        return []
    first = times[np.flatnonzero(high | low)[0]]
    got = f"{odd} of {len(rates)} parts of the time, the first at {first:.3g} s"
    allowed = f"within {rules.rate_fold:g}-fold of the median, {middle:.3g} events/s"
    return [warning("flow-rate", where, got, allowed, "look at the file over time: bubbles, a clot, an empty tube")]
