"""Models with sensitivities, and what their derivatives are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.language import read_model_text
from limus.kernel.simulation import CompiledModel, SimulationResult, compile_model, simulate

TIGHT = {"relative_tolerance": 1e-12, "absolute_tolerance": 1e-14}
FINE = {"relative_tolerance": 1e-9, "absolute_tolerance": 1e-12}

# first-order absorption into a volume, with the concentration as state
ORAL = """
model oral()
  compartment body; body = 12;
  species central in body; central = 0;
  substanceOnly species depot in body; depot = 0;
  ka = 1.1; CL = 3.5;
  absorb: depot => central; ka*depot;
  lose: central => ; CL*central;
end
"""

# the same with a loss that saturates
SATURABLE = """
model saturable()
  compartment body; body = 12;
  species central in body; central = 0.1;
  substanceOnly species depot in body; depot = 0.5;
  ka = 1.1; top = 9; K = 0.8;
  absorb: depot => central; ka*depot;
  lose: central => ; body*top/body*central/(K + central);
end
"""

HILL = """
model hill()
  compartment c; c = 1;
  species A in c, B in c; A = 1; B = 0.1;
  n = 2.5; K = 0.7; k = 3; d = 0.4; w = 5;
  make: => B; c*k*A^n/(K^n + A^n);
  lose: B => ; c*d*B;
  feed: => A; c*0.2*exp(-time/w);
  decay: A => ; c*d*A;
  ratio := k*A/(B + K);
end
"""

ROBERTSON = """
model robertson()
  compartment c; c = 1;
  species A in c, B in c, C in c; A = 1; B = 0; C = 0;
  k1 = 0.04; k2 = 1e4; k3 = 3e7;
  R1: A => B; c*k1*A;
  R2: B + C => A + C; c*k2*B*C;
  R3: 2 B => B + C; c*k3*B^2;
end
"""


def model(text: str, outputs: Sequence[str] | None = None, sensitivities: Sequence[str] = ()) -> CompiledModel:
    return compile_model(read_model_text(text, language="antimony"), outputs, sensitivities=sensitivities)


def differences(
    compiled: CompiledModel, parameters: Sequence[str], times: object, *, size: float = 4e-3, **how: object
) -> NDArray[np.float64]:
    """Derivatives (T, O, P) by central differences of two widths, extrapolated: error of order 4 in the width.

    Widths of 0.4 and 0.2 per cent: the errors of two solutions count 250 times, the fourth power of the width 3e-10.
    """
    columns = []
    for name in parameters:
        value = float(compiled.defaults[compiled.inputs.index(name)])
        h = size * (abs(value) or 1.0)
        sets = {name: value + h * np.array([-1.0, 1.0, -0.5, 0.5])}
        found = simulate(compiled, times, sets, **TIGHT, **how)  # type: ignore[arg-type]
        found.require_success("differences")
        wide, narrow = (found.values[1] - found.values[0]) / (2 * h), (found.values[3] - found.values[2]) / h
        columns.append((4.0 * narrow - wide) / 3.0)
    return np.stack(columns, axis=2)


def assert_close(compiled: CompiledModel, found: SimulationResult, true: NDArray[np.float64], tolerance: float) -> None:
    """Every derivative to a tolerance of the largest in its curve, or of 1e-4 of output over parameter."""
    assert set(found.status) == {"ok"}
    values = np.abs([compiled.defaults[compiled.inputs.index(name)] for name in found.sensitivity_parameters])
    least = 1e-4 * np.abs(found.values[0]).max(axis=0)[:, None] / np.where(values == 0.0, 1.0, values)
    size = np.maximum(np.abs(true).max(axis=0), least)
    error = np.abs(found.sensitivity_values[0] - true).max(axis=0) / np.where(size == 0.0, 1.0, size)
    assert error.max() < tolerance, error


def check(
    text: str,
    outputs: Sequence[str] | None,
    parameters: Sequence[str],
    times: NDArray[np.float64],
    tolerance: float,
    *,
    how: Mapping[str, object] = FINE,
    **given: object,
) -> SimulationResult:
    """Sensitivities of a model, compared with differences."""
    compiled = model(text, outputs, parameters)
    found = simulate(compiled, times, **how, **given)  # type: ignore[arg-type]
    given.pop("solver", None)
    assert_close(compiled, found, differences(model(text, outputs), parameters, times, **given), tolerance)
    return found


def slopes(function: Callable[..., object], values: Mapping[str, float]) -> NDArray[np.float64]:
    """Derivatives (T, P) of a closed form by the complex step, exact but for rounding."""
    step = 1e-30
    columns = [function(**{**values, name: value + 1j * step}) for name, value in values.items()]
    return np.stack([np.imag(column) / step for column in columns], axis=1)
