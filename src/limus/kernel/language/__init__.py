"""Antimony and SBML in, an immutable model out; expressions with derivatives; checks on models."""

from limus.kernel.language.algebra import without_algebraic_rules
from limus.kernel.language.array_values import evaluate_arrays
from limus.kernel.language.derivative import derivative
from limus.kernel.language.expression import (
    Apply,
    Expression,
    Number,
    Symbol,
    apply,
    free_symbols,
    substitute,
    transform,
    walk,
)
from limus.kernel.language.model import (
    Assignment,
    Compartment,
    Event,
    Model,
    ModelUnits,
    Parameter,
    Reaction,
    Rule,
    Species,
    SpeciesReference,
)
from limus.kernel.language.model_checks import MODEL_CHECKS, conservation_check
from limus.kernel.language.read import read_model, read_model_text
from limus.kernel.language.reduction import without_inert_species

__all__ = [
    "MODEL_CHECKS",
    "Apply",
    "Assignment",
    "Compartment",
    "Event",
    "Expression",
    "Model",
    "ModelUnits",
    "Number",
    "Parameter",
    "Reaction",
    "Rule",
    "Species",
    "SpeciesReference",
    "Symbol",
    "apply",
    "conservation_check",
    "derivative",
    "evaluate_arrays",
    "free_symbols",
    "read_model",
    "read_model_text",
    "substitute",
    "transform",
    "walk",
    "without_algebraic_rules",
    "without_inert_species",
]
