"""Allocation of a design's subjects: which arm each of R replicates' N subjects is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.allocation import (
    ConcealedList,
    allocate_blocks,
    allocate_by_minimisation,
    allocate_simply,
    conceal_list,
    permuted_block_lists,
)
from limus.trial.design.checks import allocation_ratio
from limus.trial.design.design import AllocationMethod, Design
from limus.trial.simulation.cohort import Cohort, stratum_classes

__all__ = ["allocate_subjects", "make_concealed_list"]

Integers = NDArray[np.int64]


def allocate_subjects(design: Design, cohort: Cohort, generators: Sequence[np.random.Generator]) -> Integers:
    """Allocate the subjects of R replicates by the design's method.

    Parameters
    ----------
    design : Design
    cohort : Cohort
        R N subjects in order of arrival.
    generators : sequence of numpy.random.Generator
        One a replicate.

    Returns
    -------
    (R N,) array of int
        Number of the arm.
    """
    ratio, replicates = allocation_ratio(design), len(generators)
    subjects = cohort.n // replicates
    plan = design.allocation
    if plan.method is AllocationMethod.SIMPLE:
        uniform = np.stack([generator.random(subjects) for generator in generators])
        return allocate_simply(ratio, uniform).reshape(-1)
    classes = stratum_classes(design, cohort.columns)
    if plan.method is AllocationMethod.MINIMISATION:
        levels = np.stack([values.reshape(replicates, subjects) for values, _ in classes], axis=-1)
        uniform = np.stack([generator.random((subjects, 2)) for generator in generators])
        return allocate_by_minimisation(ratio, levels, uniform, best_probability=plan.best_probability).reshape(-1)
    strata = int(np.prod([count for _, count in classes], dtype=np.int64))
    length = subjects + max(plan.block_sizes)
    blocks = -(-length // min(plan.block_sizes))
    drawn = [(g.random((strata, blocks)), g.random((strata, length))) for g in generators]
    sizes, order = (np.stack([pair[k] for pair in drawn]) for k in (0, 1))
    groups = cohort.strata.reshape(replicates, subjects)
    return allocate_blocks(ratio, plan.block_sizes, groups, sizes, order).reshape(-1)


def make_concealed_list(design: Design, generator: np.random.Generator) -> ConcealedList:
    """Make the allocation list that a trial's statistician seals before the first subject, with its hash.

    Parameters
    ----------
    design : Design
        With permuted blocks: minimisation has no list.
    generator : numpy.random.Generator

    Returns
    -------
    ConcealedList
        As many numbers in every stratum as the design has subjects.

    Raises
    ------
    ValueRangeError
        Block sizes that do not fit the ratio.
    """
    ratio, plan = allocation_ratio(design), design.allocation
    names = [""]
    cuts = dict(plan.cuts)
    for column in plan.strata:
        count = len(cuts.get(column, (0.5,))) + 1
        names = [f"{name} {column}={level}".strip() for name in names for level in range(count)]
    length = design.subjects + max(plan.block_sizes)
    blocks = -(-length // min(plan.block_sizes))
    sizes, order = generator.random((len(names), blocks)), generator.random((len(names), length))
    lists = permuted_block_lists(ratio, plan.block_sizes, sizes, order)
    rows = [
        (name or "all", number + 1, design.arms[arm].name)
        for name, row in zip(names, lists.tolist(), strict=True)
        for number, arm in enumerate(row[: design.subjects])
    ]
    return conceal_list(rows, generator.bytes(16).hex())
