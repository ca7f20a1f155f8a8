"""Workflows are found by the name of their command, flat or in the folder of a group."""

from __future__ import annotations

import pytest

import limus
from limus.workflows.request import Request, load_workflow


@pytest.mark.parametrize("name", [name for name in limus.__all__ if name != "__version__"])
def test_every_public_name_is_a_workflow(name: str) -> None:
    module, request = load_workflow(name)
    assert callable(module.run)
    assert issubclass(request, Request)
    assert request.__module__ == module.__name__
    assert request.__name__.casefold() == f"{name.replace('_', '')}request"
    assert module.__name__ in (f"limus.workflows.{name}", f"limus.workflows.{name.replace('_', '.', 1)}")


def test_a_name_that_is_no_workflow_is_not_found() -> None:
    for name in ("nothing", "assay_nothing"):
        with pytest.raises(ModuleNotFoundError):
            load_workflow(name)
