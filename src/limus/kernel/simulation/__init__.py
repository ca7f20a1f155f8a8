"""Compile once, run many parameter sets: outputs at given times, doses on any model."""

from limus.kernel.simulation.compiled import CompiledModel, compile_model
from limus.kernel.simulation.dosing import EVERY, Dose, DoseTable, InputChanges, Resets, Treatment
from limus.kernel.simulation.endpoints import SetEndpoints
from limus.kernel.simulation.least_squares import LeastSquares, least_squares_gradient
from limus.kernel.simulation.reduction import (
    EnsembleQuantiles,
    EnsembleReduction,
    simulate_and_reduce,
    simulate_endpoints,
    simulate_quantiles,
)
from limus.kernel.simulation.simulate import SimulationResult, simulate
from limus.kernel.simulation.steady_state import SteadyStates, find_steady_state
from limus.kernel.simulation.streaming import simulate_in_pieces, simulate_to_parquet
from limus.kernel.simulation.system import System, build_system

__all__ = [
    "EVERY",
    "CompiledModel",
    "Dose",
    "DoseTable",
    "EnsembleQuantiles",
    "EnsembleReduction",
    "InputChanges",
    "LeastSquares",
    "Resets",
    "SetEndpoints",
    "SimulationResult",
    "SteadyStates",
    "System",
    "Treatment",
    "build_system",
    "compile_model",
    "find_steady_state",
    "least_squares_gradient",
    "simulate",
    "simulate_and_reduce",
    "simulate_endpoints",
    "simulate_in_pieces",
    "simulate_quantiles",
    "simulate_to_parquet",
]
