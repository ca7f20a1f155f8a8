"""Published population models as values: files, checks, variability, validity limits."""

from limus.pharmacokinetics.population_model.checks import check_population_model
from limus.pharmacokinetics.population_model.library import load_population_model, population_model_names
from limus.pharmacokinetics.population_model.random_effects import draw_random_effects
from limus.pharmacokinetics.population_model.record import PopulationModel, with_residual
from limus.pharmacokinetics.population_model.residual_error import residual_variance

__all__ = [
    "PopulationModel",
    "check_population_model",
    "draw_random_effects",
    "load_population_model",
    "population_model_names",
    "residual_variance",
    "with_residual",
]
