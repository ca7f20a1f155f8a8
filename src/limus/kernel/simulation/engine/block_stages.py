"""Sensitivities in a step of Rodas5P: what each stage does for the block of one parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from llvmlite import ir

from limus.kernel.simulation.engine.lanes import INDEX
from limus.kernel.simulation.engine.machine import Machine

__all__ = ["BlockStages"]

Norm = Callable[[ir.Value, ir.Value], ir.Value]


class BlockStages:
    """Writes the parts of a step that concern sensitivities.

    J and F of every stage are kept, so that one block after the other can go through all stages: what a block needs is
    then small enough to stay near the processor.

    Parameters
    ----------
    machine : Machine
        Of a program with blocks.
    """

    def __init__(self, machine: Machine) -> None:
        blocks = machine.program.blocks
        if blocks is None:
            raise ValueError("a system without sensitivities")
        self.machine, self.lanes, self.frame, self.pattern = machine, machine.lanes, machine.frame, blocks
        parameters = range(len(blocks.parameters))
        places = {place: n for n, place in enumerate(blocks.bent)}
        self.rate_ranges = self._ranges("rate_ranges", [j for j, _ in blocks.rates], parameters)
        self.rate_rows = self.lanes.table("rate_rows", [i for _, i in blocks.rates])
        self.bent_ranges = self._ranges("bent_ranges", [j for j, _, _ in blocks.rate_slopes], parameters)
        self.bent_places = self.lanes.table("bent_places", [places[i, b] for _, i, b in blocks.rate_slopes])

    @property
    def b(self) -> ir.IRBuilder:
        """The builder of the open function."""
        return self.lanes.builder

    def _ranges(self, name: str, numbers: Sequence[int], parameters: range) -> ir.Value:
        """First entry of each parameter, and the end of the last: entries are in the order of parameters."""
        return self.lanes.table(name, [sum(1 for n in numbers if n < j) for j in range(parameters.stop + 1)])

    @contextmanager
    def each(self) -> Iterator[tuple[ir.Value, ir.Value]]:
        """Do the body for the number of each parameter and the offset of its block."""
        machine = self.machine
        with self.lanes.count(machine.parameters) as number:
            yield number, machine.block(self.b.add(number, machine.integer(1)))

    def curve(self) -> None:
        """H and dF/dy at the beginning of the step."""
        self.machine.call("curve", self.frame.state, self.frame.curvatures)

    def linearise(self, stage: int) -> None:
        """Rates of the model's own states, with J and F."""
        self.machine.call("linearise", self.frame.trial, self.frame.rates, self.frame.linearised[stage])

    def bend(self, number: ir.Value, offset: ir.Value) -> None:
        """D of a block."""
        machine, frame = self.machine, self.frame
        machine.call_on(
            "bend", machine.array(frame.curvatures), machine.array(frame.state, offset), machine.array(frame.bent)
        )
        entries = machine.array(frame.curvatures + len(self.pattern.curvatures))
        self._add(entries, number, self.bent_ranges, self.bent_places, machine.array(frame.bent))

    def rates(self, stage: int, number: ir.Value, offset: ir.Value) -> None:
        """J s + F of a block."""
        machine, frame = self.machine, self.frame
        linearised = machine.array(frame.linearised[stage])
        moved, out = machine.array(frame.trial, offset), machine.array(frame.rates, offset)
        machine.call_on("multiply", linearised, moved, out)
        entries = machine.array(frame.linearised[stage] + len(self.pattern.slopes))
        self._add(entries, number, self.rate_ranges, self.rate_rows, out)

    def solve(self, offset: ir.Value, *stages: int) -> None:
        """Solve W k = b + D k(y) of a block, for one stage or two."""
        machine, frame = self.machine, self.frame
        rights = [machine.array(frame.stages[stage], offset) for stage in stages]
        for stage, right in zip(stages, rights, strict=True):
            machine.call_on("couple", machine.array(frame.bent), machine.array(frame.stages[stage]), right)
        machine.call_on("solve" if len(stages) == 1 else "solve_both", machine.memory, *rights)

    def weigh(self, number: ir.Value, offset: ir.Value, largest: ir.Value, norm: Norm) -> None:
        """Put the error of a block where it is larger, if the errors of sensitivities count."""
        machine, lanes, b = self.machine, self.lanes, self.b
        weight = lanes.load(machine.array(self.frame.weights), number)
        own = norm(lanes.multiply(machine.tolerance("absolute"), weight), offset)
        counts = b.icmp_signed("!=", machine.word("sensitivity_errors", INDEX), machine.integer(0))
        with b.if_then(counts):
            before = lanes.load(largest)
            # what is not a number is the largest
            is_kept = lanes.either(lanes.compare("<=", own, before), lanes.compare("!=", before, before))
            lanes.store(lanes.select(is_kept, before, own), largest)

    def _add(self, entries: ir.Value, number: ir.Value, ranges: ir.Value, places: ir.Value, target: ir.Value) -> None:
        """Add a parameter's own entries to an array."""
        machine, lanes, b = self.machine, self.lanes, self.b
        first = machine.item(ranges, number, INDEX)
        end = machine.item(ranges, b.add(number, machine.integer(1)), INDEX)
        with lanes.count(b.sub(end, first)) as k:
            entry = b.add(first, k)
            place = machine.item(places, entry, INDEX)
            total = lanes.add(lanes.load(target, place), lanes.load(entries, entry))
            lanes.store(total, target, place)
