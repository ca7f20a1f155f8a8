"""Forward sensitivities: a system whose states are a model's, and their derivatives by some of its inputs.

With s_j = dy/dp_j, J = df/dy and an output o(y, p),

    ds_j/dt = J s_j + df/dp_j,   s_j(0) = dy_0/dp_j,   do/dp_j = (do/dy) s_j + do/dp_j.

A dose changes y by its amount times a scale c(p), and so s_j by the amount times dc/dp_j.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from limus.kernel.errors import UnknownNameError, UnsupportedFeatureError, ValueRangeError, near_names
from limus.kernel.language import Expression, Symbol, apply, derivative, free_symbols
from limus.kernel.language.expression import ZERO
from limus.kernel.simulation.blocks import Blocks
from limus.kernel.simulation.equations import System, input_symbol, state_symbol
from limus.kernel.simulation.smoothness import may_become_infinite, refuse_jumps

__all__ = ["sensitivity_name", "with_sensitivities"]

Slopes = Mapping[int, Expression]  # of one expression, by the place of a state; entries that are not zero


def sensitivity_name(name: str, parameter: str) -> str:
    """Return the name of the derivative of a state or output by a parameter."""
    return f"d({name})/d({parameter})"


def with_sensitivities(system: System, parameters: Sequence[str]) -> System:
    """Extend a system by the derivatives of its states and outputs by some of its inputs.

    Parameters
    ----------
    system : System
        Without events.
    parameters : sequence of str
        P inputs; initial values and compartment sizes are inputs too. Without any, the system is returned as it is.

    Returns
    -------
    System
        S (1 + P) states and O (1 + P) outputs: those of the system, then as many for each parameter. What can be dosed
        has an entry of ``dose_scale`` for each parameter where that is not zero.

    Raises
    ------
    UnknownNameError
        A parameter that is not an input.
    ValueRangeError
        A parameter that is named twice.
    UnsupportedFeatureError
        A model with events, or with a jump whose time depends on a parameter in a way that is not known beforehand.
    """
    chosen = tuple(parameters)
    if not chosen:
        return system
    _check(system, chosen)
    slopes = [_slopes(system, e) for e in system.derivatives]
    blocks = _blocks(system, chosen, slopes)
    refuse_jumps(system, blocks)
    output_slopes = [_slopes(system, e) for e in system.output_expressions]
    scale_slopes = {name: _slopes(system, e) for name, e in system.dose_scale.items()}
    states, initial, derivatives = list(system.states), list(system.initial), list(system.derivatives)
    outputs, expressions, dose_scale = list(system.outputs), list(system.output_expressions), dict(system.dose_scale)
    for j, parameter in enumerate(chosen):
        symbol = input_symbol(parameter)
        names = [sensitivity_name(name, parameter) for name in system.states]
        moved = [Symbol(state_symbol(name)) for name in names]
        states += names
        initial += [derivative(e, symbol) for e in system.initial]
        derivatives += [_total(own, moved, blocks.rates.get((j, i), ZERO)) for i, own in enumerate(slopes)]
        outputs += [sensitivity_name(name, parameter) for name in system.outputs]
        by_parameter = [derivative(e, symbol) for e in system.output_expressions]
        expressions += [_total(own, moved, e) for own, e in zip(output_slopes, by_parameter, strict=True)]
        for name, e in system.dose_scale.items():
            scale = _total(scale_slopes[name], moved, derivative(e, symbol))
            if scale != ZERO:
                dose_scale[sensitivity_name(name, parameter)] = scale
    return replace(
        system,
        states=tuple(states),
        initial=tuple(initial),
        derivatives=tuple(derivatives),
        outputs=tuple(outputs),
        output_expressions=tuple(expressions),
        dose_scale=dose_scale,
        blocks=blocks,
    )


def _check(system: System, parameters: Sequence[str]) -> None:
    where = f"sensitivities of {system.name}"
    for name in parameters:
        if name not in system.inputs:
            near = near_names(name, system.inputs)
            hint = f"did you mean {' or '.join(near)}?" if near else "see the model's inputs"
            raise UnknownNameError(where, name, "an input of the model", hint)
        if parameters.count(name) > 1:
            raise ValueRangeError(where, f"{name} twice", "each parameter once", "leave one out")
    if system.events:
        got = f"the event {system.events[0].name}" if system.events[0].name else "an event"
        raise UnsupportedFeatureError(where, got, "a model without triggered events", "use differences of simulations")
    if system.blocks is not None:
        raise UnsupportedFeatureError(
            where, "a system that has sensitivities", "a model's own system", "name all at once"
        )


def _slopes(system: System, expression: Expression) -> Slopes:
    """Derivatives of an expression by the states."""
    symbols = free_symbols(expression)
    named = [(k, state_symbol(name)) for k, name in enumerate(system.states) if state_symbol(name) in symbols]
    found = {k: derivative(expression, symbol) for k, symbol in named}
    return {k: e for k, e in found.items() if e != ZERO}


def _total(slopes: Slopes, moved: Sequence[Expression], by_parameter: Expression) -> Expression:
    """The chain rule; an infinite slope by a state that does not move counts for nothing, as for x**0.5 at 0."""
    terms = []
    for k, slope in slopes.items():
        term = apply("multiply", slope, moved[k])
        if may_become_infinite(slope):
            term = apply("piecewise", ZERO, apply("equal", moved[k], ZERO), term)
        terms.append(term)
    return apply("add", *terms, by_parameter)


def _blocks(system: System, parameters: tuple[str, ...], slopes: Sequence[Slopes]) -> Blocks:
    curvatures: dict[tuple[int, int, int], Expression] = {}
    rates: dict[tuple[int, int], Expression] = {}
    rate_slopes: dict[tuple[int, int, int], Expression] = {}
    for i, own in enumerate(slopes):
        for a, slope in own.items():
            curvatures |= {(i, a, b): e for b, e in _slopes(system, slope).items() if b >= a}
    for j, parameter in enumerate(parameters):
        symbol = input_symbol(parameter)
        for i, expression in enumerate(system.derivatives):
            rate = derivative(expression, symbol)
            if rate != ZERO:
                rates[j, i] = rate
                rate_slopes |= {(j, i, b): e for b, e in _slopes(system, rate).items()}
    return Blocks(
        size=len(system.states),
        parameters=parameters,
        slopes={(i, k): slope for i, own in enumerate(slopes) for k, slope in own.items()},
        curvatures=curvatures,
        rates=rates,
        rate_slopes=rate_slopes,
    )
