"""Covariates made of a table's columns: ``female=1-SEX`` and the like, for tables that code or name them otherwise."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError, UnknownNameError, near_names
from limus.pharmacokinetics.event_table.records import EventTable

__all__ = ["parse_column_formula", "with_columns"]

Floats = NDArray[np.float64]
_ALLOWED = "NAME=formula of columns and numbers with + - * / and brackets, such as female=1-SEX"


def parse_column_formula(text: str) -> tuple[str, ast.expr]:
    """Read ``NAME=formula``.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of (str, ast.expr)

    Raises
    ------
    InputError
        Another form, or anything but columns, numbers, + - * / and brackets.
    """
    name, sign, formula = text.partition("=")
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
    except SyntaxError:
        tree = None
    if not sign or not name.strip().isidentifier() or tree is None or not _is_plain(tree):
        raise InputError("--column", text, _ALLOWED, "correct the formula")
    return name.strip(), tree


def _is_plain(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        known = isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div)
        return known and _is_plain(node.left) and _is_plain(node.right)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and _is_plain(node.operand)
    number = isinstance(node, ast.Constant) and type(node.value) in {int, float}
    return number or isinstance(node, ast.Name)


def with_columns(table: EventTable, formulas: Sequence[str]) -> EventTable:
    """Add covariates that are formulas of others.

    Parameters
    ----------
    table : EventTable
    formulas : sequence of str
        One after the other; a later one may use an earlier one's name.

    Returns
    -------
    EventTable
        A row that lacks a value that is used has none.

    Raises
    ------
    InputError
        A formula of another form, or without a finite number where its columns have one.
    UnknownNameError
        A column that the table has not.
    """
    records = table.records
    columns = {name: records.values[:, k] for k, name in enumerate(records.names)}
    for text in formulas:
        name, tree = parse_column_formula(text)
        found = np.broadcast_to(_evaluate(tree, columns, table.source), (len(records),)).astype(np.float64)
        if np.isinf(found).any():
            row = int(np.argmax(np.isinf(found)))
            where = f"--column {text}, {table.source}, line {records.line[row]}"
            raise InputError(where, "a division by 0", "finite numbers", "correct the formula or the table")
        columns[name] = found
    if not columns:
        return table
    values = np.stack(list(columns.values()), axis=1)
    return replace(table, records=replace(records, names=tuple(columns), values=values))


def _evaluate(node: ast.expr, columns: Mapping[str, Floats], source: str) -> Floats:
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left, columns, source), _evaluate(node.right, columns, source)
        if isinstance(node.op, ast.Div):
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(left / right)
        operations = {ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply}
        return np.asarray(operations[type(node.op)](left, right))
    if isinstance(node, ast.UnaryOp):
        return -_evaluate(node.operand, columns, source)
    if isinstance(node, ast.Name):
        if node.id not in columns:
            near = near_names(node.id, columns)
            do = f"did you mean {' or '.join(near)}?" if near else "name a column of the table"
            raise UnknownNameError(f"--column, {source}", node.id, ", ".join(columns) or "none", do)
        return columns[node.id]
    assert isinstance(node, ast.Constant)
    return np.asarray(float(node.value))  # type: ignore[arg-type]
