"""What a fit of generations is given and gives back: settings, a control, statuses, arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.generation.histogram import DyeHistogram
from limus.assay.cytometry.generation.peak_shapes import Floor
from limus.assay.cytometry.generation.problem import GenerationProblem

__all__ = ["DeconvolutionRules", "GenerationFit", "GenerationStatus", "RivalFit", "UndividedControl"]

Floats = NDArray[np.float64]


class GenerationStatus(StrEnum):
    """How a fit ended; of several the one that says most against the numbers.

    ``too_few_events``: no fit. ``not_converged``: no numbers are to be used. ``poor_fit``: the counts scatter about the
    fit by more than the rule allows. ``control_differs``: the undivided peak lies away from that of the control.
    ``at_floor``: cells lie in the last generation that can be told from cells without dye, so it holds all later ones
    too. ``no_control``: the brightest peak was taken as undivided, nothing shows that it is. ``ok``: none of these.
    """

    OK = "ok"
    NO_CONTROL = "no_control"
    AT_FLOOR = "at_floor"
    CONTROL_DIFFERS = "control_differs"
    POOR_FIT = "poor_fit"
    NOT_CONVERGED = "not_converged"
    TOO_FEW_EVENTS = "too_few_events"

    @property
    def usable(self) -> bool:
        """Whether there are numbers."""
        return self not in {GenerationStatus.NOT_CONVERGED, GenerationStatus.TOO_FEW_EVENTS}


@dataclass(frozen=True, slots=True)
class DeconvolutionRules:
    """By what a fit goes; the library's ``cytometry_rules.toml`` has the usual values with their reasons.

    Attributes
    ----------
    least_events : float
        Cells needed.
    most_generations : float
        Highest generation tried.
    separation : float
        A generation is tried while its mean lies this many standard deviations below that of the one before.
    staining_tolerance : float
        Standard deviation of ln d between wells where a single control well cannot show it; also that of ln s.
    poor_dispersion : float
        Pearson chi-square over degrees of freedom above which a fit counts as poor.
    control_distance : float
        Standard errors between control and fit that are still agreement.
    """

    least_events: float
    most_generations: float
    separation: float
    staining_tolerance: float
    poor_dispersion: float
    control_distance: float


@dataclass(frozen=True, slots=True)
class UndividedControl:
    """What undivided cells look like.

    Attributes
    ----------
    log_dye, log_width : float
        ln d and ln s.
    log_dye_error, log_width_error : float
        Standard deviation with which another well may differ from them.
    wells : int
    growth, growth_error : float
        Variance of the logarithm that a division adds, from stimulated control wells, and its uncertainty for another
        well; NaN where nothing is known.
    """

    log_dye: float
    log_width: float
    log_dye_error: float
    log_width_error: float
    wells: int
    growth: float = math.nan
    growth_error: float = math.nan


@dataclass(frozen=True, eq=False)
class RivalFit:
    """A model that the data allow.

    Attributes
    ----------
    problem : GenerationProblem
        One lane.
    parameters : (P,) numpy.ndarray
    weight : float
        Its share among the rivals.
    """

    problem: GenerationProblem
    parameters: Floats
    weight: float


@dataclass(frozen=True, eq=False)
class GenerationFit:
    """Generations fitted to one histogram.

    Attributes
    ----------
    histogram : DyeHistogram
    floor : Floor
    problem : GenerationProblem or None
        One lane; None where there is no fit.
    parameters : (P,) numpy.ndarray
        ln d, ln s, w**2 if the peaks grow, then the share of each generation's cells; empty where there is no fit.
    status : GenerationStatus
    deviance : float
        Poisson deviance of the counts.
    dispersion : float
        Pearson chi-square over degrees of freedom, bins joined until 5 cells are expected.
    tried : tuple of (int, bool, float, float)
        Each model tried: highest generation, growing, deviance, AIC.
    control : UndividedControl or None
    rivals : tuple of RivalFit
        The models between which the data decide little, the chosen one among them: intervals come from all of them.
    """

    histogram: DyeHistogram
    floor: Floor
    problem: GenerationProblem | None
    parameters: Floats
    status: GenerationStatus
    deviance: float
    dispersion: float
    tried: tuple[tuple[int, bool, float, float], ...]
    control: UndividedControl | None
    rivals: tuple[RivalFit, ...] = ()

    @property
    def generations(self) -> int:
        """Highest generation, -1 where there is no fit."""
        return -1 if self.problem is None else self.problem.generations

    @property
    def counts(self) -> Floats:
        """Cells of each generation, (G + 1,)."""
        if self.problem is None:
            return np.empty(0)
        return np.asarray(self.parameters[self.problem.shape_parameters :] * self.histogram.total)

    @property
    def dye(self) -> float:
        """Median dye of undivided cells above the floor, on the scale of the channel."""
        return float(np.exp(self.parameters[0])) if len(self.parameters) else float("nan")

    @property
    def width(self) -> float:
        """Standard deviation of the logarithm of the dye of undivided cells."""
        return float(np.exp(self.parameters[1])) if len(self.parameters) else float("nan")

    @property
    def growth(self) -> float:
        """Variance of the logarithm that a division adds, 0 where peaks do not grow."""
        grows = self.problem is not None and self.problem.growing
        return float(self.parameters[2]) if grows else 0.0

    def expected(self) -> Floats:
        """Expected cells of each generation in each bin, (G + 1, J + 1)."""
        if self.problem is None:
            return np.empty((0, len(self.histogram.counts)))
        return np.asarray(self.counts[:, np.newaxis] * self.problem.shares(self.parameters[np.newaxis])[0])
