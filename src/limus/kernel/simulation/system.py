"""From a model to a system of ordinary differential equations, still as expressions.

A floating species in a compartment of constant size has its concentration as state; where the size may change, or the
species' symbol means an amount, the state is the amount. Assignment rules, initial assignments, reaction rates and
stoichiometries are inlined, so that derivatives and outputs depend only on inputs, states and time.

A fast reaction runs :data:`FAST` times faster than it is written, which is its equilibrium but for 1 part in as many.
A name z that an algebraic rule 0 = f determines, and that f is not linear in, is a state: f stays zero if

    dz/dt = -(df/dz)^-1 (df/dt + sum over other states of df/dy dy/dt).

Both are settled where states jump (:mod:`limus.kernel.simulation.settling`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from limus.kernel.errors import ModelError, UnknownNameError, UnsupportedFeatureError, near_names
from limus.kernel.language import (
    Event,
    Expression,
    Model,
    Number,
    Reaction,
    Symbol,
    apply,
    derivative,
    free_symbols,
    solve_linear,
    substitute,
    transform,
    walk,
    with_algebraic_rules_solved,
)
from limus.kernel.language.expression import ONE, ZERO, Apply
from limus.kernel.simulation.equations import (
    TIME,
    Settling,
    System,
    SystemEvent,
    assigned_symbol,
    input_symbol,
    state_symbol,
)
from limus.kernel.simulation.look_up import LookUp
from limus.kernel.simulation.stoichiometry import net_stoichiometry, per_volume

__all__ = ["FAST", "TIME", "System", "SystemEvent", "build_system", "input_symbol", "state_symbol"]

FAST = 1e10
_NEVER_HAPPENS = SystemEvent(  # a model with an event that waits is led from jump to jump, where it can be settled
    name="of fast reactions or algebraic rules",
    trigger=ZERO,
    delay=ZERO,
    priority=None,
    initial_value=True,
    persistent=True,
    values_from_trigger_time=False,
    targets=(),
    values=(),
)


def build_system(model: Model, outputs: Sequence[str] | None = None) -> System:
    """Reduce a model to its differential equations.

    Parameters
    ----------
    model : Model
        The model.
    outputs : sequence of str, optional
        Any names of the model; by default every species, then every assigned parameter.

    Returns
    -------
    System

    Raises
    ------
    UnsupportedFeatureError
        ``delay``, an algebraic rule that leaves open what it determines, or a formula that needs the rate of a fast
        reaction or the initial value of what an algebraic rule determines.
    ModelError
        A circular rule, an unknown symbol, or a number that the model uses and does not give.
    UnknownNameError
        An output that the model does not have.
    """
    return _Builder(with_algebraic_rules_solved(model)).build(outputs)


class _Builder:
    """Resolves every name of one model to inputs, states and time."""

    def __init__(self, model: Model) -> None:
        _refuse_unsupported(model)
        self.model = model
        self.assigned = {r.variable: r.formula for r in model.rules if r.kind == "assignment"}
        self.rates = {r.variable: r.formula for r in model.rules if r.kind == "rate"}
        self.constraints = {r.variable: r.formula for r in model.rules if r.kind == "algebraic"}
        self.starts = {a.variable: a.formula for a in model.initial_assignments}
        self.species = {s.name: s for s in model.species}
        self.reactions = {r.name: r for r in model.reactions}
        self.taking_part: dict[str, list[Reaction]] = {}
        for reaction in model.reactions:
            for name in dict.fromkeys(reference.species for reference in (*reaction.reactants, *reaction.products)):
                self.taking_part.setdefault(name, []).append(reaction)
        self.stoichiometries = {
            ref.name: ref.stoichiometry for r in model.reactions for ref in (*r.reactants, *r.products) if ref.name
        }
        free = {*self.rates, *self.constraints}  # they have a state in any case
        self.kicked = tuple(
            dict.fromkeys(a.variable for e in model.events for a in e.assignments if a.variable not in free)
        )
        changing = {*self.assigned, *free, *self.kicked}
        self.fixed_compartments = {c.name for c in model.compartments if c.name not in changing}
        self.states = (
            *(s.name for s in model.species if s.name in free or not (s.constant or s.name in self.assigned)),
            *(name for name in (*self.rates, *self.constraints, *self.kicked) if name not in self.species),
        )
        self._now = LookUp(self._now_of, model.name)
        self._start = LookUp(self._start_of, model.name)
        self._rate = LookUp(self._rate_of, model.name)
        self._derivative = LookUp(self._derivative_of, model.name)

    def is_amount_state(self, name: str) -> bool:
        """Whether the state of this name is an amount: its symbol is one, or its compartment may change size."""
        species = self.species.get(name)
        if species is None or name in self.rates or name in self.constraints:
            return False
        return species.symbol_is_amount or species.compartment not in self.fixed_compartments

    def now(self, expression: Expression) -> Expression:
        """Resolve an expression at any time."""

        def resolve(node: Expression) -> Expression | None:
            if isinstance(node, Symbol):
                return self._now(node.name)
            return self._rate(_argument(node)) if _is_rate_of(node) else None

        return transform(expression, resolve)

    def start(self, expression: Expression) -> Expression:
        """Resolve an expression at time zero, to inputs only."""

        def resolve(node: Expression) -> Expression | None:
            if isinstance(node, Symbol):
                return self._known_start(node.name)
            return self._at_start(self._rate(_argument(node))) if _is_rate_of(node) else None

        return transform(expression, resolve)

    def _at_start(self, expression: Expression) -> Expression:
        """Put initial values into what is resolved at any time."""
        names = {state_symbol(name): name for name in self.states}
        needed = free_symbols(expression) & names.keys()
        starts = {s: self._initial(names[s]) for s in needed if self._known_start(names[s])}
        return substitute(expression, starts | {TIME: ZERO})

    def _known_start(self, name: str) -> Expression:
        """The initial value of a name for use elsewhere; of what a constraint determines only a guess is known."""
        if name in self.constraints:
            got = f"a formula with the initial value of {name}, which an algebraic rule determines"
            raise _refusal(self.model, got, "algebraic rules that are linear in the name that they determine")
        return self._start(name)

    def _rate_of(self, name: str) -> Expression:
        """Rate of change of a name: the chain rule over the states that it depends on, and time."""
        self._refuse_fast(name)
        value = self._now(name)
        names = {state_symbol(state): state for state in self.states}
        moving = sorted(free_symbols(value) & names.keys())
        by_state = [apply("multiply", derivative(value, s), self._derivative(names[s])) for s in moving]
        return apply("add", derivative(value, TIME), *by_state)

    def _now_of(self, name: str) -> Expression:
        if name == TIME:
            return Symbol(TIME)
        if name in self.states:
            state = Symbol(state_symbol(name))
            species = self.species.get(name)
            if species is not None and self.is_amount_state(name) and not species.symbol_is_amount:
                return apply("divide", state, self._now(species.compartment))
            return state
        if name in self.reactions:
            self._refuse_fast(name)
        if (formula := self._formula_of(name)) is not None:
            return self.now(formula)
        if name in self.species and self.is_amount_state(name) and not self.species[name].symbol_is_amount:
            # constant means a constant amount: the concentration follows the compartment's size
            return apply("divide", self._initial(name), self._now(self.species[name].compartment))
        return self._start(name)

    def _start_of(self, name: str) -> Expression:
        if name == TIME:
            return ZERO
        if name in self.starts:
            return self.start(self.starts[name])
        if (formula := self._formula_of(name)) is not None:
            return self.start(formula)
        if name not in self.model.values:
            raise ModelError(f"model {self.model.name}", name, "a name that the model defines", f"define {name}")
        given = Symbol(input_symbol(name))
        species = self.species.get(name)
        if species is None or species.initial_is_amount == species.symbol_is_amount:
            return given
        return apply("divide" if species.initial_is_amount else "multiply", given, self._start(species.compartment))

    def _refuse_fast(self, name: str) -> None:
        """Refuse the rate of a fast reaction, and of what takes part in one."""
        reactions = self.taking_part.get(name, [self.reactions[name]] if name in self.reactions else [])
        if any(reaction.fast for reaction in reactions) and not (name in self.species and self.species[name].boundary):
            raise _refusal(self.model, f"the rate of {name}, which a fast reaction decides", "rates of other names")

    def _formula_of(self, name: str) -> Expression | None:
        if name in self.assigned:
            return self.assigned[name]
        if name in self.reactions:
            return self.reactions[name].rate
        return None if name in self.starts else self.stoichiometries.get(name)

    def build(self, outputs: Sequence[str] | None) -> System:
        """Make the system; see :func:`build_system`."""
        values = self.model.values
        inputs = tuple(n for n in values if n not in self.starts and n not in self.assigned)
        chosen = tuple(outputs) if outputs is not None else self._default_outputs()
        self._check_outputs(chosen)
        derivatives = tuple(self._derivative(name) for name in self.states)
        initial = tuple(self._initial(name) for name in self.states)
        output_expressions = tuple(self.now(Symbol(name)) for name in chosen)
        dosable = [n for n in self.states if n in self.species and n not in self.constraints]
        dose_scale = {n: self._dose_scale(n) for n in dosable}
        events = tuple(map(self._event, self.model.events))
        settling = self._settling()
        if settling is not None:
            events = (*events, _NEVER_HAPPENS)
        in_events = [e for event in events for e in (event.trigger, event.delay, event.priority, *event.values) if e]
        used = frozenset[str]().union(*map(free_symbols, (*derivatives, *initial, *output_expressions, *in_events)))
        return System(
            name=self.model.name,
            inputs=inputs,
            defaults=tuple(values[n] for n in inputs),
            states=self.states,
            initial=initial,
            derivatives=derivatives,
            outputs=chosen,
            output_expressions=output_expressions,
            dose_scale=dose_scale,
            sizes={s.compartment: self._start(s.compartment) for s in self.model.species if not s.symbol_is_amount},
            required=frozenset(n for n in inputs if input_symbol(n) in used),
            events=events,
            settling=settling,
        )

    def _event(self, event: Event) -> SystemEvent:
        assigned = {a.variable: self.now(a.formula) for a in event.assignments}
        kicks = self._kicks(assigned)
        kept = {name: Symbol(assigned_symbol(k)) for k, name in enumerate(assigned)}
        made = tuple(self._kicks(kept).values()) if event.values_from_trigger_time else ()
        if made == tuple(kept.values()):
            made = ()
        return SystemEvent(
            name=event.name,
            trigger=self.now(event.trigger),
            delay=None if event.delay is None else self.now(event.delay),
            priority=None if event.priority is None else self.now(event.priority),
            initial_value=event.initial_value,
            persistent=event.persistent,
            values_from_trigger_time=event.values_from_trigger_time,
            targets=tuple(map(self.states.index, kicks)),
            values=tuple(kicks.values()),
            assigned=tuple(assigned.values()) if made else (),
            made=made,
        )

    def _kicks(self, assigned: Mapping[str, Expression]) -> dict[str, Expression]:
        """States after an event that assigns these values.

        Assigned concentrations are amounts by the sizes before the event; amounts stay when a compartment jumps.
        """
        kicks = dict(assigned)
        for name, species in self.species.items():
            if name in assigned and self.is_amount_state(name) and not species.symbol_is_amount:
                kicks[name] = apply("multiply", assigned[name], self._now(species.compartment))
            elif name in self.rates and not species.symbol_is_amount and species.compartment in assigned:
                ratio = apply("divide", self._now(species.compartment), assigned[species.compartment])
                kicks[name] = apply("multiply", assigned.get(name, self._now(name)), ratio)
        return kicks

    def _default_outputs(self) -> tuple[str, ...]:
        moving = (p.name for p in self.model.parameters if p.name in self.assigned or p.name in self.rates)
        return (*self.species, *moving)

    def _check_outputs(self, outputs: Sequence[str]) -> None:
        for name in outputs:
            if name != TIME and name not in self.model.names:
                near = near_names(name, self.model.names)
                raise UnknownNameError(
                    f"output of {self.model.name}",
                    name,
                    "a name of the model",
                    f"did you mean {' or '.join(near)}?" if near else "see the model's names",
                )

    def _derivative_of(self, name: str) -> Expression:
        if name in self.rates:
            return self.now(self.rates[name])
        if name in self.constraints:
            return self._constrained_rates()[name]
        if name not in self.species or self.species[name].boundary:
            return ZERO
        return apply("add", self._made(name, fast=False), apply("multiply", Number(FAST), self._made(name, fast=True)))

    def _made(self, name: str, *, fast: bool) -> Expression:
        """Rate at which reactions make a species, in the unit of its state."""
        species = self.species[name]
        terms: list[Expression] = []
        for reaction in self.taking_part.get(name, ()):
            net = net_stoichiometry(reaction, name)
            if net != ZERO and reaction.fast == fast:
                rate = self.now(reaction.rate) if fast else self._now(reaction.name)
                terms.append(apply("multiply", self.now(net), rate))
        total = apply("add", *terms)
        if species.conversion_factor:
            total = apply("multiply", total, self._now(species.conversion_factor))
        return total if self.is_amount_state(name) else per_volume(total, self._now(species.compartment))

    def _constrained_rates(self) -> dict[str, Expression]:
        """Rates with which the constraints stay zero."""
        names = tuple(self.constraints)
        symbols = {state_symbol(name): name for name in self.states if name not in self.constraints}
        rows = []
        for constraint in map(self.now, self.constraints.values()):
            others = sorted(free_symbols(constraint) & symbols.keys())
            by_state = [apply("multiply", derivative(constraint, s), self._derivative(symbols[s])) for s in others]
            slopes = [derivative(constraint, state_symbol(name)) for name in names]
            rows.append([*slopes, apply("negate", apply("add", derivative(constraint, TIME), *by_state))])
        solved = solve_linear(rows)
        if solved is None:
            raise _refusal(self.model, f"algebraic rules for {', '.join(names)}", "rules that determine each name")
        return dict(zip(names, solved, strict=True))

    def _settling(self) -> Settling | None:
        has_fast = any(reaction.fast for reaction in self.model.reactions)
        if not (has_fast or self.constraints):
            return None
        moving = {name for name in self.taking_part if name in self.species and not self.species[name].boundary}
        moving -= {*self.rates, *self.constraints}
        return Settling(
            fast=tuple(self._made(name, fast=True) if name in moving else ZERO for name in self.states),
            implicit=tuple(map(self.states.index, self.constraints)),
            constraints=tuple(map(self.now, self.constraints.values())),
        )

    def _initial(self, name: str) -> Expression:
        value = self._start(name)
        species = self.species.get(name)
        if species is not None and self.is_amount_state(name) and not species.symbol_is_amount:
            if species.initial_is_amount and name not in self.starts:
                return Symbol(input_symbol(name))
            return apply("multiply", value, self._known_start(species.compartment))
        return value

    def _dose_scale(self, name: str) -> Expression:
        species = self.species[name]
        if species.symbol_is_amount or self.is_amount_state(name):
            return ONE
        return apply("divide", ONE, self._now(species.compartment))


def _refusal(model: Model, got: str, allowed: str) -> UnsupportedFeatureError:
    return UnsupportedFeatureError(f"model {model.name}", got, allowed, "rewrite the formula")


def _is_rate_of(node: Expression) -> bool:
    return isinstance(node, Apply) and node.operator == "rate_of"


def _argument(node: Expression) -> str:
    argument = node.arguments[0] if isinstance(node, Apply) else node
    return argument.name if isinstance(argument, Symbol) else ""


def _refuse_unsupported(model: Model) -> None:
    formulas = [*(r.rate for r in model.reactions), *(r.formula for r in model.rules)]
    formulas += [a.formula for a in model.initial_assignments]
    formulas += [ref.stoichiometry for r in model.reactions for ref in (*r.reactants, *r.products)]
    for event in model.events:
        formulas += [f for f in (event.trigger, event.delay, event.priority) if f is not None]
        formulas += [a.formula for a in event.assignments]
    for formula in formulas:
        if any(isinstance(node, Apply) and node.operator == "delay" for node in walk(formula)):
            raise _refusal(model, "delay", "mathematics without delay")
