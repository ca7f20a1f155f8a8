"""Which residual error an estimate uses: the model's, an alternative of its file, or a form with a stated number."""

from __future__ import annotations

import re
from dataclasses import replace

from limus.kernel.errors import UnknownNameError, ValueRangeError, near_names
from limus.pharmacokinetics.population_model.record import PopulationModel, with_residual
from limus.pharmacokinetics.population_model.residual_error import ResidualError

__all__ = ["describe_residual", "with_residual_choice"]

_FORMS = ("additive", "proportional")


def with_residual_choice(model: PopulationModel, choice: str) -> PopulationModel:
    """Return a model with the residual error that was asked for.

    Parameters
    ----------
    model : PopulationModel
    choice : str
        ``model``; the name of an alternative; ``additive`` or ``proportional`` for that part of the model's own error
        alone; or ``additive:0.4`` (unit of DV) and ``proportional:0.15`` (fraction) for a stated standard deviation.

    Returns
    -------
    PopulationModel

    Raises
    ------
    UnknownNameError
        No such alternative.
    ValueRangeError
        The model's error has no such part, or a standard deviation that is not above 0.

    Examples
    --------
    >>> from limus.pharmacokinetics.population_model.library import load_population_model
    >>> with_residual_choice(load_population_model("Woillard_2011"), "additive").residual.additive
    0.71
    """
    if choice == "model":
        return model
    match = re.fullmatch(r"(additive|proportional):([-+.\deE]+)", choice)
    if match:
        return replace(model, residual=_stated(match[1], match[2]))
    if choice in _FORMS and choice not in model.residual_alternatives:
        part = getattr(model.residual, choice)
        if not part > 0.0:
            got = f"{choice}; the error of {model.name} is {model.residual.form.replace('_', '-')}"
            do = f"state it, as {choice}:{'0.5' if choice == 'additive' else '0.15'}"
            raise ValueRangeError("--residual", got, f"a model with an {choice} part, or a number", do)
        return replace(model, residual=_only(choice, part))
    if choice not in model.residual_alternatives:
        names = tuple(dict.fromkeys(("model", *_FORMS, *model.residual_alternatives)))
        near = near_names(choice, names)
        do = f"did you mean {near[0]}?" if near else "leave it out for the model's own"
        raise UnknownNameError(
            f"--residual, {model.name}", choice, ", ".join((*names, "additive:SD", "proportional:SD")), do
        )
    return with_residual(model, choice)


def _stated(form: str, text: str) -> ResidualError:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not number > 0.0:
        raise ValueRangeError("--residual", f"{form}:{text}", "a standard deviation above 0", "correct the number")
    return _only(form, number)


def _only(form: str, number: float) -> ResidualError:
    additive, proportional = (number, 0.0) if form == "additive" else (0.0, number)
    return ResidualError(form, proportional, additive, 0.0, "", {})


def describe_residual(model: PopulationModel) -> str:
    """Say the residual error of a model in words.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    str
        Such as ``proportional 11.3 % and additive 0.71 ng/mL``.
    """
    error = model.residual
    if error.form == "formula":
        return f"variance by the rule {error.formula} of the model"
    parts = []
    if error.proportional > 0.0:
        parts.append(f"proportional {100.0 * error.proportional:.4g} %")
    if error.additive > 0.0:
        parts.append(f"additive {error.additive:.4g} {model.units.DV}")
    if error.log_additive > 0.0:
        parts.append(f"{error.log_additive:.4g} on the logarithm")
    return " and ".join(parts)
