"""Everything random about one drug's exposure, drawn beforehand: each replicate from its own generator.

All numbers of a replicate are drawn in one order and in full, whatever the plan makes of them; so they do not depend
on chunks or workers, and two rules are compared on the same patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.population_model.random_effects import draw_random_effects
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.trial.design.treatment import DrugPlan
from limus.trial.exposure.draws import ReplicateDraws

__all__ = ["DOSE_CHANCES", "ExposureChances", "draw_chances", "missed_share"]

Floats = NDArray[np.float64]
DOSE_CHANCES = 1 << 16  # values of the uniform numbers that decide about each dose


@dataclass(frozen=True, eq=False)
class ExposureChances:
    """Random numbers of N subjects, V visits and D doses.

    Attributes
    ----------
    between_subject : mapping of str to (N,) array
        Random effects of the population model.
    between_occasion : mapping of str to (N, V) array
        An occasion is the time between two visits.
    aim : (N,) array
        Standard normal: the clinician's own aim.
    adherence : (N,) array
        Standard normal: how many doses the subject misses.
    residual, assay, sampling_time : (N, V) array
        Standard normal.
    missed_level, no_change : (N, V) array
        Uniform in 0 to 1.
    dose : (D, N) array of uint16 or None
        Uniform over its range, for each dose; None where every dose is taken.
    """

    between_subject: dict[str, Floats]
    between_occasion: dict[str, Floats]
    aim: Floats
    adherence: Floats
    residual: Floats
    assay: Floats
    sampling_time: Floats
    missed_level: Floats
    no_change: Floats
    dose: NDArray[np.uint16] | None


def draw_chances(
    model: PopulationModel,
    plan: DrugPlan,
    subjects: int,
    visits: int,
    doses: int,
    generator: np.random.Generator | ReplicateDraws,
) -> ExposureChances:
    """Draw what is random about a drug's exposure.

    Parameters
    ----------
    model : PopulationModel
    plan : DrugPlan
    subjects : int
        Of all replicates together.
    visits, doses : int
    generator : numpy.random.Generator or ReplicateDraws
        One generator a replicate; subjects stand replicate after replicate.

    Returns
    -------
    ExposureChances

    Raises
    ------
    ValueRangeError
        The subjects do not divide into the replicates.
    """
    generators = generator.generators if isinstance(generator, ReplicateDraws) else (generator,)
    sizes = generator.blocks(subjects) if isinstance(generator, ReplicateDraws) else (subjects,)
    parts = [_draw(model, plan, size, visits, doses, one) for one, size in zip(generators, sizes, strict=True)]
    if len(parts) == 1:
        return parts[0]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("aim", "adherence", "residual", "assay", "sampling_time", "missed_level", "no_change")
    }
    kept = [part.dose for part in parts if part.dose is not None]
    return ExposureChances(
        between_subject=_join([part.between_subject for part in parts]),
        between_occasion=_join([part.between_occasion for part in parts]),
        dose=np.concatenate(kept, axis=1) if kept else None,
        **joined,
    )


def _join(parts: Sequence[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _draw(
    model: PopulationModel, plan: DrugPlan, n: int, visits: int, doses: int, generator: np.random.Generator
) -> ExposureChances:
    effects = draw_random_effects(model, n, visits, generator)
    normal = generator.standard_normal((n, 2 + 3 * visits))
    uniform = generator.random((n, 2 * visits))
    missing = plan.sampling.missed_dose_fraction > 0
    return ExposureChances(
        between_subject={name: effects[name] for name in model.between_subject.names},
        between_occasion={name: effects[name] for name in model.between_occasion.names},
        aim=normal[:, 0],
        adherence=normal[:, 1],
        residual=normal[:, 2 : 2 + visits],
        assay=normal[:, 2 + visits : 2 + 2 * visits],
        sampling_time=normal[:, 2 + 2 * visits :],
        missed_level=uniform[:, :visits],
        no_change=uniform[:, visits:],
        dose=generator.integers(0, DOSE_CHANCES, size=(doses, n), dtype=np.uint16) if missing else None,
    )


def missed_share(plan: DrugPlan, score: Floats) -> Floats:
    r"""Return the share of doses that each subject misses.

    A logit-normal share :math:`1/(1 + e^{-(\mu + \sigma z)})` whose mean over subjects is the plan's.

    Parameters
    ----------
    plan : DrugPlan
    score : (N,) array
        z, standard normal.

    Returns
    -------
    (N,) array
        In 0 to 1.
    """
    from scipy.optimize import brentq  # noqa: PLC0415
    from scipy.special import expit, logit  # noqa: PLC0415

    mean, spread = plan.sampling.missed_dose_fraction, plan.sampling.missed_dose_sd_logit
    if mean <= 0.0 or mean >= 1.0:
        return np.full_like(score, mean)
    if spread == 0.0:
        return np.full_like(score, mean)
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    middle = float(logit(mean))
    reach = 10.0 + 2.0 * spread**2
    centre = brentq(lambda mu: float(weights @ expit(mu + spread * points)) - mean, middle - reach, middle + reach)
    return np.asarray(expit(centre + spread * score))
