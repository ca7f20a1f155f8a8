r"""Generalised least squares over a network, for any heterogeneity variance t, without forming what is zero.

With V = S + t R of each study, X its contrasts in the T - 1 effects against the reference::

    A = sum(X' V^-1 X)     b = A^-1 sum(X' V^-1 y)     Q(t) = sum(y' V^-1 y) - b' A b

``trace`` is tr(P R), P = V^-1 - V^-1 X A^-1 X' V^-1; E Q(0) = df + tau2 tr(P R), from which the generalised estimate of
DerSimonian and Laird follows. The (restricted) log-likelihood is -(log|V| + log|A| + Q)/2 without its constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.network.studies import Block

__all__ = ["Sums", "add_up"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What a network adds up to at one heterogeneity variance.

    Attributes
    ----------
    effect : (T - 1,)
        Against the reference.
    covariance : (T - 1, T - 1)
    q, trace, log_likelihood, restricted_log_likelihood : float
    laplacian : (T, T)
    """

    effect: Floats
    covariance: Floats
    q: float
    trace: float
    log_likelihood: float
    restricted_log_likelihood: float
    laplacian: Floats


def add_up(blocks: Sequence[Block], treatments: int, tau2: float) -> Sums:
    """Add up a connected network.

    Parameters
    ----------
    blocks : sequence of Block
    treatments : int
        T.
    tau2 : float
        Zero or more.

    Returns
    -------
    Sums
    """
    laplacian, right = np.zeros((treatments, treatments)), np.zeros(treatments)
    square, log_v, plain = 0.0, 0.0, 0.0
    middle = np.zeros((treatments, treatments))
    for block in blocks:
        m = block.effect.shape[1]
        spread = (np.eye(m) + 1) / 2
        inverse = np.linalg.inv(block.covariance + tau2 * spread)
        contrast = np.hstack([-np.ones((m, 1)), np.eye(m)])
        weighted = inverse @ block.effect[..., None]
        rows, columns = block.arms[:, :, None], block.arms[:, None, :]
        np.add.at(laplacian, (rows, columns), contrast.T @ inverse @ contrast)
        np.add.at(right, block.arms, (contrast.T @ weighted)[..., 0])
        np.add.at(middle, (rows, columns), contrast.T @ inverse @ spread @ inverse @ contrast)
        square += float(np.sum(block.effect * weighted[..., 0]))
        log_v -= float(np.linalg.slogdet(inverse)[1].sum())
        plain += float(np.trace(inverse @ spread, axis1=1, axis2=2).sum())
    a = laplacian[1:, 1:]
    covariance = np.linalg.inv(a)
    covariance = (covariance + covariance.T) / 2
    effect = covariance @ right[1:]
    q = max(square - float(effect @ right[1:]), 0.0)
    trace = plain - float(np.sum(covariance * middle[1:, 1:]))
    height = -(log_v + q) / 2
    return Sums(effect, covariance, q, trace, height, height - float(np.linalg.slogdet(a)[1]) / 2, laplacian)
