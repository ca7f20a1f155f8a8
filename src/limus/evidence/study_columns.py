r"""Which column of a study table is which, whatever program wrote it.

Names are compared without case, blanks and punctuation, so ``seTE``, ``se.TE`` and ``SE_TE`` are one. Known are the
words of the field and the headings of metafor (``ai, n1i, ci, n2i``; ``m1i, sd1i``; ``yi, vi``), meta and netmeta
(``studlab, treat1, treat2, TE, seTE``; ``event.e, n.e``), gemtc and the BUGS programs (``r1, n1, t1``).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

__all__ = ["ArmColumns", "TableForm", "find_arm_columns", "find_column", "fold_name", "measure_in_name"]


class TableForm(StrEnum):
    """What a row of a study table holds."""

    EVENTS = "events"
    MEANS = "means"
    CONTRASTS = "contrasts"
    ESTIMATES = "estimates"
    LOG_RANK = "log_rank"

    @property
    def by_arm(self) -> bool:
        """Whether a row is an arm (or else a contrast of two)."""
        return self in (TableForm.EVENTS, TableForm.MEANS)


_RATIO_NAMES: Mapping[str, str] = {
    "rr": "RR", "riskratio": "RR", "relativerisk": "RR", "or": "OR", "oddsratio": "OR", "hr": "HR",
    "hazardratio": "HR", "rd": "RD", "riskdifference": "RD", "md": "MD", "meandifference": "MD", "wmd": "MD",
    "smd": "SMD", "hedgesg": "SMD",
}  # fmt: skip
_LOG = ("log", "ln")

# the first that a table has is taken
_NAMES: Mapping[str, tuple[str, ...]] = {
    "study": (
        "study", "studlab", "studyorsubgroup",
        "studylabel", "studyname", "studyid", "studies", "trial", "trialname", "trialid", "slab",
        "author", "authors", "firstauthor", "authoryear", "citation", "label", "studyn", "studyno", "id", "sid",
    ),
    "treatment": ("treatment", "treat", "trt", "arm", "intervention", "drug", "therapy", "regimen", "treatmentname",
                  "armname", "group", "trtn", "trtc", "t", "tid"),
    "treatment_1": ("treatment1", "treat1", "trt1", "t1", "arm1", "intervention1", "treatmenta", "treatment", "treat",
                    "trt", "intervention", "drug", "experimental"),
    "treatment_2": ("treatment2", "treat2", "trt2", "t2", "arm2", "intervention2", "treatmentb", "comparator",
                    "control", "reference", "versus", "vs"),
    "n": ("n", "total", "ntotal", "participants", "samplesize", "size", "randomised", "randomized", "patients", "na",
          "ni"),
    "events": ("events", "event", "responders", "cases", "r", "deaths", "death", "d", "x", "xi", "nevents"),
    "mean": ("mean", "average", "y", "meana", "meanchange"),
    "sd": ("sd", "std", "stdev", "stddev", "standarddeviation", "sda"),
    "standard_error": ("se", "standarderror", "stderr", "sem"),
    "effect": ("effect", "te", "yi", "diff", "effectsize", "logeffect", "es", "lneffect"),
    "se": ("se", "sete", "sei", "standarderror", "stderr", "seeffect", "seyi", "sediff", "stderrdiff"),
    "variance": ("variance", "vi", "var", "v"),
    "shared_variance": ("sharedvariance", "covariance", "cov", "referencevariance", "baselinevariance"),
    "estimate": ("estimate", "effectestimate", "pointestimate"),
    "ci_low": ("cilow", "lower", "cilower", "lcl", "lowerci", "lci", "cilb", "lower95", "lowerlimit", "ll", "low",
               "lowercl", "lower95ci", "ci95low", "ci95lower", "lb"),
    "ci_high": ("cihigh", "upper", "ciupper", "ucl", "upperci", "uci", "ciub", "upper95", "upperlimit", "ul", "high",
                "uppercl", "upper95ci", "ci95high", "ci95upper", "ub"),
    "ci": ("ci", "95ci", "ci95", "confidenceinterval", "95confidenceinterval", "interval"),
    "p": ("p", "pvalue", "pval"),
    "n_1": ("n1",),
    "n_2": ("n2",),
    "favours": ("favours", "favors"),
    "outcome": ("outcome", "endpoint"),
    "time": ("time", "timepoint"),
    "unit": ("unit", "units"),
    "measure": ("measure", "effectmeasure", "sm"),
}  # fmt: skip


def fold_name(name: str) -> str:
    """Return a name without case, blanks and punctuation.

    Parameters
    ----------
    name : str

    Returns
    -------
    str

    Examples
    --------
    >>> fold_name("se.TE"), fold_name("95% CI")
    ('sete', '95ci')
    """
    return re.sub(r"[^a-z0-9]+", "", name.casefold())


def find_column(
    role: str, header: Sequence[str], measure: str = "", named: Mapping[str, str] | None = None
) -> str | None:
    """Return the column that holds a role.

    Parameters
    ----------
    role : str
        Name in limus' own tables, such as ``events``.
    header : sequence of str
    measure : str
        Such as OR: an effect may stand under the name of its measure, a standard error too.
    named : mapping of str to str, optional
        Role to column, as the person says; it goes before all else.

    Returns
    -------
    str or None
        None where there is no such column.
    """
    if named and role in named:
        return named[role] if named[role] in header else None
    if role in header:
        return role
    folded = {fold_name(name): name for name in reversed(header)}
    names = [*_NAMES[role], *_measure_names(role, measure)]
    return next((folded[name] for name in names if name in folded), None)


def _measure_names(role: str, measure: str) -> list[str]:
    words = [word for word, meant in _RATIO_NAMES.items() if measure in ("", meant)]
    if role == "estimate":
        return [*words, *(f"{word}{ci}" for word in (*words, "estimate") for ci in ("95ci", "ci95", "ci"))]
    if role in ("ci_low", "ci_high"):
        return [f"{word}{end}" for word in words for end in _NAMES[role]]
    logs = [f"{log}{word}" for log in _LOG for word in words]
    if role == "effect":
        return logs
    return [f"se{word}" for word in (*words, *logs)] if role == "se" else []


def measure_in_name(name: str) -> str:
    """Return the measure that the name of a column says.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        Empty where it says none.

    Examples
    --------
    >>> measure_in_name("log.OR"), measure_in_name("Hazard ratio"), measure_in_name("yi")
    ('OR', 'HR', '')
    """
    bare = re.sub(r"^(log|ln)|(95ci|ci95|ci)$", "", fold_name(name))
    return _RATIO_NAMES.get(bare, "")


ArmColumns = Mapping[str, str]  # role to column, of one arm

_ARM_ROLES: Mapping[str, tuple[str, ...]] = {
    "treatment": ("treatment", "treat", "trt", "t", "arm", "intervention", "drug", "group"),
    "events": ("events", "event", "r", "cases", "responders", "deaths", "pos", "resp"),
    "nonevents": ("nonevents", "noevents", "nonevent", "neg"),
    "n": ("n", "total", "ntotal", "samplesize", "size", "participants"),
    "mean": ("mean", "m", "y", "avg"),
    "sd": ("sd", "std"),
    "standard_error": ("se",),
}
_MARKS: Mapping[str, str] = {
    **{str(number): str(number) for number in range(1, 13)},
    "1i": "1", "2i": "2", "e": "experimental", "c": "control", "exp": "experimental", "ctrl": "control",
    "con": "control", "control": "control", "experimental": "experimental", "treated": "experimental",
    "treatment": "experimental", "trt": "experimental", "int": "experimental", "intervention": "experimental",
    "t": "experimental", "cont": "control", "placebo": "control",
}  # fmt: skip
_FIXED: Mapping[str, tuple[str, str]] = {
    "ai": ("events", "1"), "bi": ("nonevents", "1"), "ci": ("events", "2"), "di": ("nonevents", "2"),
    "tpos": ("events", "experimental"), "tneg": ("nonevents", "experimental"),
    "cpos": ("events", "control"), "cneg": ("nonevents", "control"),
}  # fmt: skip
_ARM_NAMES: Mapping[str, tuple[str, str]] = {
    **{
        name: (role, arm)
        for role, words in _ARM_ROLES.items()
        for word, (mark, arm) in itertools.product(words, _MARKS.items())
        for name in ((word + mark, mark + word) if len(mark) > 2 and mark not in words else (word + mark,))
    },
    **_FIXED,
}


def find_arm_columns(header: Sequence[str], named: Mapping[str, str] | None = None) -> dict[str, ArmColumns]:
    """Return the columns of each arm where a row holds all arms of a study.

    Parameters
    ----------
    header : sequence of str
    named : mapping of str to str, optional
        Role to the word that its columns begin with, as the person says: ``events`` to ``resp`` for resp1, resp2.

    Returns
    -------
    dict of str to mapping
        Arm (``1``, ``2``, ... or ``experimental``, ``control``) to its columns by role; only arms with events and
        their number of participants, or with a mean, its spread and their number.
    """
    found: dict[str, dict[str, str]] = {}
    own = {
        fold_name(word) + mark: (role, arm)
        for role, word in (named or {}).items()
        if role in _ARM_ROLES
        for mark, arm in _MARKS.items()
    }
    for name in header:
        role, arm = own.get(fold_name(name)) or _ARM_NAMES.get(fold_name(name), ("", ""))
        if named and role in named and fold_name(name) not in own:
            continue
        if role:
            found.setdefault(arm, {}).setdefault(role, name)
    whole: dict[str, ArmColumns] = {
        arm: columns for arm, columns in sorted(found.items(), key=_order) if _is_whole(columns)
    }
    return whole if len(whole) >= 2 else {}


def _order(item: tuple[str, object]) -> tuple[int, str]:
    arm = item[0]
    return (int(arm), "") if arm.isdigit() else ({"experimental": 1}.get(arm, 2), arm)


def _is_whole(columns: Mapping[str, str]) -> bool:
    roles = set(columns)
    by_events = "events" in roles and bool(roles & {"n", "nonevents"})
    return by_events or ({"mean", "n"} <= roles and bool(roles & {"sd", "standard_error"}))
