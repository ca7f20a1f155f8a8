"""Effects that lie far out in their prior: a sign that a model explains a patient's levels badly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.patient.estimate import PatientEstimate
from limus.patient.map_estimate import MapEstimate
from limus.patient.posterior import Posterior

__all__ = ["MOST_STANDARD_DEVIATIONS", "extreme_effects", "sizes_in_prior", "warn_of"]

Floats = NDArray[np.float64]
MOST_STANDARD_DEVIATIONS = 3.0


def sizes_in_prior(posterior: Posterior, modes: MapEstimate) -> Floats:
    """Return the effects at the modes in standard deviations of their prior, (S, K)."""
    return np.asarray(modes.effects / np.sqrt(np.diag(posterior.prediction.space.covariance)))


def warn_of(posterior: Posterior, modes: MapEstimate, patient: int) -> str:
    """Return 'ok', or what is to be said of one patient's mode.

    Parameters
    ----------
    posterior : Posterior
    modes : MapEstimate
    patient : int

    Returns
    -------
    str
    """
    if modes.status[patient] != "ok":
        return modes.status[patient]
    if np.isfinite(modes.second_objective[patient]):
        return "two modes"
    largest = float(np.abs(sizes_in_prior(posterior, modes)[patient]).max(initial=0.0))
    if largest > MOST_STANDARD_DEVIATIONS:
        return f"an effect of {largest:.1f} standard deviations"
    return "ok"


def extreme_effects(estimate: PatientEstimate, patient: int = 0) -> tuple[Finding, ...]:
    """Say which effects of a patient are extreme.

    Parameters
    ----------
    estimate : PatientEstimate
    patient : int

    Returns
    -------
    tuple of Finding
    """
    sizes = sizes_in_prior(estimate.posterior, estimate.modes)[patient]
    names = estimate.posterior.prediction.space.names
    do = "the model explains these levels badly: look at doses, times and levels, or take another model"
    return tuple(
        Finding(
            "extreme-effect",
            Severity.WARNING,
            f"{estimate.model.name}, ID {estimate.table.subjects[patient]}, {name}",
            f"{size:+.1f} standard deviations of the population",
            f"within {MOST_STANDARD_DEVIATIONS:g}",
            do,
        )
        for name, size in zip(names, sizes.tolist(), strict=True)
        if abs(size) > MOST_STANDARD_DEVIATIONS
    )
