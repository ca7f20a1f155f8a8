r"""From study tables to networks: every study with all its arms, components apart, findings for what is left out.

A table by arms gives each arm a value and a variance, so a study with several arms is exact: the log odds with
1/e + 1/(n - e), the log risk with 1/e - 1/n, the risk with p(1 - p)/n, its arcsine with 1/(4n), the mean with s^2/n.
Where a cell of a study is zero and the measure cannot bear it, 0.5 is added to all its arms. The standardised mean
difference takes the standard deviation of all arms together and the covariance 1/n_0 + g_a g_b/2N (Gleser and Olkin
2009). A table of contrasts gives pairs; a study with three arms or more must give all of them.

Two tables may be read together, arms and contrasts; their outcomes, times and units must be the same words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.evidence.comparison import Comparison, Study, is_control
from limus.evidence.measures import Measure, compute_effects
from limus.evidence.study_checks import TABLE_CHECKS, examine_rows, place_of, require_measure
from limus.evidence.study_table import SCALE_COLUMNS, StudyTable, TableForm
from limus.kernel.checks import Finding, Severity, raise_on_errors, run_checks
from limus.kernel.errors import InputError, LimusError, NothingSucceededError, UnknownNameError, near_names
from limus.kernel.statistics.network import Network, NetworkStudy, find_components

__all__ = ["NetworkTable", "UsedStudy", "read_networks"]

Floats = NDArray[np.float64]
Row = Mapping[str, Any]

_BY_EVENTS = (Measure.RR, Measure.OR, Measure.RD, Measure.AS)
_BY_MEANS = (Measure.MD, Measure.SMD)
_NUMBERS = ("n", "events", "mean", "sd")


@dataclass(frozen=True, slots=True)
class UsedStudy:
    """What becomes of one study.

    Attributes
    ----------
    name, table : str
    status : str
        ``used``, ``corrected``, or why it is left out.
    treatments : tuple of str
    participants : float
        NaN where the table does not say.
    assumed : bool
        Whether one of its numbers is only assumed.
    """

    name: str
    table: str
    status: str
    treatments: tuple[str, ...]
    participants: float
    assumed: bool


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTable:
    """The networks of one outcome.

    Attributes
    ----------
    names : tuple of str
        The tables.
    scale : mapping of str to str
        Outcome, time and unit, where the tables say.
    networks : tuple of Network
        One a component, that of the reference first, then the larger ones. Nothing connects them.
    studies : tuple of UsedStudy
    participants : mapping of str to float
        By treatment; NaN where a table does not say.
    counts : mapping of str to tuple of (treatment, events, n)
        Arms of each study in use that reports events.
    findings : tuple of Finding
    """

    names: tuple[str, ...]
    scale: Mapping[str, str]
    networks: tuple[Network, ...]
    studies: tuple[UsedStudy, ...]
    participants: Mapping[str, float]
    counts: Mapping[str, tuple[tuple[str, float, float], ...]]
    findings: tuple[Finding, ...]


def read_networks(tables: Sequence[StudyTable], measure: Measure, reference: str | None = None) -> NetworkTable:
    """Make the networks of one outcome.

    Parameters
    ----------
    tables : sequence of StudyTable
        Narrowed to one outcome, time and unit.
    measure : Measure
    reference : str, optional
        By default the only control of a component, or else the treatment with most studies; a finding says which.

    Returns
    -------
    NetworkTable

    Raises
    ------
    InputError
        Several outcomes, times or units, or a measure that a table cannot give.
    UnknownNameError
        The reference is in no study.
    NothingSucceededError
        No study is left.
    """
    findings: list[Finding] = []
    found: list[tuple[UsedStudy, NetworkStudy | None]] = []
    people: dict[str, float] = {}
    for table in tables:
        require_measure(table, measure)
        problems = run_checks(table, TABLE_CHECKS)
        raise_on_errors(problems, InputError)
        findings += problems
        found += _read_table(table, measure, findings, people)
    scale = _one_scale(tables)
    kept: dict[str, NetworkStudy] = {}
    for at, (used, study) in enumerate(found):
        if study is not None and used.name in kept:
            where = f"{used.table}, {used.name}: left out"
            got, do = "a study of this name stands in another table", "remove one, or rename it if they differ"
            findings.append(Finding("study-twice", Severity.WARNING, where, got, "each study once", do))
            found[at] = (_left_out(used, "study-twice"), None)
        elif study is not None:
            kept[used.name] = study
    if not kept:
        reasons = "; ".join(f"{used.name}: {used.status.replace('-', ' ')}" for used, _ in found)
        raise NothingSucceededError(
            "network", f"no study left ({reasons})", "a study with two arms", "look at the rows"
        )
    networks = _connect(list(kept.values()), reference, tables, findings)
    return NetworkTable(
        tuple(table.name for table in tables),
        scale,
        networks,
        tuple(used for used, _ in found),
        people,
        _counts(tables, {used.name: used for used, study in found if study is not None}),
        tuple(findings),
    )


def _counts(
    tables: Sequence[StudyTable], used: Mapping[str, UsedStudy]
) -> dict[str, tuple[tuple[str, float, float], ...]]:
    counts: dict[str, tuple[tuple[str, float, float], ...]] = {}
    for table in tables:
        if table.form is not TableForm.EVENTS:
            continue
        statuses, _ = examine_rows(table)
        for row, status in zip(table.rows.rows(), statuses, strict=True):
            name = str(row["study"])
            if status == "ok" and name in used and used[name].table == table.name:
                arm = (str(row["treatment"]), float(row["events"]), float(row["n"]))
                counts[name] = (*counts.get(name, ()), arm)
    return counts


def _one_scale(tables: Sequence[StudyTable]) -> dict[str, str]:
    scale: dict[str, str] = {}
    for table in tables:
        for column in SCALE_COLUMNS[:3]:
            said = str(table.rows[column][0]) if column in table.rows.names else ""
            if said and scale.setdefault(column, said) != said:
                got = f"{scale[column]!r} and {said!r}"
                raise InputError(f"{column} of {table.name}", got, f"one {column} in all tables", f"choose --{column}")
    return scale


def _left_out(used: UsedStudy, status: str) -> UsedStudy:
    return UsedStudy(used.name, used.table, status, used.treatments, used.participants, used.assumed)


def _read_table(
    table: StudyTable, measure: Measure, findings: list[Finding], people: dict[str, float]
) -> list[tuple[UsedStudy, NetworkStudy | None]]:
    allowed = {TableForm.EVENTS: _BY_EVENTS, TableForm.MEANS: _BY_MEANS}.get(table.form)
    if allowed is not None and measure not in allowed:
        got = f"{measure} from a table of {table.form}"
        raise InputError("--measure", got, ", ".join(allowed), "choose another measure")
    statuses, problems = examine_rows(table)
    findings += [problem for problem in problems if problem is not None]
    rows: list[Row] = list(table.rows.rows())
    found = []
    for name in dict.fromkeys(str(study) for study in table.rows["study"]):
        at = [i for i, study in enumerate(table.rows["study"]) if str(study) == name]
        good = [rows[i] for i in at if statuses[i] == "ok"]
        failed = [statuses[i] for i in at if statuses[i] != "ok"]
        read = _study_of_arms if table.form.by_arm else _study_of_contrasts
        status, study = read(table, name, good, failed, measure, findings)
        used = [row for row in good if study is not None]
        n = [float(row["n"]) for row in used] if table.form.by_arm else []
        for row, size in zip(used, n, strict=False):
            people[str(row["treatment"])] = people.get(str(row["treatment"]), 0.0) + size
        arms = study.treatments if study is not None else tuple(dict.fromkeys(a for row in good for a in _arms_of(row)))
        assumed = any(str(row.get("kind", "")) == "assumed" for row in used)
        found.append((UsedStudy(name, table.name, status, arms, sum(n) if n else np.nan, assumed), study))
    return found


def _arms_of(row: Row) -> tuple[str, ...]:
    if "treatment" in row:
        return (str(row["treatment"]),)
    return str(row["treatment_1"]), str(row["treatment_2"])


_Made = tuple[str, NetworkStudy | None]


def _refuse(status: str, table: StudyTable, name: str, said: tuple[str, str, str], findings: list[Finding]) -> _Made:
    findings.append(Finding(status, Severity.WARNING, f"{table.name}, {name}: left out", *said))
    return status, None


def _study_of_arms(
    table: StudyTable, name: str, rows: list[Row], failed: list[str], measure: Measure, findings: list[Finding]
) -> _Made:
    arms = [str(row["treatment"]) for row in rows]
    doubled = sorted({arm for arm in arms if arms.count(arm) > 1})
    if doubled:
        got = "; ".join(place_of(row) for row in rows if row["treatment"] in doubled)
        said = (got, "one row an arm", "remove one, combine them, or narrow the table")
        return _refuse("duplicate-arm", table, name, said, findings)
    if len(rows) < 2:
        got = f"one arm ({arms[0]})" if arms else "no usable arm"
        return _refuse(
            failed[0] if failed else "single-arm",
            table,
            name,
            (got, "two arms or more", "nothing, if that is meant; a network compares within studies"),
            findings,
        )
    numbers = {
        key: np.array([float(row[key]) for row in rows]) for key in ("n", "events", "mean", "sd") if key in rows[0]
    }
    if measure is Measure.SMD:
        effect, covariance = _standardised(numbers["mean"], numbers["sd"], numbers["n"])
        return _make(table, name, "used", findings, lambda: NetworkStudy.create(name, arms, effect, covariance))
    if measure is Measure.MD:
        value, variance, status = numbers["mean"], numbers["sd"] ** 2 / numbers["n"], "used"
    else:
        value, variance, status = _of_events(measure, numbers["events"], numbers["n"])
    if status.startswith("zero-cells"):
        said = ("no event in any arm" if "no-events" in status else "nothing but events", "some of both", "choose RD")
        return _refuse(status, table, name, said, findings)
    if status == "corrected":
        where = f"{table.name}, {name}"
        got, how = "a zero cell", "0.5 is added to the cells of all its arms"
        findings.append(Finding("zero-cells-corrected", Severity.NOTE, where, got, how))
    return _make(table, name, status, findings, lambda: NetworkStudy.from_arms(name, arms, value, variance))


def _make(table: StudyTable, name: str, status: str, findings: list[Finding], build: Any) -> _Made:
    try:
        return status, build()
    except LimusError as error:
        said = (str(error.got), error.allowed, error.do)
        return _refuse("impossible-study", table, name, said, findings)


def _of_events(measure: Measure, events: Floats, n: Floats) -> tuple[Floats, Floats, str]:
    """Value and variance of each arm, and the status of the study."""
    if measure is Measure.AS:
        return np.arcsin(np.sqrt(events / n)), 1 / (4 * n), "used"
    ratio = measure is not Measure.RD
    if ratio and not events.any():
        return events, n, "zero-cells-no-events"
    if ratio and (events == n).all():
        return events, n, "zero-cells-only-events"
    full = (events == n).any() if measure is not Measure.RR else (events == n).all()
    bad = bool((events == 0).any() or full) if ratio else bool(((events == 0) | (events == n)).any())
    status = "corrected" if bad else "used"
    e, total = (events + 0.5, n + 1) if bad else (events, n)
    p = e / total
    if measure is Measure.OR:
        return np.log(p / (1 - p)), 1 / e + 1 / (total - e), status
    if measure is Measure.RR:
        return np.log(p), 1 / e - 1 / total, status
    return events / n, p * (1 - p) / total, status


def _standardised(mean: Floats, sd: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Hedges' g of each arm against the first, with the standard deviation of all arms together."""
    from scipy.special import gammaln  # noqa: PLC0415

    degrees = float(n.sum()) - len(n)
    pooled = np.sqrt(((n - 1) @ sd**2) / degrees)
    factor = np.exp(gammaln(degrees / 2) - gammaln((degrees - 1) / 2)) / np.sqrt(degrees / 2)
    g = factor * (mean[1:] - mean[0]) / pooled
    return g, np.diag(1 / n[1:]) + 1 / n[0] + np.outer(g, g) / (2 * n.sum())


def _study_of_contrasts(
    table: StudyTable, name: str, rows: list[Row], failed: list[str], measure: Measure, findings: list[Finding]
) -> _Made:
    if not rows:
        said = ("no usable contrast", "one contrast or more", "look at its rows")
        return _refuse(failed[0] if failed else "no-contrast", table, name, said, findings)
    pairs = [_arms_of(row) for row in rows]
    seen = [frozenset(pair) for pair in pairs]
    if len(set(seen)) < len(seen) or any(len(pair) < 2 for pair in seen):
        got = "; ".join(place_of(row) for row in rows)
        said = (got, "each pair of arms once", "remove one of them")
        return _refuse("duplicate-contrast", table, name, said, findings)
    studies = []
    for row, (first, second) in zip(rows, pairs, strict=True):
        numbers = {key: float(value) for key, value in row.items() if isinstance(value, float) and key != "row"}
        numbers["turned"] = 0.0
        if table.form is TableForm.LOG_RANK:
            numbers["sign"] = -1.0 if row["favours"] == first else 1.0
        studies.append(Study(f"{name}, {first} against {second}", "compared", numbers, (first,), {}))
    reference = pairs[0][1]
    asked = Comparison(table.name, table.form, (pairs[0][0],), reference, {}, tuple(studies), ())
    try:
        effects = compute_effects(asked, measure)
    except NothingSucceededError as error:
        return _refuse("unreadable-effect", table, name, (str(error.got), error.allowed, error.do), findings)
    findings += effects.findings
    if len(effects.studies) < len(rows):
        said = ("a contrast that cannot be read", "all its contrasts", "look at its rows")
        return _refuse("unreadable-effect", table, name, said, findings)
    given = {
        (first, second): (float(y), float(v))
        for (first, second), y, v in zip(pairs, effects.effect, effects.variance, strict=True)
    }
    shared = _shared_arm(rows, pairs)
    if shared is None:
        return _make(table, name, "used", findings, lambda: NetworkStudy.from_contrasts(name, given))
    arm, variance = shared
    turned = {
        other: y if second == arm else -y
        for (first, second), (y, _) in given.items()
        for other in (first if second == arm else second,)
    }
    covariance = np.diag([v - variance for _, v in given.values()]) + variance
    return _make(
        table, name, "used", findings, lambda: NetworkStudy.create(name, (arm, *turned), [*turned.values()], covariance)
    )


def _shared_arm(rows: list[Row], pairs: list[tuple[str, ...]]) -> tuple[str, float] | None:
    """The arm that all contrasts of a study have, and its variance, where the table says; else None."""
    said = [float(row.get("shared_variance", np.nan)) for row in rows]
    common = set.intersection(*(set(pair) for pair in pairs))
    if len(pairs) < 2 or len(common) != 1 or not np.isfinite(said).all() or len(set(said)) != 1:
        return None
    return common.pop(), said[0]


def _connect(
    studies: list[NetworkStudy], reference: str | None, tables: Sequence[StudyTable], findings: list[Finding]
) -> tuple[Network, ...]:
    """One network a component, each with a reference of its own."""
    parts = find_components(studies)
    where = " and ".join(table.name for table in tables)
    known = [name for names, _ in parts for name in names]
    if reference is not None and reference not in known:
        near = near_names(reference, known)
        hint = f"did you mean {near[0]}?" if near else "choose one of these"
        raise UnknownNameError(f"{where}, reference", reference, "; ".join(known), hint)
    networks = []
    for names, group in parts:
        chosen = reference if reference in names else None
        if chosen is None:
            chosen, rule = _choose_reference(names, group)
            do = "name it with --reference to be sure"
            got = f"the reference is {chosen}, {rule}"
            findings.append(Finding("reference-chosen", Severity.WARNING, where, got, "", do))
        networks.append(Network.create(group, chosen))
    if len(parts) > 1:
        got = " and ".join(f"[{'; '.join(names)}]" for names, _ in parts)
        do = "each is analysed apart; no effect between them can be had from these studies"
        said = f"{len(parts)} networks that no study connects: {got}"
        findings.append(Finding("disconnected", Severity.WARNING, where, said, "one connected network", do))
    return tuple(sorted(networks, key=lambda one: reference not in one.treatments))


def _choose_reference(names: tuple[str, ...], studies: tuple[NetworkStudy, ...]) -> tuple[str, str]:
    controls = [name for name in names if is_control(name)]
    if len(controls) == 1:
        return controls[0], "the only treatment with the name of a control"
    counts = {name: sum(name in study.treatments for study in studies) for name in names}
    return max(names, key=lambda name: counts[name]), "the treatment with most studies"
