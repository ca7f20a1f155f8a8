"""Figures: functions from a tidy table to a drawing with its alternative text and its data."""

from limus.report.figures.base import Drawing, save
from limus.report.figures.dose_response import draw_dose_response
from limus.report.figures.drug_styles import DrugStyle, drug_style
from limus.report.figures.potency_comparison import draw_potency_comparison
from limus.report.figures.time_course import draw_time_course

__all__ = [
    "Drawing",
    "DrugStyle",
    "draw_dose_response",
    "draw_potency_comparison",
    "draw_time_course",
    "drug_style",
    "save",
]
