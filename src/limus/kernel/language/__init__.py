"""Antimony and SBML in, an immutable model out; expressions with derivatives; checks on models."""

from limus.kernel.language.algebra import solve_linear, with_algebraic_rules_solved
from limus.kernel.language.array_values import evaluate_arrays
from limus.kernel.language.derivative import derivative, derivatives_at
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
    "derivatives_at",
    "evaluate_arrays",
    "free_symbols",
    "read_model",
    "read_model_text",
    "solve_linear",
    "substitute",
    "transform",
    "walk",
    "with_algebraic_rules_solved",
    "without_inert_species",
]
