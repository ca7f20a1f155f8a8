"""A pathway model of the library with the origin of every number in it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, run_checks
from limus.kernel.errors import InputError, UnknownNameError, near_names
from limus.kernel.execution import spawn_generators
from limus.kernel.language import MODEL_CHECKS, Model, conservation_check
from limus.kernel.provenance import Kind, SourcedValue

__all__ = [
    "Readout",
    "SourcedModel",
    "SourcedParameter",
    "Validity",
    "check_sourced_model",
    "draw_fitted",
]


@dataclass(frozen=True, slots=True)
class SourcedParameter:
    """A parameter of a model with its origin.

    Attributes
    ----------
    name : str
        As the model writes it, dotted for submodels.
    value : float
        In ``unit``, the canonical one.
    unit : str
        Canonical unit.
    origin : str
        Where the number stands: the model's file, a compound's constant, a fit, or another parameter.
    sourced : SourcedValue
        The number as printed in its source, with kind and source.
    lower, upper, prior_log10_sd : float
        For fitted parameters: bounds and prior (canonical unit; standard deviation in log10); else NaN.
    prior_value : float
        Centre of the prior, canonical unit; else NaN.
    log10_standard_error : float
        Of a fitted value, or of one that a bench measured; else NaN.
    """

    name: str
    value: float
    unit: str
    origin: str
    sourced: SourcedValue
    lower: float = math.nan
    upper: float = math.nan
    prior_log10_sd: float = math.nan
    prior_value: float = math.nan
    log10_standard_error: float = math.nan

    @property
    def is_measured_here(self) -> bool:
        """Whether a bench measured the value with an interval, so that it is drawn with the fitted ones."""
        return self.sourced.kind is Kind.MEASURED and math.isfinite(self.log10_standard_error)

    @property
    def at_bound(self) -> bool:
        """Whether a fitted value stands at one of its bounds, so that its standard error says nothing."""
        return any(math.isclose(self.value, bound, rel_tol=1e-5) for bound in (self.lower, self.upper))


@dataclass(frozen=True, slots=True)
class Readout:
    """A quantity that an assay measures and the symbol of the model that stands for it.

    ``background`` says what counts as 0 %: the ``unstimulated`` culture, or ``zero``. A control that is less than
    ``detection_limit`` (the symbol's unit) above it gives no curve.
    """

    name: str
    symbol: str
    short: str
    label: str
    background: str = "unstimulated"
    detection_limit: float = 0.0


@dataclass(frozen=True, slots=True)
class Validity:
    """Where a model may be used; ``cannot_say`` is printed in every guide."""

    species: str
    hours_upper: float
    cells_per_ml: tuple[float, float]
    serum_percent: tuple[float, float]
    concentration_upper_nM: float  # noqa: N815
    cannot_say: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SourcedModel:
    """A model with values set, and where each came from.

    Attributes
    ----------
    name, label, summary : str
    model : Model
        Values set, canonical units.
    parameters : mapping of str to SourcedParameter
    readouts : mapping of str to Readout
    validity : Validity
    conserved : mapping of str to tuple of str
        Groups of species whose amount is conserved.
    papers, changes : tuple of str
        Source keys, and what was changed against them.
    content_hash : str
        SHA-256 of equations, parameters before the fit and priors; a fit carries it to be found stale.
    fit_draws : (S, P) array or None
        Draws from the posterior, log10 of the fitted parameters in the order of :attr:`fitted`; None without an
        accepted fit.
    fit_status : str
        ``accepted``; ``stale`` if the accepted fit was made to other equations or numbers; ``none``: priors are used;
        ``nothing fitted``.
    """

    name: str
    label: str
    summary: str
    model: Model
    parameters: Mapping[str, SourcedParameter]
    readouts: Mapping[str, Readout]
    validity: Validity
    conserved: Mapping[str, tuple[str, ...]]
    papers: tuple[str, ...]
    changes: tuple[str, ...]
    content_hash: str
    fit_draws: NDArray[np.float64] | None = None
    fit_status: str = "none"

    @property
    def fitted(self) -> tuple[SourcedParameter, ...]:
        """The parameters that a calibration adjusts."""
        return tuple(p for p in self.parameters.values() if p.sourced.kind is Kind.FITTED and not math.isnan(p.lower))

    @property
    def followers(self) -> dict[str, str]:
        """Parameters that take the value of another one: follower to leader."""
        marked = {p.name: p.origin for p in self.parameters.values() if p.origin.startswith("same as ")}
        return {name: origin.removeprefix("same as ") for name, origin in marked.items()}

    def readout(self, name: str) -> Readout:
        """Return a readout by name.

        Parameters
        ----------
        name : str

        Raises
        ------
        UnknownNameError
            The model has no such readout.
        """
        if name not in self.readouts:
            near = near_names(name, self.readouts)
            do = f"did you mean {' or '.join(near)}?" if near else "use one of the allowed names"
            raise UnknownNameError("readout", name, ", ".join(self.readouts), do)
        return self.readouts[name]

    def with_fitted(self, values: Mapping[str, float]) -> SourcedModel:
        """Return the model with other values of parameters; those that are ``same_as`` one of them follow.

        Parameters
        ----------
        values : mapping of str to float
            Canonical units.
        """
        new = dict(values) | {name: values[leader] for name, leader in self.followers.items() if leader in values}
        parameters = {name: replace(p, value=new.get(name, p.value)) for name, p in self.parameters.items()}
        return replace(self, model=self.model.with_values(new), parameters=MappingProxyType(parameters))


def draw_fitted(
    model: SourcedModel, draws: int, seed: int, *, fixed: Collection[str] = ()
) -> dict[str, NDArray[np.float64]]:
    """Take parameter sets from the posterior of the accepted fit; the first is the fit itself.

    Parameters
    ----------
    model : SourcedModel
    draws : int
        How many, beside the fit; those of the accepted fit in another order, and again where more are asked for.
    seed : int
    fixed : collection of str
        Constants that are not drawn, because the culture sets them.

    Returns
    -------
    dict of str to (draws + 1,) array
        Canonical units; followers (``same_as``) included.
    """
    free = model.fitted
    sets = np.array([[p.value for p in free]])
    if draws and model.fit_draws is not None:
        generator = spawn_generators(seed, 1, stream="fit draws")[0]
        kept = len(model.fit_draws)
        order = np.concatenate([generator.permutation(kept) for _ in range(-(-draws // kept))])[:draws]
        sets = np.vstack([sets, 10.0 ** model.fit_draws[order]])
    values = {p.name: sets[:, j] for j, p in enumerate(free)} | _draw_measured(model, draws, seed)
    values |= {name: values[leader] for name, leader in model.followers.items() if leader in values}
    return {name: drawn for name, drawn in values.items() if name not in fixed}


def _draw_measured(model: SourcedModel, draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Parameters that a bench measured with an interval, drawn normally in log10; the first is the value itself."""
    measured = [p for p in model.parameters.values() if p.is_measured_here]
    if not measured:
        return {}
    generator = spawn_generators(seed, 1, stream="measured draws")[0]
    shifts = np.vstack([np.zeros(len(measured)), generator.standard_normal((draws, len(measured)))])
    return {p.name: p.value * 10.0 ** (p.log10_standard_error * shifts[:, j]) for j, p in enumerate(measured)}


def check_sourced_model(model: SourcedModel) -> tuple[Finding, ...]:
    """Run the checks of :mod:`limus.kernel.language` on a library model, with its conserved groups.

    Parameters
    ----------
    model : SourcedModel

    Returns
    -------
    tuple of Finding

    Raises
    ------
    InputError
        A parameter of the model text has no entry in the parameter file.
    """
    computed = {r.variable for r in model.model.rules} | {a.variable for a in model.model.initial_assignments}
    constant = {p.name for p in model.model.parameters if p.constant}
    volumes = {c.name for c in model.model.compartments} - computed
    unsourced = sorted((constant | volumes) - set(model.parameters))
    if unsourced:
        raise InputError(f"model {model.name}", ", ".join(unsourced), "an entry with a source for each", "add entries")
    return run_checks(model.model, (*MODEL_CHECKS, conservation_check(model.conserved)))
