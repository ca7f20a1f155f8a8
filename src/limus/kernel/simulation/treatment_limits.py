"""What cannot be done to a model from outside, for its equations would give a wrong answer without a word."""

from __future__ import annotations

import numpy as np

from limus.kernel.errors import UnsupportedFeatureError, ValueRangeError
from limus.kernel.language import free_symbols
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import Treatment
from limus.kernel.simulation.equations import input_symbol

__all__ = ["refuse_impossible"]


def refuse_impossible(model: CompiledModel, treatment: Treatment) -> None:
    """Refuse doses and input changes that the model's equations cannot follow.

    Parameters
    ----------
    model : CompiledModel
    treatment : Treatment
        Checked.

    Raises
    ------
    UnsupportedFeatureError
        An infusion into a species whose concentration has a rate rule, in a compartment that changes size; a change of
        the size of a compartment that holds concentrations, whose amounts would jump with it.
    ValueRangeError
        A change of an initial value, where no reset follows that would use it.
    """
    doses, changes = treatment.doses, treatment.changes
    for i in np.flatnonzero(doses.duration > 0.0).tolist():
        target = doses.targets[doses.target[i]]
        if any(not symbol.startswith(input_symbol("")) for symbol in free_symbols(model.system.dose_scale[target])):
            got = f"an infusion into {target}, which has a rate rule and whose compartment changes size"
            do = f"make {target} an amount (hasOnlySubstanceUnits), or give boluses"
            raise UnsupportedFeatureError(f"dose {i + 1}", got, "an infusion into an amount", do)
    returns = len(treatment.resets.time) > 0 or bool((doses.steady_state == 1).any())
    for i, name in enumerate(changes.inputs[k] for k in changes.input.tolist()):
        if name in model.system.sizes and name not in model.states:
            got, allowed = f"the size of {name}, which holds concentrations", "inputs that are no sizes"
            do = "let an event or a rule of the model change the size: it keeps the amounts"
            raise UnsupportedFeatureError(f"input change {i + 1}", got, allowed, do)
        if name in model.states and not returns:
            got, allowed = f"{name}, an initial value", "an input that the equations use after the start"
            raise ValueRangeError(f"input change {i + 1}", got, allowed, "give a dose, or a reset after the change")
