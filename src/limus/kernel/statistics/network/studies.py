r"""The studies of a network: contrasts of each study with their covariance, and which treatments hang together.

A study with arms 0..m is held as m contrasts against its first arm, y, and their covariance S. Where the arms are known
each has a value x_a and a variance v_a: y_a = x_a - x_0, S_ab = v_0 + (a = b) v_a. Where all m(m + 1)/2 contrasts are
known with variances V, S_ab = (V_0a + V_0b - V_ab)/2, which is what the adjusted weights of graph theory amount to; y
is then the least-squares projection of the contrasts on the arms, so rounding in a paper does no harm.

With random effects S + t R, R = (I + J)/2: effects of every pair vary by the same t, whatever the first arm is.

Source: Rücker 2012, Res Synth Methods 3:312; Rücker and Schwarzer 2014, Stat Med 33:4353; Higgins and others 2012, Res
Synth Methods 3:98.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["Block", "Network", "NetworkStudy", "edge_laplacian", "find_components"]

Floats = NDArray[np.float64]

_ROUNDING = 0.25  # of the smallest standard error: contrasts of one study further apart than this disagree


@dataclass(frozen=True, slots=True, eq=False)
class NetworkStudy:
    """One study.

    Attributes
    ----------
    name : str
    treatments : tuple of str
        Its m + 1 arms; the first is the one that the contrasts are against.
    effect : (m,)
        Of each further arm against the first; ratios as natural logarithms.
    covariance : (m, m)
    """

    name: str
    treatments: tuple[str, ...]
    effect: Floats
    covariance: Floats

    @classmethod
    def from_arms(cls, name: str, treatments: Sequence[str], value: ArrayLike, variance: ArrayLike) -> NetworkStudy:
        """Make a study of independent arms.

        Parameters
        ----------
        name : str
        treatments : sequence of str
        value, variance : (m + 1,) array_like
            Such as the log odds of each arm.

        Returns
        -------
        NetworkStudy

        Raises
        ------
        ValueRangeError
            Fewer than two arms, the same treatment twice, or a variance that is not positive.
        """
        x, v = np.asarray(value, dtype=float), np.asarray(variance, dtype=float)
        return cls.create(name, treatments, x[1:] - x[0], np.diag(v[1:]) + v[0])

    @classmethod
    def from_contrasts(cls, name: str, contrasts: Mapping[tuple[str, str], tuple[float, float]]) -> NetworkStudy:
        """Make a study of all the contrasts between its arms.

        Parameters
        ----------
        name : str
        contrasts : mapping of (treatment, comparator) to (effect, variance)
            Every pair of its arms once.

        Returns
        -------
        NetworkStudy

        Raises
        ------
        ValueRangeError
            A pair is missing or there twice, contrasts contradict one another by more than rounding, or their
            variances cannot belong together.
        """
        arms = tuple(dict.fromkeys(arm for pair in contrasts for arm in pair))
        given: dict[frozenset[str], tuple[float, float]] = {}
        for (first, second), (value, variance) in contrasts.items():
            key = frozenset((first, second))
            if key in given or first == second:
                got = f"{first} against {second} twice"
                raise ValueRangeError(name, got, "every pair of arms once", "remove one of them")
            given[key] = (value if arms.index(second) < arms.index(first) else -value, variance)
        pairs = list(combinations(range(len(arms)), 2))
        missing = [f"{arms[b]} against {arms[a]}" for a, b in pairs if frozenset((arms[a], arms[b])) not in given]
        if missing:
            allowed = f"all {len(pairs)} contrasts of {len(arms)} arms"
            do = "give the arms, or the missing contrasts; their covariance is not known otherwise"
            raise ValueRangeError(name, f"no {', '.join(missing)}", allowed, do)
        y, v = (np.array([given[frozenset((arms[a], arms[b]))][at] for a, b in pairs]) for at in (0, 1))
        covariance = _covariance_of(pairs, v, len(arms))
        _require_covariance(name, covariance)
        effect = _project(name, pairs, y, v, covariance)
        return cls.create(name, arms, effect, covariance)

    @classmethod
    def create(cls, name: str, treatments: Sequence[str], effect: ArrayLike, covariance: ArrayLike) -> NetworkStudy:
        """Check and make a study.

        Parameters
        ----------
        name : str
        treatments : sequence of str
        effect : (m,) array_like
        covariance : (m, m) array_like

        Returns
        -------
        NetworkStudy

        Raises
        ------
        ValueRangeError
            Fewer than two arms, the same treatment twice, numbers that are not finite, or a covariance that is none.
        """
        arms = tuple(treatments)
        y, s = np.atleast_1d(np.asarray(effect, dtype=float)), np.atleast_2d(np.asarray(covariance, dtype=float))
        if len(arms) < 2 or len(set(arms)) < len(arms):
            do = "leave the study out" if len(arms) < 2 else "combine the arms"
            raise ValueRangeError(name, f"arms {', '.join(arms)}", "two or more different treatments", do)
        if not (np.isfinite(y).all() and np.isfinite(s).all()):
            raise ValueRangeError(name, "an effect or a variance that is no number", "finite numbers", "leave it out")
        _require_covariance(name, s)
        return cls(name, arms, y, s)


def _covariance_of(pairs: list[tuple[int, int]], variances: Floats, arms: int) -> Floats:
    """Covariance of the contrasts against the first arm, from the variances of all of them."""
    matrix = np.zeros((arms, arms))
    for (a, b), variance in zip(pairs, variances, strict=True):
        matrix[a, b] = matrix[b, a] = variance
    return np.asarray((matrix[0, 1:, None] + matrix[0, None, 1:] - matrix[1:, 1:]) / 2)


def _require_covariance(name: str, covariance: Floats) -> None:
    smallest = float(np.linalg.eigvalsh(covariance)[0])
    if not smallest > 1e-10 * float(np.abs(covariance).max()):
        got = f"variances whose covariance has the eigenvalue {smallest:.3g}"
        do = "check the standard errors; give the arms if they are known"
        raise ValueRangeError(name, got, "positive variances that can belong to one study", do)


def _project(name: str, pairs: list[tuple[int, int]], y: Floats, v: Floats, covariance: Floats) -> Floats:
    """The arms' effects that are nearest to all the contrasts, weighted as the network weights them."""
    design = np.zeros((len(pairs), len(covariance)))
    for row, (a, b) in enumerate(pairs):
        design[row, b - 1] += 1
        if a:
            design[row, a - 1] -= 1
    laplacian = edge_laplacian(covariance)
    weights = np.array([-laplacian[a, b] for a, b in pairs])
    weighted = design.T * weights
    effect = np.asarray(np.linalg.solve(weighted @ design, weighted @ y))
    off = np.abs(y - design @ effect)
    if float(off.max()) > _ROUNDING * float(np.sqrt(v.min())):
        got = f"contrasts that contradict one another by {float(off.max()):.3g}"
        do = "check signs and order of the treatments"
        raise ValueRangeError(name, got, "effects that add up around the arms, but for rounding", do)
    return effect


def edge_laplacian(covariance: Floats) -> Floats:
    """Return the Laplacian of a study's arms; minus its off-diagonals are the adjusted weights of its contrasts.

    Parameters
    ----------
    covariance : (m, m) array
        Of the contrasts against the first arm.

    Returns
    -------
    (m + 1, m + 1) array
    """
    contrast = np.hstack([-np.ones((len(covariance), 1)), np.eye(len(covariance))])
    return np.asarray(contrast.T @ np.linalg.solve(covariance, contrast))


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Studies with the same number of arms, K of them with m contrasts each, over T treatments.

    Attributes
    ----------
    effect : (K, m)
    covariance : (K, m, m)
    arms : (K, m + 1) of int
    """

    effect: Floats
    covariance: Floats
    arms: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A connected network.

    Attributes
    ----------
    treatments : tuple of str
        T of them; the first is the reference.
    studies : tuple of NetworkStudy
    """

    treatments: tuple[str, ...]
    studies: tuple[NetworkStudy, ...]

    @classmethod
    def create(cls, studies: Iterable[NetworkStudy], reference: str | None = None) -> Network:
        """Check that the studies hang together.

        Parameters
        ----------
        studies : iterable of NetworkStudy
        reference : str, optional
            The first treatment of the first study by default.

        Returns
        -------
        Network

        Raises
        ------
        ValueRangeError
            No studies, an unknown reference, or a network of several components; the message names them.
        """
        kept = tuple(studies)
        if not kept:
            raise ValueRangeError("network", "no studies", "one study or more", "check the table")
        parts = find_components(kept)
        if len(parts) > 1:
            got = "; ".join(" - ".join(names) for names, _ in parts)
            raise ValueRangeError("network", f"{len(parts)} components: {got}", "one", "analyse each apart")
        names = parts[0][0]
        first = names[0] if reference is None else reference
        if first not in names:
            raise ValueRangeError("network, reference", first, ", ".join(names), "choose one of these")
        return cls((first, *(name for name in names if name != first)), kept)

    @property
    def degrees_of_freedom(self) -> int:
        """Contrasts less the parameters of consistency."""
        return sum(len(study.effect) for study in self.studies) - len(self.treatments) + 1

    def blocks(self) -> tuple[Block, ...]:
        """Return the studies by their number of arms.

        Returns
        -------
        tuple of Block
        """
        index = {name: at for at, name in enumerate(self.treatments)}
        by_size: dict[int, list[NetworkStudy]] = {}
        for study in self.studies:
            by_size.setdefault(len(study.effect), []).append(study)
        return tuple(
            Block(
                np.array([study.effect for study in group]),
                np.array([study.covariance for study in group]),
                np.array([[index[name] for name in study.treatments] for study in group]),
            )
            for group in by_size.values()
        )


def find_components(studies: Sequence[NetworkStudy]) -> list[tuple[tuple[str, ...], tuple[NetworkStudy, ...]]]:
    """Return the parts of a network that no study connects: treatments and studies of each, the largest first.

    Parameters
    ----------
    studies : sequence of NetworkStudy

    Returns
    -------
    list of (treatments, studies)
    """
    names = list(dict.fromkeys(name for study in studies for name in study.treatments))
    root = {name: name for name in names}

    def find(name: str) -> str:
        while root[name] != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for study in studies:
        for one, other in pairwise(study.treatments):
            root[find(other)] = find(one)
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(find(name), []).append(name)
    found = [
        (tuple(group), tuple(study for study in studies if find(study.treatments[0]) == key))
        for key, group in parts.items()
    ]
    return sorted(found, key=lambda part: -len(part[0]))
