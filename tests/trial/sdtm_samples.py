"""A tiny trial as SDTM, written by hand, whose answers can be counted on fingers.

===  ===  ==========  =====================================================================================
ID   arm  start       what happens (days after randomisation)
===  ===  ==========  =====================================================================================
01   A    2026-01-01  nothing; completes day 365
02   A    2026-01-02  rejection on day 39; completes
03   A    2026-01-03  dies on day 99
04   A    2026-01-05  lost on day 199
05   B    2026-01-06  graft lost on day 59; completes
06   B    2026-01-07  rejection on day 0, stops treatment on day 9, CMV on day 119; completes
07   B    2026-01-08  nothing; completes
08   B    2026-01-09  rejection in March 2026, the day not known; completes
09   -                screen failure (age)
10   -                screen failure (age)
===  ===  ==========  =====================================================================================
"""

from __future__ import annotations

import numpy as np

from limus.kernel.tables import Table
from limus.trial.design.analysis_plan import AnalysisPlan, LevelWindow, PlannedArm
from limus.trial.design.design import Analysis, Endpoint, Estimand, Visit
from limus.trial.design.endpoint_library import load_endpoints

SUBJECTS = [f"T-{k:02d}" for k in range(1, 11)]
ARMS = ["A"] * 4 + ["B"] * 4 + [""] * 2
STARTS = [np.datetime64(f"2026-01-0{day}") for day in (1, 2, 3, 5, 6, 7, 8, 9)]
ENDS = [365, 365, 99, 199, 365, 365, 365, 365]
EGFR_12 = {"T-01": 50.0, "T-02": 40.0, "T-06": 44.0, "T-07": 60.0, "T-08": 52.0}
VISITS = (
    Visit("Baseline", 0.0),
    Visit("Week 1", 7.0, 2.0, 2.0),
    Visit("Month 12", 365.0, 21.0, 21.0),
)


def on(subject: int, day: int) -> str:
    """Date of a day after a subject's randomisation."""
    return str(STARTS[subject] + day)


def tiny_sdtm() -> dict[str, Table]:
    """The domains DM, SC, EX, LB, PC, CE, AE and DS."""
    eight = range(8)
    start = [on(k, 0) for k in eight]
    blank = ["", ""]
    dm = Table.create(
        {
            "STUDYID": ["T"] * 10,
            "DOMAIN": ["DM"] * 10,
            "USUBJID": SUBJECTS,
            "SUBJID": [name[-2:] for name in SUBJECTS],
            "RFSTDTC": start + blank,
            "RFXSTDTC": start + blank,
            "RFPENDTC": [on(k, ENDS[k]) for k in eight] + ["2026-01-01", "2026-01-02"],
            "DTHDTC": ["", "", on(2, 99), *[""] * 7],
            "DTHFL": ["", "", "Y", *[""] * 7],
            "AGE": np.array([30.0, 40, 50, 60, 35, 45, 55, 65, 70, 71]),
            "AGEU": ["YEARS"] * 10,
            "SEX": ["M", "F", "M", "M", "F", "F", "M", "M", "M", "F"],
            "RACE": ["WHITE"] * 10,
            "ARMCD": ARMS,
            "ARM": [f"Arm {code}" if code else "" for code in ARMS],
            "ACTARMCD": ARMS,
            "ACTARM": [f"Arm {code}" if code else "" for code in ARMS],
            "ARMNRS": [""] * 8 + ["SCREEN FAILURE: age"] * 2,
        }
    )
    return {
        "DM": dm,
        "SC": _characteristics(),
        "EX": _exposure(),
        "LB": _laboratory(),
        "PC": _levels(),
        "CE": _events(),
        "AE": _adverse_events(),
        "DS": _disposition(),
    }


def _characteristics() -> Table:
    donor_age = [40.0, 50, 60, 45, 55, 35, 42, 48]
    living = ["LIVING", "DECEASED"] * 4
    rows = []
    for k in range(8):
        rows.append((SUBJECTS[k], "DONAGE", "Donor Age", str(donor_age[k]), donor_age[k]))
        rows.append((SUBJECTS[k], "DONTYPE", "Donor Type", living[k], np.nan))
        rows.append((SUBJECTS[k], "STRATUM", "Stratum", "1" if k in (0, 1, 4, 5) else "2", np.nan))
    names = ("USUBJID", "SCTESTCD", "SCTEST", "SCSTRESC", "SCSTRESN")
    columns = {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    return Table.create({"STUDYID": ["T"] * len(rows), "DOMAIN": ["SC"] * len(rows), **columns})


def _exposure() -> Table:
    last = [365, 365, 99, 199, 59, 9, 365, 365]
    return Table.create(
        {
            "STUDYID": ["T"] * 8,
            "USUBJID": SUBJECTS[:8],
            "EXSEQ": np.ones(8),
            "EXTRT": ["TACROLIMUS"] * 8,
            "EXDOSE": np.full(8, 4.0),
            "EXDOSU": ["mg"] * 8,
            "EXDOSFRQ": ["BID"] * 8,
            "EXROUTE": ["ORAL"] * 8,
            "EXSTDTC": [f"{on(k, 0)}T08:00" for k in range(8)],
            "EXENDTC": [f"{on(k, last[k])}T08:00" for k in range(8)],
        }
    )


def _laboratory() -> Table:
    rows = []
    for name, value in EGFR_12.items():
        k = SUBJECTS.index(name)
        rows.append((name, "EGFR", "Estimated glomerular filtration rate", "mL/min/1.73m2", value, on(k, 365)))
    rows.append(("T-01", "EGFR", "Estimated glomerular filtration rate", "mL/min/1.73m2", 47.0, on(0, 350)))
    for k, (before, after) in enumerate([(5.0, 5.5), (4.0, 5.0)]):
        rows.append((SUBJECTS[k], "CHOL", "Cholesterol", "mmol/L", before, on(k, 0)))
        rows.append((SUBJECTS[k], "CHOL", "Cholesterol", "mmol/L", after, on(k, 360)))
    rows.append(("T-07", "CHOL", "Cholesterol", "mmol/L", 6.0, on(6, 100)))
    names = ("USUBJID", "LBTESTCD", "LBTEST", "LBSTRESU", "LBSTRESN", "LBDTC")
    columns = {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    return Table.create({"STUDYID": ["T"] * len(rows), "LBSEQ": np.arange(len(rows)) + 1.0, **columns})


def _levels() -> Table:
    """Troughs of week 1: 4, 6 and one missed in A; 8 and one below the limit of 1 in B."""
    rows = [
        ("T-01", 4.0, "4", "", on(0, 7)),
        ("T-02", 6.0, "6", "", on(1, 8)),
        ("T-03", np.nan, "", "NOT DONE", on(2, 7)),
        ("T-05", 8.0, "8", "", on(4, 7)),
        ("T-06", np.nan, "<1", "", on(5, 7)),
    ]
    return Table.create(
        {
            "STUDYID": ["T"] * 5,
            "USUBJID": [row[0] for row in rows],
            "PCTESTCD": ["TACRO"] * 5,
            "PCTEST": ["TACROLIMUS"] * 5,
            "PCSTRESN": np.array([row[1] for row in rows]),
            "PCSTRESC": [row[2] for row in rows],
            "PCSTRESU": ["ng/mL"] * 5,
            "PCSTAT": [row[3] for row in rows],
            "PCSPEC": ["BLOOD"] * 5,
            "PCLLOQ": np.ones(5),
            "PCDTC": [f"{row[4]}T07:30" for row in rows],
            "PCTPT": ["PRE-DOSE"] * 5,
        }
    )


def _events() -> Table:
    rows = [
        ("T-02", "BIOPSY-PROVEN ACUTE REJECTION", on(1, 39)),
        ("T-02", "BIOPSY-PROVEN ACUTE REJECTION", on(1, 80)),
        ("T-05", "GRAFT LOSS", on(4, 59)),
        ("T-06", "Biopsy-proven acute rejection", on(5, 0)),
        ("T-06", "CYTOMEGALOVIRUS INFECTION", on(5, 119)),
        ("T-08", "BIOPSY-PROVEN ACUTE REJECTION", "2026-03"),
    ]
    columns = {"USUBJID": [r[0] for r in rows], "CEDECOD": [r[1] for r in rows], "CESTDTC": [r[2] for r in rows]}
    return Table.create({"STUDYID": ["T"] * 6, "CESEQ": np.array([1.0, 2, 1, 1, 2, 1]), **columns})


def _adverse_events() -> Table:
    rows = [
        ("T-01", "TREMOR", "NERVOUS SYSTEM DISORDERS", "N", "DOSE NOT CHANGED", on(0, 10)),
        ("T-01", "TREMOR", "NERVOUS SYSTEM DISORDERS", "N", "DOSE NOT CHANGED", on(0, 40)),
        ("T-02", "TREMOR", "NERVOUS SYSTEM DISORDERS", "N", "DOSE NOT CHANGED", on(1, 12)),
        ("T-06", "STOMATITIS", "GASTROINTESTINAL DISORDERS", "Y", "DRUG WITHDRAWN", on(5, 9)),
        ("T-07", "TREMOR", "NERVOUS SYSTEM DISORDERS", "N", "DOSE NOT CHANGED", on(6, -3)),
    ]
    names = ("USUBJID", "AEDECOD", "AEBODSYS", "AESER", "AEACN", "AESTDTC")
    columns = {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    return Table.create({"STUDYID": ["T"] * 5, "AESEQ": np.array([1.0, 2, 1, 1, 1]), **columns})


def _disposition() -> Table:
    rows = [(SUBJECTS[k], "RANDOMIZED", "PROTOCOL MILESTONE", "", on(k, 0)) for k in range(8)]
    for k in range(8):
        reason = {2: "DEATH", 3: "LOST TO FOLLOW-UP"}.get(k, "COMPLETED")
        rows.append((SUBJECTS[k], reason, "DISPOSITION EVENT", "STUDY PARTICIPATION", on(k, ENDS[k])))
    rows.append(("T-06", "ADVERSE EVENT", "DISPOSITION EVENT", "STUDY TREATMENT", on(5, 9)))
    names = ("USUBJID", "DSDECOD", "DSCAT", "DSSCAT", "DSSTDTC")
    columns = {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    return Table.create({"STUDYID": ["T"] * len(rows), **columns})


def tiny_plan(
    *, endpoints: tuple[Endpoint, ...] = (), estimands: tuple[Estimand, ...] = (), analyses: tuple[Analysis, ...] = ()
) -> AnalysisPlan:
    """A plan for the tiny trial: windows of 5 to 10 ng/mL in A and 3 to 7 in B."""
    windows = {"A": (5.0, 10.0), "B": (3.0, 7.0)}
    arms = tuple(
        PlannedArm(code, f"Arm {code}", (LevelWindow("tacrolimus", 0.0, 400.0, low, high),))
        for code, (low, high) in windows.items()
    )
    days = (0.0, 7.0, 365.0)
    return AnalysisPlan("tiny", "Tiny", arms, VISITS, days, endpoints, estimands, analyses, 365.0, load_endpoints())
