"""Compare the equilibrium solvers with the same equilibria solved to 50 digits.

``python validation/molecule_equilibrium.py [--points N] [--seed N]`` prints the largest relative error of any species
per solver and kind of grid; exit status 0 only if all are below the stated limits.

The oracle knows nothing of limus: it takes a list of species as products of components and runs Newton's method on the
logarithms in 60-digit arithmetic, from the solution to be judged. The equilibrium is unique (the dual problem is
strictly convex), so what it converges to is the truth wherever it started.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence

import mpmath
import numpy as np

from limus.molecule.equilibrium import bind, bind_competitively, bind_in_blood, bind_pools, bind_ternary

LIMITS = {
    "bind": 1e-14,
    "bind_competitively": 1e-14,
    "bind_ternary": 1e-12,
    "bind_pools": 1e-12,
    "bind_in_blood": 1e-14,
}
Case = tuple[list[float], list[tuple[tuple[int, ...], list[float]]], list[float]]


def exact_species(
    totals: Sequence[float], bound: Sequence[tuple[tuple[int, ...], Sequence[float]]], start: Sequence[float]
) -> list[float]:
    """Return free components and bound species to double precision, from 60-digit arithmetic.

    ``bound`` lists each bound species as (components, dissociation constants); ``start`` holds free components.
    """
    with mpmath.workdps(60):
        present = [n for n, total in enumerate(totals) if total > 0]
        if not present:
            return [0.0] * (len(totals) + len(bound))
        place = {n: i for i, n in enumerate(present)}
        formed = [
            (parts, mpmath.fprod(map(mpmath.mpf, constants)))
            for parts, constants in bound
            if all(n in place for n in parts) and not any(math.isinf(c) for c in constants)
        ]
        free = [mpmath.mpf(start[n]) for n in present]
        for _ in range(60):
            hessian = mpmath.diag(free)
            missing = mpmath.matrix([mpmath.mpf(totals[n]) - f for n, f in zip(present, free, strict=True)])
            for parts, constant in formed:
                amount = mpmath.fprod(free[place[n]] for n in parts) / constant
                for n in parts:
                    missing[place[n]] -= amount
                    for m in parts:
                        hessian[place[n], place[m]] += amount
            step = mpmath.lu_solve(hessian, missing)
            free = [f * mpmath.exp(mpmath.mpf(max(-2, min(2, s)))) for f, s in zip(free, step, strict=True)]
            if all(abs(s) < 1e-25 for s in step):
                break
        else:
            return [math.nan] * (len(totals) + len(bound))
        whole = [free[place[n]] if n in place else mpmath.mpf(0) for n in range(len(totals))]
        products = [mpmath.fprod(whole[n] for n in parts) / mpmath.fprod(map(mpmath.mpf, c)) for parts, c in bound]
        return [float(x) for x in whole + products]


def draw(rng: np.random.Generator, *shape: int, kind: str) -> np.ndarray:
    """Draw totals or constants: 'wide' is log-uniform from 1e-6 to 1e9, 'zeros' has a quarter of zeros."""
    values = 10 ** rng.uniform(-6, 9, shape)
    return np.where(rng.random(shape) < 0.25, 0.0, values) if kind == "zeros" else values


def draw_totals(rng: np.random.Generator, n: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return two columns of totals; 'equal' ones differ by 0 to 1e-6 relative: stoichiometric, the hardest case."""
    first, second = draw(rng, n, kind=kind), draw(rng, n, kind=kind)
    if kind == "equal":
        second = first * (1 + rng.choice([0.0, 1e-15, 1e-12, -1e-9, 1e-6], n))
    return first, second


def cases_binary(rng: np.random.Generator, n: int, kind: str) -> Iterator[Case]:
    a, b = draw_totals(rng, n, kind)
    k = draw(rng, n, kind="wide")
    r = bind(a, b, k)
    for i in range(n):
        yield [a[i], b[i]], [((0, 1), [k[i]])], [r.free_ligand[i], r.free_partner[i], r.complex[i]]


def cases_blood(rng: np.random.Generator, n: int, kind: str) -> Iterator[Case]:
    blood, capacity = draw_totals(rng, n, kind)
    k = draw(rng, n, kind="wide")
    r = bind_in_blood(blood, capacity, k)
    for i in range(n):
        # The oracle is the 1:1 equilibrium; the free sites are not a result, so they are put in from bind.
        sites = float(bind(blood[i], capacity[i], k[i]).free_partner)
        yield [blood[i], capacity[i]], [((0, 1), [k[i]])], [r.plasma[i], sites, r.red_cell_bound[i]]


def cases_competition(rng: np.random.Generator, n: int, kind: str) -> Iterator[Case]:
    ligands, k = draw(rng, n, 3, kind=kind), draw(rng, n, 3, kind="wide")
    partner = draw(rng, n, kind=kind)
    if kind == "equal":
        partner = ligands.sum(axis=1) * (1 + rng.choice([0.0, 1e-15, 1e-12, -1e-9, 1e-6], n))
    r = bind_competitively(ligands, partner, k)
    for i in range(n):
        bound = [((j, 3), [k[i, j]]) for j in range(3)]
        yield [*ligands[i], partner[i]], bound, [*r.free_ligands[i], r.free_partner[i], *r.complexes[i]]


def cases_ternary(rng: np.random.Generator, n: int, kind: str) -> Iterator[Case]:
    a, p = draw_totals(rng, n, kind)
    t = a * 1.0 if kind == "equal" else draw(rng, n, kind=kind)
    k, q, d = (draw(rng, n, kind="wide") for _ in range(3))
    d = np.where(rng.random(n) < 0.3, np.inf, d)
    r = bind_ternary(a, p, t, k, q, d)
    for i in range(n):
        bound = [((0, 1), [k[i]]), ((0, 1, 2), [k[i], q[i]]), ((0, 2), [d[i]])]
        free = [r.free_ligand[i], r.free_immunophilin[i], r.free_target[i]]
        yield [a[i], p[i], t[i]], bound, [*free, r.complex[i], r.ternary[i], r.ligand_target[i]]


def cases_pools(rng: np.random.Generator, n: int, kind: str) -> Iterator[Case]:
    ligands, cells, targets = 3, 2, 2
    a, p, t = draw(rng, n, ligands, kind=kind), draw(rng, n, cells, kind=kind), draw(rng, n, targets, kind=kind)
    if kind == "equal":
        a, p, t = (np.repeat(x[:, :1], x.shape[1], axis=1) for x in (a, np.repeat(a[:, :1], 2, 1), a[:, :2]))
    k, q = draw(rng, n, ligands, cells, kind="wide"), draw(rng, n, ligands, cells, targets, kind="wide")
    d = np.where(rng.random((n, ligands, targets)) < 0.5, np.inf, draw(rng, n, ligands, targets, kind="wide"))
    q = np.where(rng.random(q.shape) < 0.3, np.inf, q)
    r = bind_pools(a, p, t, k, q, d)
    first_p, first_t = ligands, ligands + cells
    for i in range(n):
        bound = [((x, first_p + y), [k[i, x, y]]) for x in range(ligands) for y in range(cells)]
        bound += [
            ((x, first_p + y, first_t + z), [k[i, x, y], q[i, x, y, z]])
            for x in range(ligands)
            for y in range(cells)
            for z in range(targets)
        ]
        bound += [((x, first_t + z), [d[i, x, z]]) for x in range(ligands) for z in range(targets)]
        species = (r.free_ligands, r.free_immunophilins, r.free_targets, r.complexes, r.ternaries, r.ligand_targets)
        yield [*a[i], *p[i], *t[i]], bound, list(np.concatenate([s[i].ravel() for s in species]))


SOLVERS: dict[str, Callable[[np.random.Generator, int, str], Iterator[Case]]] = {
    "bind": cases_binary,
    "bind_competitively": cases_competition,
    "bind_ternary": cases_ternary,
    "bind_pools": cases_pools,
    "bind_in_blood": cases_blood,
}
SHARES = {"bind": 0.3, "bind_competitively": 0.25, "bind_ternary": 0.25, "bind_pools": 0.1, "bind_in_blood": 0.1}


def largest_error(solver: str, kind: str, points: int, seed: int) -> float:
    """Return the largest relative error of any species over a grid; infinite where the truth is 0 and we are not."""
    worst = 0.0
    for totals, bound, ours in SOLVERS[solver](np.random.default_rng(seed), points, kind):
        truth = exact_species([float(x) for x in totals], bound, [float(x) for x in ours[: len(totals)]])
        for value, true in zip(ours, truth, strict=True):
            if value == true:
                continue
            error = abs(float(value) - true) / true if true else math.inf
            worst = max(worst, error if math.isfinite(error) else math.inf)
    return worst


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Equilibria against 50-digit arithmetic.")
    parser.add_argument("--points", type=int, default=10_000, help="points over all solvers and grids")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    print(f"totals and constants 1e-6 to 1e9 nM, {options.points} points, seed {options.seed}")
    print(f"{'solver':20s} {'grid':8s} {'points':>7s} {'largest error':>14s} {'limit':>8s}")
    passed = True
    for solver, share in SHARES.items():
        for kind in ("wide", "zeros", "equal"):
            points = max(1, round(options.points * share / 3))
            error = largest_error(solver, kind, points, options.seed)
            good = error <= LIMITS[solver]
            passed &= good
            print(f"{solver:20s} {kind:8s} {points:7d} {error:14.2e} {LIMITS[solver]:8.0e} {'' if good else 'FAILED'}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
