"""Network meta-analysis: studies with any number of arms, effects, heterogeneity, inconsistency, ranks, contributions.

Formulae stand in each file. Ratios are natural logarithms; an effect is row against column.
"""

from limus.kernel.statistics.network.binomial import BinomialArms, BinomialDraws, sample_binomial
from limus.kernel.statistics.network.binomial_splitting import BinomialSplit, pairs_to_split, split_binomial
from limus.kernel.statistics.network.contribution import Contributions, share_evidence
from limus.kernel.statistics.network.fit import NETWORK_TAU2, NetworkFit, fit_network
from limus.kernel.statistics.network.inconsistency import DesignQ, QTest, decompose_q
from limus.kernel.statistics.network.node_splitting import NodeSplit, split_nodes
from limus.kernel.statistics.network.ranking import Ranking, rank_draws, rank_treatments
from limus.kernel.statistics.network.studies import Network, NetworkStudy, find_components

__all__ = [
    "NETWORK_TAU2",
    "BinomialArms",
    "BinomialDraws",
    "BinomialSplit",
    "Contributions",
    "DesignQ",
    "Network",
    "NetworkFit",
    "NetworkStudy",
    "NodeSplit",
    "QTest",
    "Ranking",
    "decompose_q",
    "find_components",
    "fit_network",
    "pairs_to_split",
    "rank_draws",
    "rank_treatments",
    "sample_binomial",
    "share_evidence",
    "split_binomial",
    "split_nodes",
]
