"""A simulated trial as SDTM: the domains that a real trial would submit, and nothing that a real trial would not know.

::

    SimulatedTrial ──> TS DM SC DS   who, when, how it ended          (sdtm_subjects)
                       EX PC         doses given, levels measured     (sdtm_exposure)
                       LB VS         values at visits                 (sdtm_findings)
                       CE AE         events                           (sdtm_events)

True levels, random effects and hazards stay behind: the analysis sees what an investigator would. Calendar dates are
nominal: subjects are randomised one after the other, evenly over the design's accrual, from ``first_date`` on. TS says
that the data are simulated.
"""

from __future__ import annotations

from limus.kernel.errors import ValueRangeError
from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.sdtm_events import adverse_events, clinical_events
from limus.trial.datasets.sdtm_exposure import concentrations, exposure
from limus.trial.datasets.sdtm_findings import laboratory, vital_signs
from limus.trial.datasets.sdtm_frame import TrialFrame, trial_frame
from limus.trial.datasets.sdtm_subjects import characteristics, demographics, disposition, trial_summary
from limus.trial.design.endpoint_library import EndpointLibrary, load_endpoints
from limus.trial.simulation.simulated_trial import SimulatedTrial

__all__ = ["FIRST_DATE", "sdtm_of"]

FIRST_DATE = "2026-01-05"


def sdtm_of(
    trial: SimulatedTrial, *, words: EndpointLibrary | None = None, first_date: str = FIRST_DATE
) -> dict[str, Dataset]:
    """Write a simulated trial as SDTM domains.

    Parameters
    ----------
    trial : SimulatedTrial
        One replicate.
    words : EndpointLibrary, optional
        Terms of events; the shipped ones by default.
    first_date : str
        Day of the first randomisation, ``2026-01-05``.

    Returns
    -------
    dict of str to Dataset
        By domain; a domain without rows has none of its optional variables.

    Raises
    ------
    ValueRangeError
        More than one replicate.
    UnknownNameError
        An event that the words do not hold.
    """
    if trial.replicates != 1:
        got = f"{trial.replicates} replicates"
        raise ValueRangeError("SDTM, trial", got, "one", "write a single trial; power needs no data sets")
    frame: TrialFrame = trial_frame(trial, words or load_endpoints(), first_date)
    ex = exposure(frame)
    datasets = (
        trial_summary(frame),
        demographics(frame, ex),
        characteristics(frame),
        ex,
        laboratory(frame),
        concentrations(frame),
        clinical_events(frame),
        adverse_events(frame),
        disposition(frame),
        vital_signs(frame),
    )
    return {dataset.name: dataset for dataset in datasets}
