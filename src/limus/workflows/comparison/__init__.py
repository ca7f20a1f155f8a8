"""The sections of the comparative guide: every number comes from a result, a compound's file or an observation."""

from __future__ import annotations

from limus.report.content import Section
from limus.workflows.comparison.bench import bench_section
from limus.workflows.comparison.calibration import calibration
from limus.workflows.comparison.constants import constants
from limus.workflows.comparison.data import Comparison, gather
from limus.workflows.comparison.glance import at_a_glance
from limus.workflows.comparison.mechanism import mechanism
from limus.workflows.comparison.potency import potency
from limus.workflows.comparison.provenance import limits, provenance

__all__ = ["Comparison", "build_sections", "gather"]

_SECTIONS = (at_a_glance, mechanism, constants, potency, calibration, limits, provenance)


def build_sections(comparison: Comparison) -> tuple[Section, ...]:
    """Build the guide's sections in reading order.

    Parameters
    ----------
    comparison : Comparison
        From :func:`gather`.

    Returns
    -------
    tuple of Section
    """
    sections = [section(comparison) for section in _SECTIONS]
    if comparison.bench:
        sections.insert(1, bench_section(comparison))
    return tuple(sections)
