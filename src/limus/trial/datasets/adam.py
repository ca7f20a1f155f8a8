"""ADaM from SDTM, and from nothing else: subjects, times to events, laboratory values, adverse events, levels.

::

    SDTM  DM SC DS EX ──> ADSL ──┬──> ADTTE   DM DS CE
                                 ├──> ADLB    LB
                                 ├──> ADAE    AE
                                 └──> ADPPK   EX PC

So the same derivation runs on simulated data and on a real trial's. Rows that cannot be used are named in the
findings; none is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from limus.kernel.checks import Finding
from limus.kernel.tables import Table
from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.adam_adverse_events import adae_of
from limus.trial.datasets.adam_events import adtte_of
from limus.trial.datasets.adam_laboratory import adlb_of
from limus.trial.datasets.adam_levels import adppk_of_domains
from limus.trial.datasets.adam_subjects import adsl_of
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["NEEDED_DOMAINS", "AdamDatasets", "adam_of"]

NEEDED_DOMAINS = ("DM", "DS")


@dataclass(frozen=True, eq=False)
class AdamDatasets:
    """ADaM data sets by name, and what was noticed on the way."""

    datasets: Mapping[str, Dataset]
    findings: tuple[Finding, ...]

    @property
    def tables(self) -> dict[str, Table]:
        """The tables by name."""
        return {name: dataset.table for name, dataset in self.datasets.items()}


def adam_of(sdtm: Mapping[str, Table], plan: AnalysisPlan) -> AdamDatasets:
    """Derive the analysis data sets.

    Parameters
    ----------
    sdtm : mapping of str to Table
        Domains by name; DM and DS at least.
    plan : AnalysisPlan

    Returns
    -------
    AdamDatasets
        ADSL and ADTTE; ADLB, ADAE and ADPPK where LB, AE, and EX with PC are there.

    Raises
    ------
    FileReadError
        DM or DS is missing, a subject stands twice in DM, or an arm of the plan has no subject.
    """
    adsl, findings = adsl_of(sdtm, plan)
    found: dict[str, Dataset] = {"ADSL": adsl}
    for name, needed, derive in (
        ("ADTTE", (), adtte_of),
        ("ADLB", ("LB",), adlb_of),
        ("ADAE", ("AE",), adae_of),
        ("ADPPK", ("EX", "PC"), adppk_of_domains),
    ):
        if all(domain in sdtm and len(sdtm[domain]) for domain in needed):
            found[name], more = derive(sdtm, adsl.table, plan)
            findings += more
    return AdamDatasets(found, tuple(findings))
