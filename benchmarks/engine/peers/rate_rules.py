"""The equations as SBML with rate rules, for peers that read SBML."""

from __future__ import annotations

import ast

import antimony
from case import Case

__all__ = ["write_sbml"]


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


def write_sbml(case: Case) -> str:
    """Return SBML with states ``y_i`` and constants ``p_i``, at the values of the first set."""
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
