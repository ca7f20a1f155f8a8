"""Arms of published trials: what was observed, and whether a calibration may use it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from limus.kernel.errors import FileReadError
from limus.kernel.tables import Column, library_folder, read_csv

__all__ = ["ARM_COLUMNS", "TrialArm", "arms_path", "load_trial_arms"]

ARM_COLUMNS = (
    Column("id", meaning="name of the row"),
    Column("design", meaning="design of the library that stands for the trial"),
    Column("arm", meaning="arm of that design"),
    Column("other_arm", blank=True, meaning="of a ratio: the arm below the line"),
    Column("kind", allowed=("risk", "mean", "low function", "ratio")),
    Column("what", meaning="events joined by +, or a value"),
    Column("day", number=True, meaning="days after transplantation"),
    Column("n", number=True, blank=True, meaning="subjects"),
    Column("events", number=True, blank=True, meaning="subjects with the event"),
    Column("percent", number=True, blank=True, meaning="risk, percent"),
    Column("ratio", number=True, blank=True, meaning="ratio of the arms' risks"),
    Column("mean", number=True, blank=True, meaning="mL/min, with or without 1.73 m2 as what says"),
    Column("sd", number=True, blank=True, meaning="as mean"),
    Column("imputed_percent", number=True, blank=True, meaning="of a mean: share that the trial counted at 10 mL/min"),
    Column("creatinine", allowed=("", "unstandardised"), blank=True, meaning="assay of a clearance; blank: traceable"),
    Column("use", allowed=("fit", "check", "input")),
    Column("source", blank=True, meaning="key in references.bib"),
    Column("status", meaning="verified, or recalled with confidence"),
    Column("note", blank=True),
)


@dataclass(frozen=True, slots=True)
class TrialArm:
    """One row: what one arm of a published trial showed.

    Attributes
    ----------
    id, design, arm, other_arm : str
    kind : str
        ``risk`` (percent), ``mean``, ``low function`` (percent with rejection or a low eGFR), ``ratio``.
    what : str
        Events joined by ``+``, or the value; of low function ``rejection or egfr < NUMBER``.
    day : float
    n : float
        NaN where not known.
    observed : float
        Percent, mean or ratio.
    sd : float
        Of a mean, between subjects; NaN where not known.
    imputed_percent : float
        Of a mean: share of the arm's subjects (death, graft loss, no late value) that the trial counted at 10 mL/min;
        NaN where those without a value were left out.
    creatinine : str
        ``unstandardised`` for a creatinine clearance of a trial from before 2006; else empty.
    use : str
        ``fit``, ``check`` or ``input``.
    source, status, note : str
    """

    id: str
    design: str
    arm: str
    other_arm: str
    kind: str
    what: str
    day: float
    n: float
    observed: float
    sd: float
    imputed_percent: float
    creatinine: str
    use: str
    source: str
    status: str
    note: str


def arms_path() -> Path:
    """Return the file of the rows."""
    return library_folder() / "observations" / "trial_arms.csv"


def load_trial_arms() -> tuple[TrialArm, ...]:
    """Load every row of the library.

    Returns
    -------
    tuple of TrialArm

    Raises
    ------
    FileReadError
        The file is wrong, or a row has no observation.
    """
    path = arms_path()
    rows = []
    for row in read_csv(path, ARM_COLUMNS).rows():
        column = {"risk": "percent", "low function": "percent", "mean": "mean", "ratio": "ratio"}[str(row["kind"])]
        observed = float(row[column])
        if math.isnan(observed):
            raise FileReadError(f"{path}, {row['id']}", f"no {column}", f"a number for kind {row['kind']}", "add it")
        text = {key: str(value) for key, value in row.items()}
        rows.append(
            TrialArm(
                id=text["id"],
                design=text["design"],
                arm=text["arm"],
                other_arm=text["other_arm"],
                kind=text["kind"],
                what=text["what"],
                day=float(row["day"]),
                n=float(row["n"]),
                observed=observed,
                sd=float(row["sd"]),
                imputed_percent=float(row["imputed_percent"]),
                creatinine=text["creatinine"],
                use=text["use"],
                source=text["source"],
                status=text["status"],
                note=text["note"],
            )
        )
    return tuple(rows)
