"""Random effects of a population model: their covariance, and draws from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.provenance import SourcedValue

if TYPE_CHECKING:
    from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = [
    "GIVEN_AS",
    "PrintedCorrelation",
    "PrintedVariability",
    "RandomEffects",
    "draw_random_effects",
    "variance_of",
]

GIVEN_AS = ("variance", "standard_deviation", "cv_lognormal", "cv_approximate")


@dataclass(frozen=True, slots=True)
class PrintedVariability:
    """A variability as its source prints it, and what the number is."""

    name: str
    sourced: SourcedValue
    given_as: str
    variance: float


@dataclass(frozen=True, slots=True)
class PrintedCorrelation:
    """A correlation or covariance of two random effects as its source prints it."""

    between: tuple[str, str]
    sourced: SourcedValue
    given_as: str


@dataclass(frozen=True, eq=False)
class RandomEffects:
    """Normal random effects of one level, between subjects or between occasions.

    Attributes
    ----------
    names : tuple of str
        K of them, as the equations write them.
    covariance : (K, K) array
        Read-only, on the scale of the effects (logarithms of parameters where the equations say ``exp(eta)``).
    printed : tuple of PrintedVariability
        In the order of ``names``.
    correlations : tuple of PrintedCorrelation
    """

    names: tuple[str, ...]
    covariance: NDArray[np.float64]
    printed: tuple[PrintedVariability, ...] = ()
    correlations: tuple[PrintedCorrelation, ...] = ()


def variance_of(value: float, given_as: str) -> float:
    r"""Turn a printed variability into the variance of the random effect.

    Parameters
    ----------
    value : float
        As a fraction, not in per cent.
    given_as : str
        ``variance``; ``standard_deviation``: the square; ``cv_lognormal``: :math:`\ln(1 + CV^2)`, exact for a
        log-normal parameter; ``cv_approximate``: :math:`CV^2`, as programs print the square root of a variance.

    Returns
    -------
    float

    Raises
    ------
    ValueRangeError
        An unknown word, or a number that is not positive.

    Examples
    --------
    >>> round(variance_of(0.28, "cv_lognormal"), 5)
    0.07548
    """
    if not (np.isfinite(value) and value > 0):
        raise ValueRangeError("variability", value, "a positive number", "leave the effect out if it does not vary")
    if given_as not in GIVEN_AS:
        raise ValueRangeError("given_as", given_as, ", ".join(GIVEN_AS), "say what the printed number is")
    if given_as == "variance":
        return value
    return float(np.log1p(value**2)) if given_as == "cv_lognormal" else value**2


def draw_random_effects(
    model: PopulationModel, n: int, occasions: int, generator: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Draw random effects for virtual subjects.

    Parameters
    ----------
    model : PopulationModel
    n : int
        Subjects, 0 or more.
    occasions : int
        Occasions of each subject, 1 or more.
    generator : numpy.random.Generator
        From :func:`limus.kernel.execution.spawn_generators`.

    Returns
    -------
    dict of str to array
        Effects between subjects ``(n,)``, then effects between occasions ``(n, occasions)``. Subject k gets the same
        numbers whatever ``n`` is.

    Raises
    ------
    ValueRangeError
        ``n`` or ``occasions`` is too small.
    """
    for name, value, least in (("subjects", n, 0), ("occasions", occasions, 1)):
        if value < least:
            raise ValueRangeError(name, value, f"{least} or more", "give another number")
    subject, occasion = model.between_subject, model.between_occasion
    width = len(subject.names) + occasions * len(occasion.names)
    normal = generator.standard_normal((n, width))
    between = normal[:, : len(subject.names)] @ _root(subject).T
    within = normal[:, len(subject.names) :].reshape(n, occasions, len(occasion.names)) @ _root(occasion).T
    draws = {name: between[:, k] for k, name in enumerate(subject.names)}
    return draws | {name: within[:, :, k] for k, name in enumerate(occasion.names)}


def _root(effects: RandomEffects) -> NDArray[np.float64]:
    return np.asarray(np.linalg.cholesky(effects.covariance) if effects.names else effects.covariance, dtype=np.float64)
