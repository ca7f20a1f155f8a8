r"""Several models of one patient, weighted by the marginal likelihood of the patient's own levels.

.. math:: w_m \propto \pi_m \int p(y | \eta, m)\, p(\eta | m)\, d\eta

The integral, not the likelihood at the mode: a model with many random effects can come close to any few levels, and is
paid for it by the width of its prior. Without levels the weights are those given beforehand, equal by default.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.patient.estimate import PatientEstimate

__all__ = ["average_weights", "weights_of"]

Floats = NDArray[np.float64]


def average_weights(estimates: Sequence[PatientEstimate], prior: ArrayLike | None = None) -> Floats:
    """Weigh models of the same patients.

    Parameters
    ----------
    estimates : sequence of PatientEstimate
        Q of them, of the same S patients and levels.
    prior : (Q,) array_like, optional
        Weights beforehand; equal by default.

    Returns
    -------
    (S, Q) array
        Each row sums to 1.
    """
    return weights_of(np.stack([estimate.log_marginal for estimate in estimates], axis=1), prior)


def weights_of(log_marginal: Floats, prior: ArrayLike | None = None) -> Floats:
    """Turn logarithms of marginal likelihoods into weights.

    Parameters
    ----------
    log_marginal : (S, Q) array
        Minus infinity or NaN for a model that gives no level.
    prior : (Q,) array_like, optional

    Returns
    -------
    (S, Q) array

    Examples
    --------
    >>> import numpy as np
    >>> weights_of(np.log([[0.2, 0.6]])).round(2).tolist()
    [[0.25, 0.75]]
    """
    count = log_marginal.shape[1]
    given = np.full(count, 1.0 / count) if prior is None else np.asarray(prior, dtype=np.float64)
    logs = np.where(np.isfinite(log_marginal), log_marginal, -np.inf) + np.log(given)
    top = logs.max(axis=1, keepdims=True)
    scaled = np.exp(np.where(np.isfinite(top), logs - np.where(np.isfinite(top), top, 0.0), 0.0))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))
