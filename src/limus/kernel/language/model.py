"""The immutable model: compartments, species, parameters, reactions, rules, initial assignments and events.

The words are SBML's. Numbers are in the model's own units, which it declares. Function definitions are inlined when a
model is read. Nothing here is executable; :mod:`limus.kernel.simulation` compiles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from limus.kernel.errors import UnknownNameError, near_names
from limus.kernel.language.expression import Expression

__all__ = [
    "Assignment",
    "Compartment",
    "Event",
    "Model",
    "ModelUnits",
    "Parameter",
    "Reaction",
    "Rule",
    "Species",
    "SpeciesReference",
]


@dataclass(frozen=True, slots=True)
class Compartment:
    """A volume (or area, or length) that holds species; ``size`` is NaN where the model does not give it."""

    name: str
    size: float
    constant: bool = True
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Species:
    """A substance in a compartment.

    Attributes
    ----------
    name, compartment : str
    initial : float
        Initial value; NaN where the model does not give it.
    initial_is_amount : bool
        Whether ``initial`` is an amount or a concentration.
    symbol_is_amount : bool
        What its symbol means in mathematics (SBML ``hasOnlySubstanceUnits``).
    boundary : bool
        Reactions do not change it.
    constant : bool
        Nothing changes it.
    conversion_factor : str
        Parameter that converts reaction extent to this species' amount, or ''.
    unit : str
        Declared unit of the symbol, or ''.
    """

    name: str
    compartment: str
    initial: float
    initial_is_amount: bool = False
    symbol_is_amount: bool = False
    boundary: bool = False
    constant: bool = False
    conversion_factor: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named number; ``value`` is NaN where the model does not give it."""

    name: str
    value: float
    constant: bool = True
    unit: str = ""


@dataclass(frozen=True, slots=True)
class SpeciesReference:
    """A species in a reaction with its stoichiometry; ``name`` is given where mathematics refers to it.

    Where it is not ``constant`` rules and events may change it.
    """

    species: str
    stoichiometry: Expression
    name: str = ""
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Reaction:
    """Reactants become products at ``rate`` (extent per time); a ``fast`` one is in equilibrium at every moment."""

    name: str
    reactants: tuple[SpeciesReference, ...]
    products: tuple[SpeciesReference, ...]
    modifiers: tuple[str, ...]
    rate: Expression
    reversible: bool = False
    fast: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """``kind`` is assignment (variable = formula), rate (d variable/dt = formula) or algebraic (0 = formula).

    The variable of an algebraic rule is '' until it is known.
    """

    kind: str
    variable: str
    formula: Expression


@dataclass(frozen=True, slots=True)
class Assignment:
    """``variable`` takes the value of ``formula``, at the start or at an event."""

    variable: str
    formula: Expression


@dataclass(frozen=True, slots=True)
class Event:
    """A discontinuity: when ``trigger`` turns true, after ``delay``, the assignments are made."""

    name: str
    trigger: Expression
    assignments: tuple[Assignment, ...]
    delay: Expression | None = None
    priority: Expression | None = None
    initial_value: bool = True
    persistent: bool = True
    values_from_trigger_time: bool = True


@dataclass(frozen=True, slots=True)
class ModelUnits:
    """Units of time, substance, volume and extent as the model declares them, as text; '' where it does not."""

    time: str = ""
    substance: str = ""
    volume: str = ""
    extent: str = ""


@dataclass(frozen=True, eq=False)
class Model:
    """A model as a value; a changed copy comes from :func:`dataclasses.replace` or :meth:`with_values`.

    Attributes
    ----------
    name : str
    compartments, species, parameters, reactions, rules, initial_assignments, events : tuple
        As the module's docstring says.
    units : ModelUnits
    labels : mapping of str to str
        Display names.
    notes : tuple of str
        What the reader of the model should know, e.g. constraints that were not read.
    """

    name: str
    compartments: tuple[Compartment, ...] = ()
    species: tuple[Species, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    rules: tuple[Rule, ...] = ()
    initial_assignments: tuple[Assignment, ...] = ()
    events: tuple[Event, ...] = ()
    units: ModelUnits = field(default_factory=ModelUnits)
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, float]:
        """Every named number as the model gives it: compartment sizes, initial species values, parameters."""
        return (
            {item.name: item.size for item in self.compartments}
            | {item.name: item.initial for item in self.species}
            | {item.name: item.value for item in self.parameters}
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that mathematics may use, without ``time``."""
        references = tuple(
            reference.name for r in self.reactions for reference in (*r.reactants, *r.products) if reference.name
        )
        return (*self.values, *(reaction.name for reaction in self.reactions), *references)

    def with_values(self, values: Mapping[str, float], *, where: str = "value") -> Model:
        """Return the model with other numbers; an initial assignment to a name that is set is dropped.

        Parameters
        ----------
        values : mapping of str to float
            Compartment sizes, initial species values (in the sense the model gives them) and parameters.
        where : str
            Named in the error.

        Returns
        -------
        Model

        Raises
        ------
        UnknownNameError
            A name that the model does not have.
        """
        known = self.values
        for name in values:
            if name not in known:
                near = near_names(name, known)
                raise UnknownNameError(
                    where,
                    name,
                    f"a compartment, species or parameter of {self.name}",
                    f"did you mean {' or '.join(near)}?" if near else "see the model's names",
                )
        return replace(
            self,
            compartments=tuple(replace(c, size=values.get(c.name, c.size)) for c in self.compartments),
            species=tuple(replace(s, initial=values.get(s.name, s.initial)) for s in self.species),
            parameters=tuple(replace(p, value=values.get(p.name, p.value)) for p in self.parameters),
            initial_assignments=tuple(a for a in self.initial_assignments if a.variable not in values),
        )
