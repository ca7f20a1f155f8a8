"""What commands on an event table have in common: the request, and the table under a model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from limus.kernel.errors import InputError
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.model_table import read_table_for_model
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.workflows.request import Request

__all__ = ["EventsRequest", "event_table", "input_files", "settings_of"]


class EventsRequest(Request):
    """A model with files of events; limits of the model hold unless an override is named."""

    model: str
    events: tuple[str, ...] = Field(default=(), description="a NONMEM table, an ADPPK, or EX with PC and subjects")
    units: tuple[str, ...] = Field(default=(), description="of the table, as AMT=ug, where not the model's")
    settings: tuple[str, ...] = Field(default=(), description="covariates that hold for all, as NAME=value")
    overrides: tuple[str, ...] = Field(default=(), description="limits that are gone beyond")
    take: tuple[str, ...] = Field(default=(), description="which of several in EX and PC, as EXTRT=TACROLIMUS")

    @field_validator("events", mode="before")
    @classmethod
    def _one_file(cls, value: Any) -> Any:
        return (str(value),) if isinstance(value, str | Path) else value


def event_table(request: EventsRequest, model: PopulationModel) -> EventTable:
    """Read the files of a request under a model, and check them.

    Parameters
    ----------
    request : EventsRequest
    model : PopulationModel

    Returns
    -------
    EventTable

    Raises
    ------
    EventTableError, FileReadError, UnitError, InputError
        The files are wrong or do not belong together, or a covariate is missing.
    RefusedError
        A covariate outside the model's limits that is not overridden.
    """
    return read_table_for_model(
        model,
        [Path(name) for name in request.events],
        units=request.units,
        settings=settings_of(request.settings),
        overrides=request.overrides,
        choices=_pairs("--take", request.take, "NAME=value, such as EXTRT=TACROLIMUS", "correct it"),
    )


def settings_of(texts: tuple[str, ...]) -> dict[str, float | str]:
    """Read covariates and limits that hold for all subjects.

    Parameters
    ----------
    texts : tuple of str
        As ``HCT=33``, or ``organ=kidney``.

    Returns
    -------
    dict of str to float or str

    Raises
    ------
    InputError
        Of another form, a number that is not finite, or a name twice.
    """
    allowed, do = "NAME=value, in the covariate's unit", "limus pk show lists covariates"
    found: dict[str, float | str] = {}
    for name, text in _pairs("--set", texts, allowed, do).items():
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = text
        if not isinstance(found[name], str) and not np.isfinite(found[name]):
            raise InputError("--set", f"{name}={text}", "a finite number", do)
    return found


def _pairs(option: str, texts: tuple[str, ...], allowed: str, do: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        match = re.fullmatch(r"\s*(\w+)\s*=\s*(\S.*?)\s*", text)
        if match is None:
            raise InputError(option, text, allowed, do)
        if match[1] in found:
            raise InputError(option, f"{match[1]} twice", "one value for a name", "leave one of them out")
        found[match[1]] = match[2]
    return found


def input_files(request: EventsRequest, model: PopulationModel) -> list[Path]:
    """Return the files that decide a result: the model's and the events.

    Parameters
    ----------
    request : EventsRequest
    model : PopulationModel

    Returns
    -------
    list of Path
    """
    return [model.path, model.path.with_suffix(".ant"), *(Path(name) for name in request.events)]
