"""Drugs that come late, and drugs that are washed away."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from t_cell_published_rows.asking import after_sink, after_wash, course, inhibition, kept
from t_cell_published_rows.behaviour import Question

__all__ = ["QUESTIONS"]

PHOSPHATASE = "lysate_phosphatase"


def inhibition_kept(drug: str, level_nM: float, hours: float, outside: Callable[..., tuple[float, float]]) -> float:
    """Share of the inhibition of calcineurin, %, hours after the drug outside is taken away."""
    before, after = outside(drug, level_nM, PHOSPHATASE, hours)
    return 100.0 * (1.0 - after) / (1.0 - before)


def complex_kept() -> float:
    before, after = after_wash("sirolimus", 10.0, "sirolimus.complex", 4.0)
    return 100.0 * after / before


def content_over_plasma() -> float:
    """A day in undiluted plasma, so few cells that they do not deplete it."""
    plasma_nM = 160.0
    plasma = {"serum_percent": 100.0, "serum_binding": 1.0, "cells_per_ml": 1e4}
    found = course("ciclosporin.total_in_cells", "none", [24.0], {"ciclosporin": plasma_nM}, **plasma)
    return float(found[0]) / plasma_nM


QUESTIONS: Mapping[str, Question] = {
    "E1": lambda: kept("ciclosporin", 500.0, "proliferation", "mlr", 72.0),
    "E2": lambda: kept("sirolimus", 10.0, "proliferation", "mlr", 72.0),
    "E3": lambda: kept("sirolimus", 10.0, "proliferation", "pha", 48.0),
    "E4": lambda: kept("tacrolimus", 10.0, "proliferation", "anti_cd3_cd28", 24.0),
    "E5": lambda: kept("tacrolimus", 10.0, "proliferation", "anti_cd3_cd28", 4.0),
    "E6": lambda: kept("ciclosporin", 500.0, "proliferation", "anti_cd3", 24.0),
    "E7": lambda: inhibition("ciclosporin", 1000.0, "il2", "pha", add_at_hours=8.0),
    "E8": lambda: 100.0 - inhibition_kept("ciclosporin", 83.0, 24.0, after_wash),
    "E9": lambda: 100.0 - inhibition_kept("ciclosporin", 83.0, 4.0, after_sink),
    "E10": complex_kept,
    "E11": content_over_plasma,
    "E12": lambda: inhibition_kept("tacrolimus", 2.0, 4.0, after_wash),
    "E13": lambda: inhibition_kept("ciclosporin", 83.0, 24.0, after_wash),
}
