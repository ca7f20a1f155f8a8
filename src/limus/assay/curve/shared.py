"""Several curves with shared parameters: one fit, test of parallelism, relative potency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.dose import quantile
from limus.assay.curve.problem import CurveProblem
from limus.assay.curve.records import CurveFits, CurveStatus
from limus.assay.curve.status import far_outside
from limus.kernel.errors import RefusedError, UnknownNameError, ValueRangeError
from limus.kernel.inference import Bounds, FitStatus, LeastSquaresFit, ProfileEnd, fit_many, profile_many

__all__ = ["Potencies", "SharedFit", "fit_shared", "relative_potency"]

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class SharedFit:
    """One fit of C curves with some parameters in common.

    Attributes
    ----------
    fits : CurveFits
        Curve by curve as from the common fit, with its residual standard deviation and degrees of freedom.
    shared : tuple of str
        Parameters in common.
    places : (C, F) numpy.ndarray of int
        Where each curve's fitted parameters stand among the common ones.
    joint : (J,), covariance : (J, J) numpy.ndarray
        Common parameters and their covariance.
    sum_of_squares, degrees_of_freedom : float
        Of the common fit.
    free_sum_of_squares, free_degrees_of_freedom : float
        Of the fits curve by curve, with the same weights.
    f_statistic, f_p_value : float
        ``((S - S_free) / (v - v_free)) / (S_free / v_free)``.
    chi_square, chi_square_p_value : float
        ``(S - S_free) / s**2``, s from the fits curve by curve, or 1 where errors are known.
    """

    fits: CurveFits
    shared: tuple[str, ...]
    places: Places
    joint: Floats
    covariance: Floats
    sum_of_squares: float
    degrees_of_freedom: float
    free_sum_of_squares: float
    free_degrees_of_freedom: float
    f_statistic: float
    f_p_value: float
    chi_square: float
    chi_square_p_value: float


@dataclass(frozen=True, eq=False)
class Potencies:
    """Potencies of curves relative to one of them, ``dose of the reference / dose of the curve``; (C,) arrays.

    Attributes
    ----------
    ratio, lower, upper : (C,) numpy.ndarray
    log_standard_error : (C,) numpy.ndarray
    reference : int
        Place of the reference.
    method : str
        ``wald_log`` or ``profile``.
    """

    ratio: Floats
    lower: Floats
    upper: Floats
    log_standard_error: Floats
    reference: int
    method: str


@dataclass(frozen=True, eq=False)
class _Common:
    """All curves as one lane; it cannot be divided."""

    curves: CurveProblem
    places: Places
    count: int

    def take(self, lanes: NDArray[np.intp], /) -> _Common | _Copies:
        return self if len(lanes) == 1 else _Copies(self, len(lanes))

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        values, slopes = self.curves.evaluate(parameters[0][self.places])
        columns = np.zeros((self.count, *values.shape))
        for curve, places in enumerate(self.places):
            columns[places, curve] += slopes[:, curve]
        return values.reshape(1, -1), columns.reshape(self.count, 1, -1)


@dataclass(frozen=True, eq=False)
class _Copies:
    """The same common problem as several lanes, for both sides of profiles."""

    common: _Common
    count: int

    def take(self, lanes: NDArray[np.intp], /) -> _Common | _Copies:
        return self.common.take(lanes)

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        parts = [self.common.evaluate(row[np.newaxis]) for row in parameters]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts], axis=1)


@dataclass(frozen=True, eq=False)
class _Difference:
    """A sum of common parameters with signs."""

    signs: Floats

    def take(self, lanes: NDArray[np.intp], /) -> _Difference:
        return self

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        return parameters @ self.signs, np.repeat(self.signs[:, np.newaxis], len(parameters), axis=1)


def fit_shared(fits: CurveFits, shared: Sequence[str]) -> SharedFit:
    """Fit curves again with some parameters in common, at the weights of the fits curve by curve.

    Parameters
    ----------
    fits : CurveFits
        Two curves or more, each fitted.
    shared : sequence of str
        Names of fitted parameters; doses with or without ``log_``.

    Returns
    -------
    SharedFit

    Raises
    ------
    UnknownNameError
        A parameter that is not fitted.
    ValueRangeError
        Fewer than two curves, or a curve without a fit.
    RefusedError
        The fits were robust, or responses are censored: sums of squares cannot be compared.
    """
    names = [fits.model.parameters[k] for k in fits.layout.free]
    chosen = tuple(_fitted_name(name, names) for name in shared)
    if len(fits) < 2:
        raise ValueRangeError("shared fit", f"{len(fits)} curves", "2 or more", "leave --shared out")
    failed = [name for name, row in zip(fits.names, fits.parameters, strict=True) if np.isnan(row).any()]
    if failed:
        raise ValueRangeError("shared fit", f"curve {failed[0]} has no fit", "curves with a fit", "leave it out")
    if fits.robust != "none" or (fits.data.censoring != 0).any():
        got = f"robust loss {fits.robust}" if fits.robust != "none" else "censored responses"
        raise RefusedError("shared fit", got, "plain least squares", "fit curve by curve")
    places, count = _places(names, chosen, len(fits))
    free = list(fits.layout.free)
    own = fits.parameters[:, free]
    start, lower, upper = np.empty(count), np.full(count, np.inf), np.full(count, -np.inf)
    for joint in range(count):
        start[joint] = np.median(own[places == joint])
    np.minimum.at(lower, places, fits.box[0][:, free])
    np.maximum.at(upper, places, fits.box[1][:, free])
    common = _Common(CurveProblem.create(fits.data, fits.layout, fits.weights), places, count)
    box = Bounds.create(lower, upper)
    fit = fit_many(common, np.clip(start, lower, upper)[np.newaxis], bounds=box, tolerance=1e-8)
    return _summarise(fits, chosen, places, fit)


def _fitted_name(name: str, names: Sequence[str]) -> str:
    for candidate in (name, f"log_{name}"):
        if candidate in names:
            return candidate
    known = ", ".join(n.removeprefix("log_") for n in names)
    raise UnknownNameError("shared parameter", name, known, "use a fitted parameter")


def _places(names: Sequence[str], shared: Sequence[str], curves: int) -> tuple[Places, int]:
    places = np.empty((curves, len(names)), dtype=np.intp)
    count = 0
    for k, name in enumerate(names):
        width = 1 if name in shared else curves
        places[:, k] = count + (0 if width == 1 else np.arange(curves))
        count += width
    return places, count


def _summarise(fits: CurveFits, shared: tuple[str, ...], places: Places, fit: LeastSquaresFit) -> SharedFit:
    from scipy.special import chdtrc, fdtrc  # noqa: PLC0415

    known = bool(np.isinf(fits.degrees_of_freedom[0]))
    total = float(fits.data.counts.sum())
    joint = fit.parameters[0]
    squares, freedom = float(fit.sum_of_squares[0]), total - len(joint)
    free_squares = float(fits.sum_of_squares.sum())
    free_freedom = total - places.size
    variance = 1.0 if known else squares / freedom
    covariance = variance * fit.unscaled_covariance[0]
    more, steps = max(squares - free_squares, 0.0), freedom - free_freedom
    chi = more if known else more / (free_squares / free_freedom)
    f = np.nan if known or steps == 0 else more / steps / (free_squares / free_freedom)
    free = list(fits.layout.free)
    parameters = fits.parameters.copy()
    parameters[:, free] = joint[places]
    wide = np.zeros_like(fits.covariance)
    for curve, own in enumerate(places):
        wide[np.ix_([curve], free, free)] = covariance[np.ix_(own, own)]
    at_bound = np.zeros_like(fits.at_bound)
    at_bound[:, free] = fit.at_bound[0][places]
    status = _statuses(fits, fit, at_bound, parameters)
    curve_fits = replace(
        fits,
        parameters=parameters,
        covariance=wide,
        residual_standard_deviation=np.full(len(fits), np.sqrt(variance)),
        degrees_of_freedom=np.full(len(fits), np.inf if known else freedom),
        at_bound=at_bound,
        status=status,
    )
    return SharedFit(
        fits=curve_fits,
        shared=shared,
        places=places,
        joint=joint,
        covariance=covariance,
        sum_of_squares=squares,
        degrees_of_freedom=freedom,
        free_sum_of_squares=free_squares,
        free_degrees_of_freedom=free_freedom,
        f_statistic=float(f),
        f_p_value=float(fdtrc(steps, free_freedom, f)) if np.isfinite(f) else np.nan,
        chi_square=float(chi),
        chi_square_p_value=float(chdtrc(steps, chi)) if steps else np.nan,
    )


def _statuses(
    fits: CurveFits, fit: LeastSquaresFit, at_bound: NDArray[np.bool_], parameters: Floats
) -> tuple[CurveStatus, ...]:
    ended = fit.status[0]
    if ended in {FitStatus.STALLED, FitStatus.MAX_ITERATIONS, FitStatus.NOT_FINITE}:
        return (CurveStatus.NOT_CONVERGED,) * len(fits)
    far = far_outside(fits.data, fits.layout, parameters)
    found: list[CurveStatus] = []
    for row, before in enumerate(fits.status):
        if before is CurveStatus.FLAT:
            found.append(before)
        elif far[row]:
            found.append(CurveStatus.RUNAWAY)
        elif ended is FitStatus.FLAT:
            found.append(CurveStatus.UNDETERMINED)
        else:
            found.append(CurveStatus.AT_BOUND if at_bound[row].any() else CurveStatus.OK)
    return tuple(found)


def relative_potency(shared: SharedFit, reference: int, *, level: float = 0.95, profile: bool = False) -> Potencies:
    """Return potencies relative to a reference curve, from a fit in which the curves are parallel.

    ``log ratio = e_reference - e_curve``; Wald interval on the logarithm (delta method), or profile likelihood.

    Parameters
    ----------
    shared : SharedFit
        All fitted parameters but one dose in common.
    reference : int
        Place of the reference curve.
    level : float
        Confidence level, a fraction.
    profile : bool
        Whether to profile.

    Returns
    -------
    Potencies
        NaN for curves without effect, and where an end of a profile is not closed.

    Raises
    ------
    ValueRangeError
        The curves do not differ in one dose alone, or the level or the reference is out of range.
    """
    fits = shared.fits
    names = [fits.model.parameters[k] for k in fits.layout.free]
    own = [name for name in names if name not in shared.shared]
    if len(own) != 1 or not own[0].startswith("log_"):
        raise ValueRangeError(
            "relative potency", f"curves that differ in {', '.join(own)}", "one dose", "share the rest"
        )
    if not 0 <= reference < len(fits):
        raise ValueRangeError("reference", reference, f"0 to {len(fits) - 1}", "correct the place")
    places = shared.places[:, names.index(own[0])]
    signs = np.zeros((len(fits), len(shared.joint)))
    signs[:, places[reference]] += 1
    signs[np.arange(len(fits)), places] -= 1
    logs = signs @ shared.joint
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.einsum("cj,jk,ck->c", signs, np.nan_to_num(shared.covariance), signs))
    half = quantile(level, fits.degrees_of_freedom) * errors
    lower, upper = logs - half, logs + half
    if profile:
        for curve in range(len(fits)):
            lower[curve], upper[curve] = (
                (0.0, 0.0) if curve == reference else _profile_ends(shared, signs[curve], errors[curve], level)
            )
    usable = fits.usable & fits.usable[reference]
    ratio, lower, upper, errors = (
        np.where(usable, a, np.nan) for a in (np.exp(logs), np.exp(lower), np.exp(upper), errors)
    )
    return Potencies(ratio, lower, upper, errors, reference, "profile" if profile else "wald_log")


def _profile_ends(shared: SharedFit, signs: Floats, error: float, level: float) -> tuple[float, float]:
    fits = shared.fits
    common = _Common(CurveProblem.create(fits.data, fits.layout, fits.weights), shared.places, len(shared.joint))
    variance = float(fits.residual_standard_deviation[0] ** 2)
    found = profile_many(
        common,
        _Difference(signs),
        shared.joint[np.newaxis],
        standard_errors=error,
        rise=variance * quantile(level, fits.degrees_of_freedom[0]) ** 2,
        scale=variance,
    )
    closed = (found.lower_end[0] is ProfileEnd.CLOSED, found.upper_end[0] is ProfileEnd.CLOSED)
    return float(found.lower[0]) if closed[0] else np.nan, float(found.upper[0]) if closed[1] else np.nan
