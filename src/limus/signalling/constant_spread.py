"""The constants of a pathway model that an answer may depend on, and how far each may be from its value."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError, UnknownNameError, near_names
from limus.kernel.provenance import Kind
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.signalling.culture import Culture, drugs_of
from limus.signalling.protocol import STIMULUS_SETTINGS, load_protocols
from limus.signalling.shares import shares_of
from limus.signalling.sourced_model import SourcedModel, SourcedParameter

__all__ = ["BY_DEFINITION", "MovableConstant", "load_spreads", "movable_constants", "quantiles"]

BY_DEFINITION = ("medium", "stimulus_start")
_CULTURE = ("cells_per_ml", "serum_percent")


class _Spread(Entry):
    log10_sd: float
    note: str


class _SpreadFile(Entry):
    limus_parameter_spread: Literal[1]
    measured: _Spread
    compiled: _Spread
    assumed: _Spread


@dataclass(frozen=True, slots=True)
class MovableConstant:
    """A positive constant of a model, or a condition of the culture, with its spread.

    Attributes
    ----------
    name, unit : str
    value : float
        In this culture, canonical unit.
    kind : Kind
    source : tuple of str
        Keys of the bibliography.
    log10_sd : float
        Spread, standard deviation in log10.
    spread_from : str
        Where the spread comes from, in words.
    lower, upper : float
        The value stays between; a share of something at most 1.
    followers : tuple of str
        Constants that move with it by the same factor.
    is_condition : bool
        Set by the protocol or the culture, not by the cell.
    """

    name: str
    unit: str
    value: float
    kind: Kind
    source: tuple[str, ...]
    log10_sd: float
    spread_from: str
    lower: float
    upper: float
    followers: tuple[str, ...]
    is_condition: bool

    @property
    def sets_stimulus(self) -> bool:
        """Whether it is part of the stimulus, which the background culture is without."""
        return self.name in STIMULUS_SETTINGS


def movable_constants(
    model: SourcedModel, culture: Culture, drug: str, names: Sequence[str] = (), *, fixed: Collection[str] = ()
) -> tuple[MovableConstant, ...]:
    """Find the positive constants that an answer about one drug may depend on.

    Parameters
    ----------
    model : SourcedModel
    culture : Culture
        Its settings are used in place of the model's own.
    drug : str
        Constants of other drugs are left out, unless this drug's follow them.
    names : sequence of str
        Only these; by default all.
    fixed : collection of str
        What the culture fixes by definition, such as the serum of whole blood.

    Returns
    -------
    tuple of MovableConstant
        In the model's order.

    Raises
    ------
    UnknownNameError
        A name that is no constant of the model.
    InputError
        A constant that is zero, follows another one, belongs to another drug or is fixed by definition.
    """
    values = {name: p.value for name, p in model.parameters.items()} | culture.inputs()
    followers: dict[str, list[str]] = {}
    for follower, leader in model.followers.items():
        followers.setdefault(leader, []).append(follower)
    others = tuple(f"{other}." for other in drugs_of(model) if other != drug)
    shares = shares_of(model)
    found = {}
    for name, parameter in model.parameters.items():
        together = tuple(followers.get(name, ()))
        elsewhere = name.startswith(others) and not any(f.startswith(f"{drug}.") for f in together)
        if name in BY_DEFINITION or name in fixed or name in model.followers or elsewhere or not values[name] > 0:
            continue
        found[name] = _movable(model, parameter, values[name], together, name in shares)
    for name in names:
        _check_name(name, model, found)
    return tuple(found[name] for name in dict.fromkeys(names or found))


def _check_name(name: str, model: SourcedModel, found: dict[str, MovableConstant]) -> None:
    if name not in model.parameters:
        near = near_names(name, found)
        do = f"did you mean {' or '.join(near)}?" if near else "see the model's page for its constants"
        raise UnknownNameError("--parameters", name, f"constants of model {model.name}", do)
    if name not in found:
        leader = model.followers.get(name)
        do = f"name {leader}, which it follows" if leader else "leave it out"
        allowed = "a positive constant of its own that this drug's answer may depend on"
        raise InputError("--parameters", name, allowed, do)


def _movable(
    model: SourcedModel, p: SourcedParameter, value: float, followers: tuple[str, ...], share: bool
) -> MovableConstant:
    condition = p.name in _CULTURE or any(p.name in protocol.settings for protocol in load_protocols().values())
    sd, spread_from = _spread(model, p, condition)
    lower, upper = (
        -math.inf if math.isnan(p.lower) else min(p.lower, value),
        math.inf if math.isnan(p.upper) else max(p.upper, value),
    )
    if share:
        upper = max(1.0, value)
    if p.name == "serum_percent":
        upper = model.validity.serum_percent[1]
    return MovableConstant(
        name=p.name,
        unit=p.unit,
        value=value,
        kind=p.sourced.kind,
        source=p.sourced.source,
        log10_sd=sd,
        spread_from=spread_from,
        lower=max(lower, 0.0),
        upper=upper,
        followers=followers,
        is_condition=condition,
    )


def _spread(model: SourcedModel, p: SourcedParameter, condition: bool) -> tuple[float, str]:
    kind = p.sourced.kind
    if kind is Kind.FITTED and math.isfinite(p.log10_standard_error) and not p.at_bound:
        return p.log10_standard_error, f"posterior of the fit ({model.fit_status})"
    if kind is Kind.FITTED and math.isfinite(p.prior_log10_sd):
        why = "at a bound of the fit" if p.at_bound else "no accepted fit"
        return p.prior_log10_sd, f"prior ({why})"
    if p.is_measured_here:
        return p.log10_standard_error, "measured on the bench that was given"
    spreads = load_spreads()
    usual: _Spread = spreads.assumed if kind is Kind.FITTED else getattr(spreads, str(kind))
    factor = f"a factor of {10.0**usual.log10_sd:.3g} by convention"
    return usual.log10_sd, f"{factor}, condition of the culture" if condition else f"{factor}, {kind}"


@lru_cache(maxsize=1)
def load_spreads() -> _SpreadFile:
    """Load the spreads by kind (``library/constants/parameter_spread.toml``).

    Returns
    -------
    _SpreadFile

    Raises
    ------
    FileReadError
        Missing or wrong file.
    """
    return read_toml(library_folder() / "constants" / "parameter_spread.toml", _SpreadFile)


def quantiles(constant: MovableConstant, probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quantiles of a constant: log-normal about its value, cut off at its bounds.

    Parameters
    ----------
    constant : MovableConstant
    probability : array
        0 to 1.

    Returns
    -------
    array
        Canonical unit.
    """
    from scipy.special import ndtr, ndtri  # noqa: PLC0415

    with np.errstate(divide="ignore"):
        ends = np.log10([constant.lower, constant.upper]) - math.log10(constant.value)
    low, high = ndtr(ends / constant.log10_sd)
    inside = low + np.asarray(probability) * (high - low)
    return np.asarray(constant.value * 10.0 ** (constant.log10_sd * ndtri(inside)))
