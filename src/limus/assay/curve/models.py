"""The curve models by name: a family (formula with the meaning of its parameters) and what of it is fixed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve import formulae
from limus.kernel.errors import UnknownNameError, near_names

__all__ = ["MODELS", "SIGMOID_MODELS", "CurveModel", "Family", "find_model", "is_dose"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A formula and what its parameters are.

    Attributes
    ----------
    name, label, equation : str
        For people; the equation in the names of the parameters.
    formula : callable
        From :mod:`limus.assay.curve.formulae`.
    parameters : tuple of str
        In the formula's order. What starts with ``log_`` is the natural logarithm of a dose.
    linear : tuple of str
        Parameters in which the response is linear; a start solves for them.
    slopes : tuple of str
        Their signs say whether the curve falls or rises.
    mirrored : bool
        Whether swapping the plateaus and turning the slopes gives the same curve.
    monotone : bool
        Whether every response belongs to one dose at most.
    shapes : mapping of str to tuple of float
        Values that starts try; doses as places between the lowest (0) and the highest (1) dose tested.
    ordered : tuple of str
        Two doses of which the first is the lower one.
    half_dose : str
        The parameter that is the logarithm of the dose of half effect; empty where none is.
    """

    name: str
    label: str
    equation: str
    formula: formulae.Formula
    parameters: tuple[str, ...]
    linear: tuple[str, ...]
    slopes: tuple[str, ...]
    shapes: Mapping[str, tuple[float, ...]]
    mirrored: bool = False
    monotone: bool = True
    ordered: tuple[str, ...] = ()
    half_dose: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class CurveModel:
    """A family with some parameters fixed.

    Attributes
    ----------
    name : str
        Such as ``ll4``.
    family : Family
    fixed : mapping of str to float
        Parameters that are not fitted, with their values.
    needs : tuple of str
        Parameters that are not fitted and whose values the user must give.
    source : tuple of str
        Keys in the bibliography.
    """

    name: str
    family: Family
    fixed: Mapping[str, float] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    source: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameters, fitted or not, in the formula's order."""
        return self.family.parameters

    @property
    def fitted(self) -> tuple[str, ...]:
        """The parameters that are fitted where the user fixes no other."""
        return tuple(name for name in self.parameters if name not in self.fixed and name not in self.needs)


_PLACES = tuple(np.linspace(0.0, 1.0, 9))
_FEW_PLACES = tuple(np.linspace(0.05, 0.95, 6))
_SLOPES = (0.5, 1.0, 2.0, 4.0)
_BOTH = tuple(sign * slope for sign in (1.0, -1.0) for slope in _SLOPES)
_FOUR = ("slope", "lower", "upper", "log_location")
_PLATEAUS = ("lower", "upper")

LOGISTIC = Family(
    "logistic",
    "log-logistic",
    "lower + (upper - lower) / (1 + (dose / ec50)^slope)",
    formulae.logistic,
    ("slope", "lower", "upper", "log_ec50"),
    _PLATEAUS,
    ("slope",),
    {"slope": _SLOPES, "log_ec50": _PLACES},
    mirrored=True,
    half_dose="log_ec50",
)
LOGISTIC5 = Family(
    "logistic5",
    "asymmetric log-logistic",
    "lower + (upper - lower) / (1 + (dose / location)^slope)^asymmetry",
    formulae.logistic5,
    (*_FOUR, "asymmetry"),
    _PLATEAUS,
    ("slope",),
    {"slope": _BOTH, "log_location": _PLACES, "asymmetry": (0.4, 1.0, 2.5)},
)
WEIBULL1 = Family(
    "weibull1",
    "Weibull type 1",
    "lower + (upper - lower) exp(-(dose / location)^slope)",
    formulae.weibull1,
    _FOUR,
    _PLATEAUS,
    ("slope",),
    {"slope": _BOTH, "log_location": _PLACES},
)
WEIBULL2 = Family(
    "weibull2",
    "Weibull type 2",
    "lower + (upper - lower) (1 - exp(-(dose / location)^slope))",
    formulae.weibull2,
    _FOUR,
    _PLATEAUS,
    ("slope",),
    {"slope": _BOTH, "log_location": _PLACES},
)
BIPHASIC = Family(
    "biphasic",
    "biphasic (two sites)",
    "lower + (upper - lower) (fraction / (1 + (dose / ec50_1)^slope_1)"
    " + (1 - fraction) / (1 + (dose / ec50_2)^slope_2))",
    formulae.biphasic,
    ("slope_1", "slope_2", "lower", "upper", "fraction", "log_ec50_1", "log_ec50_2"),
    _PLATEAUS,
    ("slope_1", "slope_2"),
    {"slope_1": (1.0, 2.0), "fraction": (0.3, 0.5, 0.7), "log_ec50_1": _FEW_PLACES, "log_ec50_2": _FEW_PLACES},
    mirrored=True,
    ordered=("log_ec50_1", "log_ec50_2"),
)
BRAIN_COUSENS = Family(
    "brain_cousens",
    "hormesis, Brain-Cousens",
    "lower + (upper - lower + stimulus dose) / (1 + (dose / location)^slope)",
    formulae.brain_cousens,
    (*_FOUR, "stimulus"),
    (*_PLATEAUS, "stimulus"),
    ("slope",),
    {"slope": (1.2, 1.6, 2.5, 4.0), "log_location": _PLACES},
    monotone=False,
)
CEDERGREEN = Family(
    "cedergreen",
    "hormesis, Cedergreen-Ritz-Streibig",
    "lower + (upper - lower + stimulus exp(-1 / dose^exponent)) / (1 + (dose / location)^slope)",
    formulae.cedergreen,
    (*_FOUR, "stimulus", "exponent"),
    (*_PLATEAUS, "stimulus"),
    ("slope",),
    {"slope": (0.7, 1.2, 2.0, 4.0), "log_location": _PLACES, "exponent": (1.0,)},
    monotone=False,
)
BELL = Family(
    "bell",
    "bell (hook)",
    "lower + (upper - lower) / ((1 + (ec50_rise / dose)^slope_rise) (1 + (dose / ec50_fall)^slope_fall))",
    formulae.bell,
    ("slope_rise", "slope_fall", "lower", "upper", "log_ec50_rise", "log_ec50_fall"),
    _PLATEAUS,
    (),
    {"slope_rise": (1.0, 2.0), "log_ec50_rise": _FEW_PLACES, "log_ec50_fall": _FEW_PLACES},
    monotone=False,
    ordered=("log_ec50_rise", "log_ec50_fall"),
)
LINE = Family(
    "line",
    "straight line",
    "intercept + gradient dose",
    formulae.line,
    ("intercept", "gradient"),
    ("intercept", "gradient"),
    (),
    {},
)

_LOGISTIC = ("finney_1979",)
_WEIBULL = ("ritz_2010",)
_ALL = (
    CurveModel("ll2", LOGISTIC, {"lower": 0.0}, ("upper",), _LOGISTIC),
    CurveModel("ll3", LOGISTIC, {"lower": 0.0}, (), _LOGISTIC),
    CurveModel("ll4", LOGISTIC, {}, (), _LOGISTIC),
    CurveModel("ll5", LOGISTIC5, {}, (), ("gottschalk_2005",)),
    CurveModel("w12", WEIBULL1, {"lower": 0.0}, ("upper",), _WEIBULL),
    CurveModel("w13", WEIBULL1, {"lower": 0.0}, (), _WEIBULL),
    CurveModel("w14", WEIBULL1, {}, (), _WEIBULL),
    CurveModel("w22", WEIBULL2, {"lower": 0.0}, ("upper",), _WEIBULL),
    CurveModel("w23", WEIBULL2, {"lower": 0.0}, (), _WEIBULL),
    CurveModel("w24", WEIBULL2, {}, (), _WEIBULL),
    CurveModel("biphasic", BIPHASIC),
    CurveModel("two_site", BIPHASIC, {"slope_1": 1.0, "slope_2": 1.0}),
    CurveModel("bc4", BRAIN_COUSENS, {"lower": 0.0}, (), ("brain_1989",)),
    CurveModel("bc5", BRAIN_COUSENS, {}, (), ("brain_1989",)),
    *(
        CurveModel(f"crs{count}{letter}", CEDERGREEN, lower | {"exponent": exponent}, (), ("cedergreen_2005",))
        for count, lower in ((4, {"lower": 0.0}), (5, {}))
        for letter, exponent in (("a", 1.0), ("b", 0.5), ("c", 0.25))
    ),
    CurveModel("bell", BELL),
    CurveModel("line", LINE),
)
MODELS: Mapping[str, CurveModel] = MappingProxyType({model.name: model for model in _ALL})
SIGMOID_MODELS = ("ll3", "ll4", "ll5", "w13", "w14", "w23", "w24")
_OTHER_NAMES = {"3pl": "ll3", "4pl": "ll4", "5pl": "ll5", "hill": "ll4", "twosite": "two_site", "linear": "line"}


def find_model(name: str) -> CurveModel:
    """Find a model; dots, hyphens, underscores and case do not matter (``LL.4``, ``W1.4``, ``4PL``).

    Parameters
    ----------
    name : str

    Returns
    -------
    CurveModel

    Raises
    ------
    UnknownNameError
        No such model.

    Examples
    --------
    >>> find_model("LL.4").parameters
    ('slope', 'lower', 'upper', 'log_ec50')
    """
    plain = re.sub(r"[._\-\s]", "", name).casefold()
    plain = _OTHER_NAMES.get(plain, plain)
    if plain not in MODELS:
        near = near_names(plain, MODELS)
        do = f"did you mean {' or '.join(near)}?" if near else "use one of these names"
        raise UnknownNameError("curve model", name, ", ".join(MODELS), do)
    return MODELS[plain]


def is_dose(parameter: str) -> bool:
    """Tell whether a parameter is the logarithm of a dose."""
    return parameter.startswith("log_")
