"""Random effects of a patient as one vector: between subjects, then between occasions, occasion after occasion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["EffectSpace", "effect_space"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EffectSpace:
    """Where each random effect stands in a vector of K numbers, and the prior of the whole.

    Attributes
    ----------
    subject, occasion : tuple of str
        Names of the effects of each level, E and F of them.
    occasions : int
        O; the vector has K = E + O F entries.
    covariance, precision : (K, K) array
        Of the normal prior, mean 0; block-diagonal.
    log_determinant : float
        Of the covariance.
    """

    subject: tuple[str, ...]
    occasion: tuple[str, ...]
    occasions: int
    covariance: Floats
    precision: Floats
    log_determinant: float

    @property
    def size(self) -> int:
        """K."""
        return len(self.subject) + self.occasions * len(self.occasion)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the entries; those of an occasion carry its number, from 1."""
        within = tuple(f"{name}[{k + 1}]" for k in range(self.occasions) for name in self.occasion)
        return (*self.subject, *within)

    def of_occasion(self, occasion: int) -> slice:
        """The entries of one occasion, counted from 0."""
        begin = len(self.subject) + occasion * len(self.occasion)
        return slice(begin, begin + len(self.occasion))

    def split(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Split vectors (n, K) into effects between subjects (n, E) and between occasions (n, O, F)."""
        count = len(self.subject)
        within = vectors[..., count:].reshape(*vectors.shape[:-1], self.occasions, len(self.occasion))
        return vectors[..., :count], within

    def as_mapping(self, vectors: Floats) -> Mapping[str, Floats]:
        """Return vectors (n, K) as :func:`limus.pharmacokinetics.population_simulation.simulate_population` wants."""
        between, within = self.split(vectors)
        named = {name: between[:, k] for k, name in enumerate(self.subject)}
        return named | {name: within[:, :, k] for k, name in enumerate(self.occasion)}


def effect_space(model: PopulationModel, occasions: int) -> EffectSpace:
    """Lay out the effects of a patient with some occasions.

    Parameters
    ----------
    model : PopulationModel
    occasions : int
        1 or more.

    Returns
    -------
    EffectSpace
    """
    between, within = model.between_subject, model.between_occasion
    blocks = [between.covariance, *([within.covariance] * occasions)]
    size = sum(len(block) for block in blocks)
    covariance = np.zeros((size, size))
    precision = np.zeros((size, size))
    logarithm, at = 0.0, 0
    for block in blocks:
        part = slice(at, at + len(block))
        if len(block):
            covariance[part, part] = block
            precision[part, part] = np.linalg.inv(block)
            logarithm += float(np.linalg.slogdet(block)[1])
        at += len(block)
    covariance.flags.writeable = precision.flags.writeable = False
    return EffectSpace(between.names, within.names, occasions, covariance, precision, logarithm)
