"""Kvaerno5 of diffrax on one processor, one trajectory at a time: in a batch all wait for the slowest."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from case import Case, load_source

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("diffrax", "jax")

jax.config.update("jax_enable_x64", True)


class _Where(ast.NodeTransformer):
    """``a if c else b`` as ``where(c, a, b)``."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        parts = [self.visit(part) for part in (node.test, node.body, node.orelse)]
        return ast.Call(ast.Name("where", ast.Load()), parts, [])


def prepare(case: Case) -> Callable[[int, float, float], np.ndarray]:
    if case.doses:
        raise NotImplementedError("doses were not written for this peer")
    source = ast.unparse(ast.fix_missing_locations(_Where().visit(ast.parse(case.derivatives))))
    names = {"pow": jnp.power, "exp": jnp.exp, "log": jnp.log, "sqrt": jnp.sqrt, "where": jnp.where}
    derivatives = load_source(source, "derivatives", names)
    term = diffrax.ODETerm(lambda t, y, p: jnp.stack([jnp.asarray(e, float) for e in derivatives(t, y, p)]))
    saved = diffrax.SaveAt(ts=jnp.asarray(case.times))

    @jax.jit
    def one(y: jax.Array, p: jax.Array, relative: float, absolute: float) -> jax.Array:
        control = diffrax.PIDController(rtol=relative, atol=absolute)
        found = diffrax.diffeqsolve(
            term,
            diffrax.Kvaerno5(),
            case.times[0],
            case.times[-1],
            None,
            y,
            p,
            saveat=saved,
            stepsize_controller=control,
            max_steps=100_000,
            throw=False,
        )
        return found.ys

    def solve(count: int, relative: float, absolute: float) -> np.ndarray:
        return np.stack(
            [
                np.asarray(one(case.initial[n], case.constants[n], jnp.float64(relative), jnp.float64(absolute)))
                for n in range(count)
            ]
        )

    return solve
