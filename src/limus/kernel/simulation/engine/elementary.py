"""exp, ln and power on all lanes at once, to about one unit in the last place.

LLVM's own intrinsics for these fall back to one call of the C library a lane. The methods are the classic ones: exp by
Cody and Waite's reduction to |r| <= ln(2)/2 and a polynomial, ln by 2 atanh((m-1)/(m+1)) of the mantissa with the
coefficients of Remez' algorithm as published with fdlibm (Sun Microsystems 1993).
"""

from __future__ import annotations

import math

from llvmlite import ir

from limus.kernel.simulation.engine.lanes import Lanes

__all__ = ["exp", "ln", "power"]

# ln 2 in two parts, the first with 21 trailing zero bits so that its product with an exponent is exact
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_ROUNDER = 1.5 * 2.0**52
_TAYLOR = [1.0 / math.factorial(k) for k in range(2, 14)]
# ln((1+s)/(1-s)) = 2 s + s R(s^2)
_LOGARITHM = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
_LARGEST = 709.782712893384
_SMALLEST = -745.133219101942


def _polynomial(lanes: Lanes, x: ir.Value, coefficients: list[float] | tuple[float, ...]) -> ir.Value:
    value: ir.Value = lanes.number(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = lanes.multiply_add(value, x, lanes.number(coefficient))
    return value


def _two_to(lanes: Lanes, exponent: ir.Value) -> ir.Value:
    """2**n for integer lanes in the range of normal numbers."""
    biased = lanes.builder.add(exponent, lanes.whole(1023))
    return lanes.builder.bitcast(lanes.builder.shl(biased, lanes.whole(52)), lanes.vector)


def exp(lanes: Lanes, x: ir.Value) -> ir.Value:
    """e**x; 0 and infinity at the ends of the range, NaN for NaN.

    Parameters
    ----------
    lanes : Lanes
    x : vector

    Returns
    -------
    vector
    """
    inside = lanes.maximum(lanes.minimum(x, lanes.number(_LARGEST)), lanes.number(_SMALLEST))
    shifted = lanes.multiply_add(inside, lanes.number(1.0 / math.log(2.0)), lanes.number(_ROUNDER))
    n = lanes.builder.fsub(shifted, lanes.number(_ROUNDER))
    r = lanes.multiply_add(n, lanes.number(-_LN2_HIGH), inside)
    r = lanes.multiply_add(n, lanes.number(-_LN2_LOW), r)
    tail = _polynomial(lanes, r, _TAYLOR)
    grown = lanes.multiply_add(lanes.multiply(r, r), tail, r)
    value = lanes.add(grown, lanes.number(1.0))
    # the integer stands in the low bits of the shifted number; half of it twice reaches denormal numbers
    whole = lanes.builder.sub(
        lanes.builder.bitcast(shifted, lanes.integers), lanes.builder.bitcast(lanes.number(_ROUNDER), lanes.integers)
    )
    half = lanes.builder.ashr(whole, lanes.whole(1))
    value = lanes.multiply(value, _two_to(lanes, half))
    value = lanes.multiply(value, _two_to(lanes, lanes.builder.sub(whole, half)))
    value = lanes.select(lanes.compare(">", x, lanes.number(_LARGEST)), lanes.number(math.inf), value)
    value = lanes.select(lanes.compare("<", x, lanes.number(_SMALLEST)), lanes.number(0.0), value)
    return lanes.select(lanes.compare("!=", x, x), x, value)


def ln(lanes: Lanes, x: ir.Value) -> ir.Value:
    """Natural logarithm; -infinity at 0, NaN below.

    Parameters
    ----------
    lanes : Lanes
    x : vector

    Returns
    -------
    vector
    """
    build = lanes.builder
    small = lanes.compare("<", x, lanes.number(2.2250738585072014e-308))
    scaled = lanes.select(small, lanes.multiply(x, lanes.number(2.0**54)), x)
    bits = build.bitcast(scaled, lanes.integers)
    # mantissa in [sqrt(1/2), sqrt(2)), so that ln is small where x is near 1
    offset = build.sub(bits, lanes.whole(0x3FE6A09E00000000))
    exponent = build.ashr(offset, lanes.whole(52))
    mantissa = build.bitcast(build.sub(bits, build.shl(exponent, lanes.whole(52))), lanes.vector)
    n = build.sitofp(exponent, lanes.vector)
    n = lanes.subtract(n, lanes.select(small, lanes.number(54.0), lanes.number(0.0)))
    f = lanes.subtract(mantissa, lanes.number(1.0))
    s = lanes.divide(f, lanes.add(f, lanes.number(2.0)))
    z = lanes.multiply(s, s)
    remainder = lanes.multiply(z, _polynomial(lanes, z, _LOGARITHM))
    half_square = lanes.multiply(lanes.multiply(f, f), lanes.number(0.5))
    correction = lanes.multiply_add(s, lanes.add(half_square, remainder), lanes.multiply(n, lanes.number(_LN2_LOW)))
    value = lanes.multiply(n, lanes.number(_LN2_HIGH))
    value = build.fsub(value, build.fsub(build.fsub(half_square, correction), f))
    value = lanes.select(lanes.compare("==", x, lanes.number(math.inf)), x, value)
    value = lanes.select(lanes.compare("==", x, lanes.number(0.0)), lanes.number(-math.inf), value)
    return lanes.select(lanes.compare(">=", x, lanes.number(0.0)), value, lanes.number(math.nan))


def power(lanes: Lanes, base: ir.Value, exponent: ir.Value) -> ir.Value:
    """base**exponent as exp(exponent ln|base|), with the sign of a negative base raised to a whole number.

    Parameters
    ----------
    lanes : Lanes
    base, exponent : vector

    Returns
    -------
    vector
        1 where the exponent is 0; NaN for a negative base and an exponent that is not whole. The relative error grows
        with |exponent ln|base||, about 1e-16 times it.
    """
    zero, one = lanes.number(0.0), lanes.number(1.0)
    size = exp(lanes, lanes.multiply(exponent, ln(lanes, lanes.call("fabs", base))))
    whole = lanes.call("floor", exponent)
    half = lanes.multiply(exponent, lanes.number(0.5))
    is_whole = lanes.compare("==", whole, exponent)
    is_odd = lanes.both(is_whole, lanes.compare("!=", lanes.call("floor", half), half))
    signed = lanes.select(is_odd, lanes.negate(size), size)
    below = lanes.select(is_whole, signed, lanes.number(math.nan))
    value = lanes.select(lanes.compare("<", base, zero), below, size)
    return lanes.select(lanes.compare("==", exponent, zero), one, value)
