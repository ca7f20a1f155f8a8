"""CVODE of libroadrunner, its own compiler and its own Jacobian, on the same equations as rate rules."""

from __future__ import annotations

import ast
from collections.abc import Callable

import antimony
import numpy as np
import roadrunner
from case import Case, segments

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("libroadrunner", "antimony")


class _Antimony(ast.NodeTransformer):
    """Python expressions as Antimony: ``y[3]`` is a variable, conditions are piecewise."""

    def __init__(self) -> None:
        self.conditions: dict[str, ast.expr] = {}

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return ast.Name(f"{ast.unparse(node.value)}_{ast.unparse(node.slice)}")

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.conditions.get(node.id, ast.Name("time") if node.id == "t" else node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        parts = [self.visit(part) for part in (node.body, node.test, node.orelse)]
        return ast.Call(ast.Name("piecewise"), parts, [])


def _model(case: Case) -> str:
    write = _Antimony()
    *assignments, returned = ast.parse(case.derivatives).body[0].body
    lines = ["model peer()"]
    for statement in assignments:
        name, value = statement.targets[0].id, write.visit(statement.value)
        if isinstance(value, ast.Compare):
            write.conditions[name] = value
        else:
            lines.append(f"{name} := {ast.unparse(value)};")
    lines += [f"y_{i} = {value!r};" for i, value in enumerate(case.initial[0].tolist())]
    lines += [f"p_{i} = {value!r};" for i, value in enumerate(case.constants[0].tolist())]
    lines += [f"y_{i}' = {ast.unparse(write.visit(e))};" for i, e in enumerate(returned.value.elts)]
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString("\n".join([*lines, "end"])) < 0:
        raise ValueError(antimony.getLastError())
    return antimony.getSBMLString("peer")


def prepare(case: Case) -> Callable[[int, float, float], np.ndarray]:
    runner = roadrunner.RoadRunner(_model(case))
    states = case.initial.shape[1]
    ids = list(runner.model.getGlobalParameterIds())
    constants = [ids.index(f"p_{i}") for i in range(case.constants.shape[1])]
    variables = [ids.index(f"y_{i}") for i in range(states)]
    runner.timeCourseSelections = [f"y_{i}" for i in range(states)]
    pieces = segments(case)

    def solve(count: int, relative: float, absolute: float) -> np.ndarray:
        values = np.full((count, len(case.times), states), np.nan)
        runner.integrator.setValue("relative_tolerance", relative)
        runner.integrator.setValue("absolute_tolerance", absolute)
        runner.integrator.setValue("maximum_num_steps", 100_000)
        for n in range(count):
            runner.model.setGlobalParameterValues(constants, case.constants[n])
            y = case.initial[n].copy()
            for times, rows, state, amount in pieces:
                runner.model.setGlobalParameterValues(variables, y)
                found = np.array(runner.simulate(times=times.tolist())) if len(times) > 1 else y[None]
                values[n, rows[rows >= 0]] = found[rows >= 0]
                y = found[-1].copy()
                y[state] += amount
        return values

    return solve
