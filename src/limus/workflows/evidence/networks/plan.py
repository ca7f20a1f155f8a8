"""What is computed of a network, and how."""

from __future__ import annotations

from dataclasses import dataclass

from limus.evidence.measures import Measure
from limus.evidence.plan import Model
from limus.kernel.statistics.pooling import Tau2Method

__all__ = ["NetworkPlan"]


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What is computed and how.

    Attributes
    ----------
    measure : Measure
    model : Model
    tau2_method : Tau2Method
        For random effects.
    level_percent : float
    lower_is_better : bool
    draws : int
        For the ranks.
    binomial : bool
        Whether a Bayesian model of the events is sampled beside the rest; odds ratios only.
    binomial_splits : bool
        Whether in that model direct and indirect evidence of each pair are sampled apart; one more model each.
    """

    measure: Measure
    model: Model = Model.RANDOM
    tau2_method: Tau2Method = Tau2Method.REML
    level_percent: float = 95.0
    lower_is_better: bool = True
    draws: int = 20_000
    binomial: bool = False
    binomial_splits: bool = False
