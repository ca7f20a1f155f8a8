"""Values from a bench in the place of a model's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from limus.kernel.errors import InputError
from limus.kernel.provenance import Kind, SourcedValue
from limus.kernel.units import convert
from limus.molecule.bench_result import BenchValue
from limus.signalling.sourced_model import SourcedModel, SourcedParameter

__all__ = ["with_bench_values"]


def with_bench_values(
    model: SourcedModel, values: Sequence[BenchValue], sources: Mapping[BenchValue, str]
) -> tuple[SourcedModel, tuple[BenchValue, ...]]:
    """Put measured values in the place of a model's own, where it has a parameter ``compound.quantity``.

    A fitted parameter that is measured leaves the fit: it keeps no prior and no share in the fit's covariance, and is
    drawn from its own interval. The other fitted values stay as they were fitted with the value that is replaced.
    Parameters that are the same as a measured one follow it.

    Parameters
    ----------
    model : SourcedModel
    values : sequence of BenchValue
    sources : mapping of BenchValue to str
        Key under which each is cited.

    Returns
    -------
    tuple of (SourcedModel, tuple of BenchValue)
        The model, and the values that it uses.

    Raises
    ------
    InputError
        Two values for one parameter.
    UnitError
        A value in a unit of another kind.
    """
    used: dict[str, BenchValue] = {}
    for value in values:
        name = f"{value.compound}.{value.quantity}"
        if name not in model.parameters:
            continue
        if name in used:
            got = f"{used[name].value:g} and {value.value:g} {value.unit}"
            raise InputError(f"measured {name}", got, "one value", "leave one of the result files out")
        used[name] = value
    if not used:
        return model, ()
    kept = [k for k, p in enumerate(model.fitted) if p.name not in used]
    draws = model.fit_draws
    numbers = {name: convert(v.value, v.unit, model.parameters[name].unit, where=name) for name, v in used.items()}
    changed = model.with_fitted(numbers)
    parameters = dict(changed.parameters)
    for name, value in used.items():
        parameters[name] = _measured(parameters[name], value, numbers[name], sources[value])
    return (
        replace(
            changed,
            parameters=MappingProxyType(parameters),
            fit_draws=None if draws is None else np.asarray(draws[:, kept]),
        ),
        tuple(used.values()),
    )


def _measured(parameter: SourcedParameter, value: BenchValue, number: float, source: str) -> SourcedParameter:
    sourced = SourcedValue(
        value.value, value.unit, Kind.MEASURED, (source,), conditions=value.conditions, note=value.origin
    )
    return replace(
        parameter,
        value=number,
        origin=value.file,
        sourced=sourced,
        lower=math.nan,
        upper=math.nan,
        prior_log10_sd=math.nan,
        prior_value=math.nan,
        log10_standard_error=value.log10_standard_error,
    )
