r"""Uncertainty of a model's typical values: read from the spread that its source prints, or given as drawn sets.

==========================  ===================================  ==========================================
printed                     value positive, and stays so         otherwise
==========================  ===================================  ==========================================
``SE s``, ``RSE p%``        log-normal, CV s / value             normal, standard deviation s
``95% CI a-b``              log-normal, ln(b/a) / 3.92           normal, (b - a) / 3.92
==========================  ===================================  ==========================================

A value stays positive if its 95 % interval does. The printed value is the median of every draw. Sources print no
correlations between estimates, so values are drawn independently, which makes the spread of what is simulated wider
or narrower than the paper's own covariance would; sets of a bootstrap or a posterior, given as a file, keep them.
Values without a spread stay as they are, and so do variances of random effects and of the residual error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError, UnknownNameError, near_names
from limus.kernel.provenance import SourcedValue
from limus.kernel.tables import Column, read_csv
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["ValueSpread", "draw_values", "published_spreads", "read_value_sets", "spread_of"]

Floats = NDArray[np.float64]
_Z = 1.959963984540054  # 97.5 % point of the normal distribution
_NUMBER = r"([-+]?\d+(?:\.\d+)?)"
_ERROR = re.compile(rf"(R?)SE\s*{_NUMBER}\s*(%?)")
_INTERVAL = re.compile(rf"95\s?%\s*CI\s*{_NUMBER}\s*(?:-|to|,)\s*{_NUMBER}\s*(%?)")


@dataclass(frozen=True, slots=True)
class ValueSpread:
    """How an uncertain value is drawn.

    Attributes
    ----------
    name : str
        As in the equations.
    value : float
        The estimate.
    log_normal : bool
        Whether the logarithm is normal, rather than the value.
    deviation : float
        Standard deviation of the logarithm, or of the value in its unit.
    printed : str
        The spread as its source prints it.
    """

    name: str
    value: float
    log_normal: bool
    deviation: float
    printed: str


def spread_of(name: str, sourced: SourcedValue) -> ValueSpread | None:
    """Turn the printed spread of a value into a distribution.

    Parameters
    ----------
    name : str
    sourced : SourcedValue

    Returns
    -------
    ValueSpread or None
        None where no spread is printed.

    Raises
    ------
    InputError
        The spread is of no known form, or the value does not lie within it.

    Examples
    --------
    >>> from limus.kernel.provenance import Kind
    >>> found = spread_of("CL", SourcedValue(20.0, "L/h", Kind.MEASURED, ("key",), spread="RSE 10%"))
    >>> found.log_normal, round(found.deviation, 4)
    (True, 0.0998)
    """
    text, value = sourced.spread, sourced.value
    if not text or value is None:
        return None
    interval, error = _INTERVAL.fullmatch(text.strip()), _ERROR.fullmatch(text.strip())
    if interval:
        ends = [float(interval[1]), float(interval[2])]
        if interval[3] and sourced.unit != "percent":
            # a change in per cent, printed as such, of a factor
            ends = [end / 100.0 + (1.0 if sourced.printed.startswith(("+", "-")) else 0.0) for end in ends]
        low, high = ends
    elif error and (error[1] == "R") == bool(error[3]):
        size = float(error[2]) / 100.0 * abs(value) if error[1] else float(error[2])
        low, high = value - _Z * size, value + _Z * size
    else:
        raise InputError(f"value {name}, spread", text, "SE s, RSE p% or 95% CI a-b", "write it so, or leave it out")
    if not low < value < high:
        allowed = f"an interval around {value:g}"
        raise InputError(f"value {name}, spread", text, allowed, "correct the value, its unit or the spread")
    if low <= 0:
        return ValueSpread(name, value, log_normal=False, deviation=(high - low) / (2 * _Z), printed=text)
    by_error = float(np.sqrt(np.log1p(((high - value) / _Z / value) ** 2)))
    deviation = float(np.log(high / low) / (2 * _Z)) if interval else by_error
    return ValueSpread(name, value, log_normal=True, deviation=deviation, printed=text)


def published_spreads(model: PopulationModel) -> tuple[ValueSpread, ...]:
    """Return the typical values of a model whose uncertainty its source prints.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    tuple of ValueSpread

    Raises
    ------
    InputError
        The model has none, or one that cannot be understood.
    """
    found = [spread_of(name, sourced) for name, sourced in model.values.items()]
    spreads = tuple(spread for spread in found if spread is not None)
    if not spreads:
        allowed, do = "a model with standard errors or intervals", "give sets of values as a CSV file"
        raise InputError(f"uncertainty of {model.name}", "no value with a spread", allowed, do)
    return spreads


def draw_values(spreads: Sequence[ValueSpread], count: int, generator: np.random.Generator) -> dict[str, Floats]:
    """Draw sets of values.

    Parameters
    ----------
    spreads : sequence of ValueSpread
    count : int
        Sets, N.
    generator : numpy.random.Generator

    Returns
    -------
    dict of str to (N,) array
        Set n has the same numbers whatever N is.
    """
    normal = generator.standard_normal((count, len(spreads)))
    return {
        spread.name: spread.value * np.exp(spread.deviation * normal[:, k])
        if spread.log_normal
        else spread.value + spread.deviation * normal[:, k]
        for k, spread in enumerate(spreads)
    }


def read_value_sets(model: PopulationModel, path: Path) -> Mapping[str, Floats]:
    """Read sets of values from a CSV file: a column for each value that varies, a row for each set.

    Parameters
    ----------
    model : PopulationModel
    path : Path
        Columns are names of the model's values, in the units of the model file.

    Returns
    -------
    mapping of str to (N,) array

    Raises
    ------
    FileReadError
        The file cannot be read, or a cell is no number.
    UnknownNameError
        A column that is no value of the model.
    InputError
        No rows.
    """
    columns = [Column(name, number=True, required=False, meaning=model.values[name].unit) for name in model.values]
    table = read_csv(path, columns, other_columns=True)
    for name in table.names:
        if name not in model.values:
            near = near_names(name, model.values)
            do = f"did you mean {near[0]}?" if near else "limus pk show lists them"
            raise UnknownNameError(f"{path}, column", name, ", ".join(model.values), do)
    if not len(table):
        raise InputError(str(path), "no rows", "a row for each set of values", "add rows")
    return dict(table.columns)
