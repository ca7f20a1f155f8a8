"""One step of Rodas5P in every lane, each with its own time and length; a lane that errs too much keeps its state.

Sensitivities take the same step after the model's own states, block by block, with the same factorisation. For block j
the stages are

    W k_i = J_i s + F_i + D k_i(y) + ...,   D = H s_j + dF_j/dy at the beginning of the step,

where J_i and F_i are df/dy and df/dp_j at stage i of y, and k_i(y) is what y had there.
"""

from __future__ import annotations

from llvmlite import ir

from limus.kernel.simulation.engine import tableau
from limus.kernel.simulation.engine.block_stages import BlockStages
from limus.kernel.simulation.engine.elementary import exp, ln
from limus.kernel.simulation.engine.lanes import DOUBLE, INDEX
from limus.kernel.simulation.engine.machine import TOO_MANY, TOO_SMALL, Machine

__all__ = ["Rosenbrock"]

_SAFETY, _LEAST, _MOST = 0.9, 0.2, 6.0
_SMALLEST_STEP = 1e-14
_FIRST = 0.01


class Rosenbrock:
    """Writes the stepping of models that are not linear.

    Parameters
    ----------
    machine : Machine
    """

    def __init__(self, machine: Machine) -> None:
        self.machine, self.lanes, self.frame = machine, machine.lanes, machine.frame
        self.blocks = BlockStages(machine) if machine.program.blocks else None

    @property
    def b(self) -> ir.IRBuilder:
        """The builder of the open function."""
        return self.lanes.builder

    def prepare(self) -> None:
        """How the errors of sensitivities count depends on inputs alone."""
        if self.blocks is not None:
            self.machine.call("weights", self.frame.weights)

    def restart(self, restarting: ir.Value) -> None:
        """H = 0.01 |y| / |f| in the weighted norm, or a millionth of the way where either vanishes (Hairer, Wanner)."""
        lanes, frame, machine = self.lanes, self.frame, self.machine
        lanes.store(machine.now(), machine.memory, frame.time)
        with lanes.count(machine.size) as i:
            lanes.store(lanes.load(machine.array(frame.infusion), i), machine.array(frame.rates), i)
        machine.call("add_rates", frame.state, frame.rates)
        relative, absolute = machine.tolerance("relative"), machine.tolerance("absolute")

        def weighted(i: ir.Value, array: int) -> ir.Value:
            y = lanes.load(machine.array(frame.state), i)
            ratio = lanes.divide(
                lanes.load(machine.array(array), i), lanes.multiply_add(relative, lanes.call("fabs", y), absolute)
            )
            return lanes.multiply(ratio, ratio)

        size = lanes.call("sqrt", machine.sum_over_block(lambda i: weighted(i, frame.state)))
        speed = lanes.call("sqrt", machine.sum_over_block(lambda i: weighted(i, frame.rates)))
        way = lanes.subtract(machine.vector("stop"), machine.vector("t"))
        small = lanes.multiply(way, lanes.number(1e-6))
        guess = lanes.divide(lanes.multiply(size, lanes.number(_FIRST)), speed)
        usable = lanes.both(
            lanes.compare(">", guess, lanes.number(0.0)), lanes.compare("<", guess, lanes.number(1e300))
        )
        first = lanes.minimum(lanes.select(usable, guess, small), way)
        machine.set_vector("h", lanes.select(restarting, first, machine.vector("h")))

    def step(self) -> None:
        """Try a step; lanes that cannot go on get an outcome."""
        lanes, machine = self.lanes, self.machine
        t, way = machine.vector("t"), lanes.subtract(machine.vector("stop"), machine.vector("t"))
        if machine.program.events:
            machine.set_vector("h", lanes.minimum(machine.vector("h"), machine.vector("longest")))
        # a step that would leave a sliver before the stop goes there at once
        reaches = lanes.compare(">=", lanes.multiply(machine.vector("h"), lanes.number(1.000001)), way)
        h = lanes.select(reaches, way, machine.vector("h"))
        h = lanes.select(machine.is_active(), h, lanes.number(1e-3))
        # conditions on time change at stops: a step looks at times strictly inside only
        stop = machine.vector("stop")
        inside = machine.now(), lanes.subtract(stop, machine.margin(stop))
        error = self._stages(t, h, inside)
        finite = lanes.both(
            lanes.compare(">=", error, lanes.number(0.0)), lanes.compare("<", error, lanes.number(1e100))
        )
        error = lanes.maximum(lanes.select(finite, error, lanes.number(1e10)), lanes.number(1e-10))
        accepted = lanes.both(machine.is_active(), lanes.compare("<=", error, lanes.number(1.0)))
        factor = exp(lanes, lanes.multiply(ln(lanes, error), lanes.number(-1.0 / tableau.ORDER)))
        factor = lanes.maximum(lanes.multiply(factor, lanes.number(_SAFETY)), lanes.number(_LEAST))
        machine.set_vector("h", lanes.multiply(h, lanes.minimum(factor, lanes.number(_MOST))))
        machine.set_vector("steps", lanes.add(machine.vector("steps"), lanes.number(1.0)))
        end = lanes.select(reaches, machine.vector("stop"), lanes.add(t, h))
        asked = lanes.both(accepted, lanes.compare("<=", machine.vector("asked"), end))
        if machine.program.events:  # the triggers are looked at within every step
            asked = accepted
            machine.set_vector("moved", lanes.select(accepted, lanes.number(1.0), lanes.number(0.0)))
        with self.b.if_then(lanes.any(asked)):
            self._dense_output()
        self._accept(accepted, t, h, end)
        self._give_up(accepted, t, h)

    def _stages(self, t: ir.Value, h: ir.Value, inside: tuple[ir.Value, ir.Value]) -> ir.Value:
        """All stages of all blocks; returns the largest error of a block."""
        lanes, frame, machine = self.lanes, self.frame, self.machine
        one_over_h = lanes.divide(lanes.number(1.0), h)
        lanes.store(lanes.multiply(one_over_h, lanes.number(1.0 / tableau.GAMMA)), machine.memory, frame.inverse)
        lanes.store(inside[0], machine.memory, frame.time)
        machine.call("factorise", frame.state)
        if machine.program.time_rates:
            machine.call("time_rates", frame.state, frame.time_rates)
        if self.blocks is not None:
            self.blocks.curve()
        for stage in range(tableau.EVALUATIONS):
            self._begin_stage(stage, h, one_over_h)
            node = tableau.NODES[stage]
            time = lanes.minimum(lanes.multiply_add(h, lanes.number(node), t), inside[1])
            lanes.store(lanes.maximum(time, inside[0]), machine.memory, frame.time)
            if self.blocks is None:
                machine.call("add_rates", frame.trial, frame.stages[stage])
            else:
                self.blocks.linearise(stage)
                self._add_rates(stage)
            if stage < tableau.EVALUATIONS - 1:
                machine.call("solve", frame.stages[stage])
        self._share_rates()
        machine.call("solve_both", *frame.stages[-2:])
        error = self._end_stages(machine.tolerance("absolute"))
        return error if self.blocks is None else self._block_stages(self.blocks, h, one_over_h, error)

    def _block_stages(self, blocks: BlockStages, h: ir.Value, one_over_h: ir.Value, error: ir.Value) -> ir.Value:
        largest = self.lanes.variable(self.lanes.vector, error)
        with blocks.each() as (number, offset):
            blocks.bend(number, offset)
            for stage in range(tableau.EVALUATIONS):
                self._begin_stage(stage, h, one_over_h, offset)
                blocks.rates(stage, number, offset)
                self._add_rates(stage, offset)
                if stage < tableau.EVALUATIONS - 1:
                    blocks.solve(offset, stage)
            self._share_rates(offset)
            blocks.solve(offset, *range(tableau.STAGES)[-2:])
            blocks.weigh(number, offset, largest, self._end_stages)
        return self.lanes.load(largest)

    def _begin_stage(self, stage: int, h: ir.Value, one_over_h: ir.Value, offset: ir.Value | None = None) -> None:
        """Where the rates are wanted into ``trial``; what else stands on the right-hand side into the stage."""
        lanes, frame, machine = self.lanes, self.frame, self.machine
        weighted_h = lanes.multiply(h, lanes.number(tableau.TIME_WEIGHTS[stage]))
        is_moving = machine.program.time_rates if offset is None else machine.program.moves_with_time
        with lanes.count(machine.size) as i:

            def entry(array: int, i: ir.Value = i) -> ir.Value:
                return lanes.load(machine.array(array, offset), i)

            earlier = [entry(place) for place in frame.stages[:stage]]
            if stage < len(tableau.A):
                y, weights = entry(frame.state), tableau.A[stage]
                for weight, k in zip(weights, earlier, strict=True):
                    y = lanes.multiply_add(k, lanes.number(weight), y)
            else:
                y = lanes.add(entry(frame.trial), earlier[-1])
            lanes.store(y, machine.array(frame.trial, offset), i)
            right = lanes.number(0.0)
            if offset is None or machine.program.infused:
                right = entry(frame.infusion)
            if tableau.TIME_WEIGHTS[stage] != 0.0 and is_moving:
                right = lanes.multiply_add(weighted_h, entry(frame.time_rates), right)
            if earlier:
                mixed = lanes.number(0.0)
                for weight, k in zip(tableau.C[stage], earlier, strict=True):
                    mixed = lanes.multiply_add(k, lanes.number(weight), mixed)
                right = lanes.multiply_add(mixed, one_over_h, right)
            lanes.store(right, machine.array(frame.stages[stage], offset), i)
            if stage == tableau.EVALUATIONS - 1:
                other = lanes.number(0.0)
                for of_last, of_this, k in zip(tableau.C[-1], tableau.C[stage], earlier, strict=True):
                    other = lanes.multiply_add(k, lanes.number(of_last - of_this), other)
                lanes.store(lanes.multiply(other, one_over_h), machine.array(frame.stages[-1], offset), i)

    def _share_rates(self, offset: ir.Value | None = None) -> None:
        """Give the last stage, which holds the difference, the right-hand side of the one before."""
        lanes, frame, machine = self.lanes, self.frame, self.machine
        with lanes.count(machine.size) as i:
            right, last = (machine.array(place, offset) for place in frame.stages[-2:])
            lanes.store(lanes.add(lanes.load(right, i), lanes.load(last, i)), last, i)

    def _add_rates(self, stage: int, offset: ir.Value | None = None) -> None:
        lanes, frame, machine = self.lanes, self.frame, self.machine
        with lanes.count(machine.size) as i:
            right, rates = (machine.array(place, offset) for place in (frame.stages[stage], frame.rates))
            lanes.store(lanes.add(lanes.load(right, i), lanes.load(rates, i)), right, i)

    def _end_stages(self, absolute: ir.Value, offset: ir.Value | None = None) -> ir.Value:
        """The new state; returns the root mean square of the error over atol + rtol max(|y|, |new y|), of a block."""
        lanes, frame, machine = self.lanes, self.frame, self.machine
        relative = machine.tolerance("relative")

        def term(i: ir.Value) -> ir.Value:
            old, trial, eighth, ninth = (
                lanes.load(machine.array(place, offset), i) for place in (frame.state, frame.trial, *frame.stages[-2:])
            )
            new = lanes.multiply_add(ninth, lanes.number(-tableau.REMAINDER_WEIGHT), lanes.add(trial, eighth))
            lanes.store(new, machine.array(frame.trial, offset), i)
            size = lanes.maximum(lanes.call("fabs", old), lanes.call("fabs", new))
            one = lanes.divide(lanes.number(1.0), lanes.multiply_add(relative, size, absolute))
            parts = [
                lanes.multiply(lanes.multiply(stage, lanes.number(weight)), one)
                for stage, weight in zip((eighth, ninth), tableau.ERROR_WEIGHTS, strict=True)
            ]
            return lanes.multiply_add(parts[0], parts[0], lanes.multiply(parts[1], parts[1]))

        total = machine.sum_over_block(term)
        return lanes.call("sqrt", lanes.multiply(total, lanes.number(1.0 / max(machine.program.size, 1))))

    def _dense_output(self) -> None:
        lanes, frame, machine = self.lanes, self.frame, self.machine
        with machine.each_observed() as i:
            stages = [lanes.load(machine.array(place), i) for place in frame.stages[: tableau.EVALUATIONS]]
            for weights, place in zip(tableau.DENSE, frame.dense, strict=True):
                total = lanes.number(0.0)
                for weight, stage in zip(weights, stages, strict=True):
                    total = lanes.multiply_add(stage, lanes.number(weight), total)
                lanes.store(total, machine.array(place), i)

    def _accept(self, accepted: ir.Value, t: ir.Value, h: ir.Value, end: ir.Value) -> None:
        lanes, frame, machine = self.lanes, self.frame, self.machine
        with machine.each_observed() as i:
            self._replace(accepted, frame.state, frame.old_state, i)
        with lanes.count(machine.states) as i:
            self._replace(accepted, frame.trial, frame.state, i)
        for slot, value in (("old_t", t), ("done_h", h), ("t", end)):
            machine.set_vector(slot, lanes.select(accepted, value, machine.vector(slot)))

    def _replace(self, accepted: ir.Value, source: int, target: int, i: ir.Value) -> None:
        lanes, machine = self.lanes, self.machine
        new, old = (lanes.load(machine.array(place), i) for place in (source, target))
        lanes.store(lanes.select(accepted, new, old), machine.array(target), i)

    def _give_up(self, accepted: ir.Value, t: ir.Value, h: ir.Value) -> None:
        lanes, machine = self.lanes, self.machine
        refused = lanes.both(machine.is_active(), lanes.opposite(accepted))
        least = lanes.multiply(lanes.call("fabs", t), lanes.number(_SMALLEST_STEP))
        small = lanes.both(refused, lanes.compare("<=", h, lanes.maximum(least, lanes.number(1e-300))))
        limits = machine.everywhere(self.b.sitofp(machine.word("most_steps", INDEX), DOUBLE))
        many = lanes.both(machine.is_active(), lanes.compare(">", machine.vector("steps"), limits))
        outcome = lanes.select(small, lanes.number(TOO_SMALL), lanes.number(0.0))
        machine.set_vector("outcome", lanes.select(many, lanes.number(TOO_MANY), outcome))
