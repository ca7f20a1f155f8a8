"""A frame: one block of memory that holds arrays of vectors at fixed places, for W trajectories."""

from __future__ import annotations

from dataclasses import dataclass, field

from limus.kernel.simulation.blocks import Blocks
from limus.kernel.simulation.engine.tableau import EVALUATIONS, STAGES
from limus.kernel.simulation.equations import System

__all__ = ["Frame", "lay_out"]

_LANE_SLOTS = (
    "t",
    "h",
    "old_t",
    "done_h",
    "stop",
    "asked",
    "end",
    "reach",
    "now",
    "active",
    "fresh",
    "outcome",
    "steps",
    "trajectory",
    "next_time",
    "last_time",
    "next_value",
    "next_row",
    "last_row",
    "levels",
    "moved",
    "limit",
    "longest",
    "executions",
)


@dataclass(frozen=True, slots=True)
class Frame:
    """Places of the arrays in a frame, counted in vectors.

    One vector each for time, inverse of gamma h, ...; S vectors for what has one entry a state. With sensitivities
    there are also weights of their errors, J and F of each stage, H and dF/dy, and D of one block.
    """

    time: int
    inverse: int
    inputs: int
    constants: int
    state: int
    old_state: int
    trial: int
    rates: int
    time_rates: int
    infused: int
    infusion: int
    stages: tuple[int, ...]
    dense: tuple[int, ...]
    factors: int
    outputs: int
    propagators: int
    weights: int
    linearised: tuple[int, ...]
    curvatures: int
    bent: int
    known_triggers: int
    triggers: int
    kicks: int
    lane: dict[str, int] = field(default_factory=dict)
    size: int = 0


def lay_out(system: System, constants: int, factors: int, propagators: int) -> Frame:
    """Give every array its place.

    Parameters
    ----------
    system : System
    constants, factors, propagators : int
        Vectors for what depends on inputs only, the factorisation, and the propagators of a linear model.

    Returns
    -------
    Frame
    """
    position = 0

    def take(count: int) -> int:
        nonlocal position
        start = position
        position += count
        return start

    size, blocks = len(system.states), system.blocks or Blocks(0, (), {}, {}, {}, {})
    lane = {name: take(1) for name in _LANE_SLOTS}
    frame = Frame(
        time=take(1),
        inverse=take(1),
        inputs=take(len(system.inputs)),
        constants=take(constants),
        state=take(size),
        old_state=take(size),
        trial=take(size),
        rates=take(size),
        time_rates=take(size),
        infused=take(size),
        infusion=take(size),
        stages=tuple(take(size) for _ in range(STAGES)),
        dense=tuple(take(size) for _ in range(3)),
        factors=take(factors),
        outputs=take(len(system.outputs)),
        propagators=take(propagators),
        weights=take(len(blocks.parameters)),
        linearised=tuple(take(len(blocks.slopes) + len(blocks.rates)) for _ in range(EVALUATIONS)),
        curvatures=take(len(blocks.curvatures) + len(blocks.rate_slopes)),
        bent=take(len(blocks.bent)),
        known_triggers=take(len(system.events)),
        triggers=take(len(system.events)),
        kicks=take(sum(len(event.targets) for event in system.events)),
        lane=lane,
        size=position,
    )
    return frame
