r"""Frequentist network meta-analysis: all effects, their covariance, heterogeneity, prediction.

tau2 is one for all pairs: ``DL`` (Q - df)/tr(P R) at zero, cut off there (Jackson and others 2012, as netmeta has it);
``REML`` and ``ML`` the highest of the maxima of the likelihood that a fine grid brackets. I2 = max(0, 1 - df/Q). A
prediction interval takes t with df - 1 degrees of freedom, df of Q, so that two treatments have k - 2, as in pairwise
pooling; none where df is below two.

Source: Rücker 2012, Res Synth Methods 3:312; Jackson, White and Riley 2012, Stat Med 31:3805; Higgins, Thompson and
Spiegelhalter 2009, J R Stat Soc A 172:137.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.network.studies import Block, Network
from limus.kernel.statistics.network.sums import Sums, add_up
from limus.kernel.statistics.pooling import Tau2Method, normal_quantile

__all__ = ["NETWORK_TAU2", "NetworkFit", "fit_network", "generalised_tau2"]

Floats = NDArray[np.float64]

NETWORK_TAU2 = (Tau2Method.REML, Tau2Method.DL, Tau2Method.ML)
_GRID = 48


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFit:
    """A fitted network of T treatments.

    Attributes
    ----------
    network : Network
    tau2 : float
        0 for the common-effect model.
    random : bool
        Whether the effects vary between studies.
    effect : (T, T)
        Row against column; ratios as natural logarithms.
    standard_error : (T, T)
    covariance : (T - 1, T - 1)
        Of the effects against the reference.
    q, q_p, i2_percent : float
        Cochran's Q of heterogeneity and inconsistency together, at tau2 = 0; NaN without degrees of freedom.
    degrees_of_freedom : int
    laplacian : (T, T)
        Of the network with its adjusted weights.
    """

    network: Network
    tau2: float
    random: bool
    effect: Floats
    standard_error: Floats
    covariance: Floats
    q: float
    q_p: float
    i2_percent: float
    degrees_of_freedom: int
    laplacian: Floats

    def interval(self, level_percent: float = 95.0) -> tuple[Floats, Floats]:
        """Return the ends of the Wald intervals of all effects.

        Parameters
        ----------
        level_percent : float

        Returns
        -------
        tuple of (T, T) arrays

        Raises
        ------
        ValueRangeError
            The level is not between 0 and 100.
        """
        half = normal_quantile(level_percent) * self.standard_error
        return self.effect - half, self.effect + half

    def prediction(self, level_percent: float = 95.0) -> tuple[Floats, Floats] | None:
        """Return the ends of the prediction intervals of all effects; None where there is none.

        Parameters
        ----------
        level_percent : float
            Between 0 and 100.

        Returns
        -------
        tuple of (T, T) arrays or None
        """
        from scipy.special import stdtrit  # noqa: PLC0415

        if not self.random or self.degrees_of_freedom < 2:
            return None
        quantile = float(stdtrit(self.degrees_of_freedom - 1, 0.5 + level_percent / 200))
        half = quantile * np.sqrt(self.standard_error**2 + self.tau2)
        np.fill_diagonal(half, 0.0)
        return self.effect - half, self.effect + half


def fit_network(network: Network, method: Tau2Method | None = Tau2Method.REML) -> NetworkFit:
    """Fit a connected network.

    Parameters
    ----------
    network : Network
    method : Tau2Method, optional
        REML, ML or DL; None for a common effect.

    Returns
    -------
    NetworkFit

    Raises
    ------
    ValueRangeError
        An estimator that networks do not have.
    """
    from scipy.special import chdtrc  # noqa: PLC0415

    if method is not None and method not in NETWORK_TAU2:
        raise ValueRangeError("network, tau2", str(method), ", ".join(NETWORK_TAU2), "choose one of these")
    blocks, count, df = network.blocks(), len(network.treatments), network.degrees_of_freedom
    start = add_up(blocks, count, 0.0)
    tau2 = _estimate(blocks, count, df, start, method) if method is not None else 0.0
    sums = add_up(blocks, count, tau2) if tau2 > 0 else start
    q, q_p = (start.q, float(chdtrc(df, start.q))) if df > 0 else (np.nan, np.nan)
    i2 = 100 * max(0.0, 1 - df / start.q) if df > 0 and start.q > 0 else 0.0 if df > 0 else np.nan
    level = np.append(0.0, sums.effect)
    whole = np.pad(sums.covariance, ((1, 0), (1, 0)))
    variance = np.diag(whole)[:, None] + np.diag(whole)[None, :] - 2 * whole
    return NetworkFit(
        network,
        tau2,
        method is not None,
        level[:, None] - level[None, :],
        np.sqrt(np.maximum(variance, 0.0)),
        sums.covariance,
        q,
        q_p,
        i2,
        df,
        sums.laplacian,
    )


def generalised_tau2(q: float, degrees_of_freedom: int, trace: float) -> float:
    """Return the generalised estimate of DerSimonian and Laird, cut off at zero.

    Parameters
    ----------
    q : float
    degrees_of_freedom : int
    trace : float
        tr(P R) at tau2 = 0.

    Returns
    -------
    float
    """
    return max(0.0, (q - degrees_of_freedom) / trace) if degrees_of_freedom > 0 and trace > 0 else 0.0


def _estimate(blocks: tuple[Block, ...], count: int, degrees_of_freedom: int, start: Sums, method: Tau2Method) -> float:
    moment = generalised_tau2(start.q, degrees_of_freedom, start.trace)
    if method is Tau2Method.DL or degrees_of_freedom <= 0:
        return moment
    from scipy.optimize import minimize_scalar  # noqa: PLC0415

    def height(tau2: float) -> float:
        found = start if tau2 == 0 else add_up(blocks, count, tau2)
        return found.restricted_log_likelihood if method is Tau2Method.REML else found.log_likelihood

    scale = float(np.median(np.concatenate([np.diagonal(b.covariance, axis1=1, axis2=2).ravel() for b in blocks])))
    widest = max(*(float(np.max(block.effect**2)) for block in blocks), moment, scale) * 10
    grid = np.append(0.0, np.geomspace(1e-5 * scale, widest, _GRID))
    heights = np.array([height(float(tau2)) for tau2 in grid])
    tops = [at for at in range(len(grid)) if heights[at] >= heights[max(at - 1, 0) : at + 2].max()]
    best, highest = 0.0, float(heights[0])
    for top in tops:
        low, high = float(grid[max(top - 1, 0)]), float(grid[min(top + 1, len(grid) - 1)])
        found = minimize_scalar(lambda t: -height(t), bounds=(low, high), method="bounded", options={"xatol": 1e-12})
        if -float(found.fun) > highest:
            best, highest = float(found.x), -float(found.fun)
    return best
