"""What the analysis of a trial's data sets must know besides the data: arms, visits, target windows, estimands.

It comes from a design (:func:`plan_of`) or, for data without one, from the data themselves
(:mod:`limus.trial.datasets.plan_from_data`); then nothing is tested, everything is described.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from limus.trial.design.design import Analysis, Design, Endpoint, Estimand, Visit
from limus.trial.design.endpoint_library import EndpointLibrary, load_endpoints

__all__ = [
    "AnalysisPlan",
    "LevelWindow",
    "PlannedArm",
    "composites_of",
    "event_names",
    "in_one_phrase",
    "in_running_text",
    "is_arm",
    "parameter_of",
    "plan_of",
]


@dataclass(frozen=True, slots=True)
class LevelWindow:
    """A target window of a drug's trough, ng/mL, for ``from_day <= day < to_day`` after randomisation."""

    compound: str
    from_day: float
    to_day: float
    low_ng_per_ml: float
    high_ng_per_ml: float


@dataclass(frozen=True, slots=True)
class PlannedArm:
    """An arm: code (ARMCD), label, target windows of its drugs."""

    code: str
    label: str
    windows: tuple[LevelWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """What is analysed and how; days count from randomisation, negative before it.

    Attributes
    ----------
    name, title : str
    arms : tuple of PlannedArm
        In order.
    visits : tuple of Visit
        Study visits with their windows.
    level_days : tuple of float
        Days on which levels are planned.
    endpoints, estimands, analyses
        As in a design; empty where there is none.
    duration_days : float
    words : EndpointLibrary
        Which terms mean which event.
    randomisation_day : float
        Whole days after transplantation.
    source : tuple of str
        Keys in ``references.bib``.
    from_design : bool
    """

    name: str
    title: str
    arms: tuple[PlannedArm, ...]
    visits: tuple[Visit, ...]
    level_days: tuple[float, ...]
    endpoints: tuple[Endpoint, ...]
    estimands: tuple[Estimand, ...]
    analyses: tuple[Analysis, ...]
    duration_days: float
    words: EndpointLibrary
    randomisation_day: float = 0.0
    source: tuple[str, ...] = ()
    from_design: bool = True

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the arms in order."""
        return tuple(arm.code for arm in self.arms)

    @property
    def reference(self) -> str:
        """The arm that others are compared with: that of the primary analysis, else the first."""
        primary = next((one for one in self.analyses if one.primary), None)
        return primary.reference_arm if primary else self.codes[0]

    def estimand_named(self, name: str) -> Estimand:
        """Return the estimand of this name."""
        return next(one for one in self.estimands if one.name == name)

    def endpoint_named(self, name: str) -> Endpoint:
        """Return the endpoint of this name."""
        return next(one for one in self.endpoints if one.name == name)


def plan_of(design: Design, words: EndpointLibrary | None = None) -> AnalysisPlan:
    """Take the analysis plan out of a design, whose days count from transplantation.

    Parameters
    ----------
    design : Design
    words : EndpointLibrary, optional
        The shipped one by default.

    Returns
    -------
    AnalysisPlan

    Raises
    ------
    UnknownNameError
        An endpoint names an event that the words do not hold.
    """
    words = words or load_endpoints()
    for endpoint in design.endpoints:
        for event in endpoint.events:
            words.event(event)
    start = math.floor(design.randomisation_day)  # as dates say it
    arms = tuple(
        PlannedArm(
            arm.name,
            arm.label,
            tuple(
                LevelWindow(
                    plan.compound,
                    window.from_day - start,
                    window.to_day - start,
                    window.low_ng_per_ml,
                    window.high_ng_per_ml,
                )
                for plan in arm.drugs
                for window in plan.windows
            ),
        )
        for arm in design.arms
    )
    return AnalysisPlan(
        name=design.name,
        title=design.title,
        arms=arms,
        visits=tuple(replace(visit, day=visit.day - start) for visit in design.visits),
        level_days=tuple(sorted({day - start for day in (*design.titration_days, *(v.day for v in design.visits))})),
        endpoints=tuple(replace(endpoint, day=endpoint.day - start) for endpoint in design.endpoints),
        estimands=design.estimands,
        analyses=design.analyses,
        duration_days=design.duration_days - start,
        words=words,
        randomisation_day=float(start),
        source=design.source,
    )


def is_arm(code: str) -> bool:
    """Tell whether ARMCD names an arm: not empty, not a screen failure, not unassigned."""
    return code.strip().upper() not in {"", "SCRNFAIL", "NOTASSGN", "NOTTRT"}


def composites_of(plan: AnalysisPlan) -> dict[frozenset[str], tuple[str, str]]:
    """Return PARAMCD and label of every composite, by the names of its events.

    Parameters
    ----------
    plan : AnalysisPlan

    Returns
    -------
    dict of frozenset to (str, str)
        Those of the library first, then those of the plan's endpoints, whose codes are made of their components'.

    Raises
    ------
    UnknownNameError
        An endpoint names an unknown event.
    """
    found = {one.events: (one.code, one.label) for one in plan.words.composites}
    taken = {one.code for one in plan.words.events} | {code for code, _ in found.values()}
    for endpoint in plan.endpoints:
        names = event_names(plan, endpoint.events)
        if len(names) < 2 or names in found:
            continue
        parts = [one for one in plan.words.events if one.name in names]
        stem = "C" + "".join(one.code[: max(1, 7 // len(parts))] for one in parts)
        code, number = stem[:8], 2
        while code in taken:
            code, number = f"{stem[:7]}{number}", number + 1
        taken.add(code)
        found[names] = (code, in_one_phrase([one.label for one in parts]))
    return found


def parameter_of(plan: AnalysisPlan, events: Sequence[str]) -> tuple[str, str]:
    """Return PARAMCD and label of the first of some events of the plan.

    Parameters
    ----------
    plan : AnalysisPlan
    events : sequence of str
        As an endpoint of the plan, or a composite of the library, names them.

    Returns
    -------
    tuple of (str, str)

    Raises
    ------
    UnknownNameError
        No such event.
    """
    names = event_names(plan, events)
    if len(names) == 1:
        one = plan.words.event(next(iter(names)))
        return one.code, one.label
    return composites_of(plan)[names]


def event_names(plan: AnalysisPlan, events: Sequence[str]) -> frozenset[str]:
    """Return the library's names of events."""
    return frozenset(plan.words.event(name).name for name in events)


def in_one_phrase(labels: Sequence[str]) -> str:
    """Join labels: the first as it is, the others in small letters."""
    words = [labels[0], *(in_running_text(label) for label in labels[1:])]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def in_running_text(label: str) -> str:
    """Write a label as within a sentence: its first letter small, unless it begins with an abbreviation.

    Examples
    --------
    >>> in_running_text("Graft loss"), in_running_text("BK virus infection")
    ('graft loss', 'BK virus infection')
    """
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
