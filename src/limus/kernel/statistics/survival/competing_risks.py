"""A warning where 1 - Kaplan-Meier would be taken for a risk although other events end the watching."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from limus.kernel.checks import Finding, Severity
from limus.kernel.statistics.survival.aalen_johansen import aalen_johansen, incidence_at
from limus.kernel.statistics.survival.kaplan_meier import kaplan_meier, survival_at

__all__ = ["competing_risks_finding"]

_NEGLIGIBLE = 0.001  # of a risk: 0.1 percentage points


def competing_risks_finding(
    time: ArrayLike, cause: ArrayLike, of_interest: int = 1, *, at: float | None = None, name: str = "event"
) -> Finding | None:
    """Compare 1 - Kaplan-Meier, with competing events censored, with the cumulative incidence.

    Parameters
    ----------
    time : (N,) array
    cause : (N,) array
        0 where censored, 1, 2 ... for the causes.
    of_interest : int
        Code of the cause.
    at : float, optional
        By default the last event of that cause.
    name : str
        Of the event, for the message.

    Returns
    -------
    Finding or None
        A warning with both numbers; None without competing events, or where the two differ by less than 0.1 percentage
        points at that time.

    Raises
    ------
    ValueRangeError
        Values that are not allowed.
    """
    times, causes = np.asarray(time, dtype=np.float64), np.asarray(cause).astype(np.int64)
    own = causes == of_interest
    others = int(np.sum((causes > 0) & ~own))
    if not others or not own.any():
        return None
    when = float(times[own].max()) if at is None else at
    curves = aalen_johansen(times, causes)
    row = int(np.flatnonzero(curves.causes == of_interest)[0])
    right = float(incidence_at(curves, [when]).incidence[row, 0])
    wrong = 1 - float(survival_at(kaplan_meier(times, own), [when]).survival[0])
    if not wrong - right >= _NEGLIGIBLE:
        return None
    return Finding(
        "one-minus-kaplan-meier",
        Severity.WARNING,
        f"{name}, at {when:g}",
        f"1 - Kaplan-Meier is {wrong:.4f}, with {others} competing events taken as censored; the cumulative incidence "
        f"is {right:.4f}",
        "the cumulative incidence (Aalen-Johansen)",
        "report the cumulative incidence",
    )
