"""Time to an event: survival curves, tests between groups, Cox regression, restricted means, competing risks.

Times are numbers of any one unit; an event is 1 (or a cause 1, 2 ...), censoring 0. Functions ending in ``_batch`` take
(replicates, subjects) and have no loop over replicates. Formulae stand in each file.

Not here yet, and where they would go: Fine and Gray's regression of the subdistribution hazard beside ``cox`` (it is a
Cox fit of weighted counting process rows, which ``cox`` takes with ``entry``, ``weights`` and ``cluster``).
"""

from limus.kernel.statistics.survival.aalen_johansen import (
    CumulativeIncidence,
    IncidenceAt,
    aalen_johansen,
    incidence_at,
)
from limus.kernel.statistics.survival.competing_risks import competing_risks_finding
from limus.kernel.statistics.survival.concordance import Concordance, concordance
from limus.kernel.statistics.survival.cox import CoxFit, CoxStatus, CoxTest, Ties, cox
from limus.kernel.statistics.survival.cox_batch import CoxBatch, cox_batch
from limus.kernel.statistics.survival.gray import GrayTest, gray_test
from limus.kernel.statistics.survival.incidence_batch import IncidenceDifferenceBatch, incidence_difference_batch
from limus.kernel.statistics.survival.kaplan_meier import (
    KaplanMeier,
    SurvivalAt,
    kaplan_meier,
    survival_at,
    survival_quantile,
)
from limus.kernel.statistics.survival.kaplan_meier_difference import KaplanMeierDifference, kaplan_meier_difference
from limus.kernel.statistics.survival.log_rank import LogRank, log_rank
from limus.kernel.statistics.survival.log_rank_batch import LogRankBatch, log_rank_batch
from limus.kernel.statistics.survival.proportional_hazards import ProportionalHazards, proportional_hazards
from limus.kernel.statistics.survival.restricted_mean import (
    Contrast,
    RestrictedMean,
    RestrictedMeanContrast,
    compare_restricted_means,
    restricted_mean,
)
from limus.kernel.statistics.survival.restricted_mean_batch import RestrictedMeanBatch, restricted_mean_batch
from limus.kernel.statistics.survival.survival_interval import SurvivalInterval

__all__ = [
    "Concordance",
    "Contrast",
    "CoxBatch",
    "CoxFit",
    "CoxStatus",
    "CoxTest",
    "CumulativeIncidence",
    "GrayTest",
    "IncidenceAt",
    "IncidenceDifferenceBatch",
    "KaplanMeier",
    "KaplanMeierDifference",
    "LogRank",
    "LogRankBatch",
    "ProportionalHazards",
    "RestrictedMean",
    "RestrictedMeanBatch",
    "RestrictedMeanContrast",
    "SurvivalAt",
    "SurvivalInterval",
    "Ties",
    "aalen_johansen",
    "compare_restricted_means",
    "competing_risks_finding",
    "concordance",
    "cox",
    "cox_batch",
    "gray_test",
    "incidence_at",
    "incidence_difference_batch",
    "kaplan_meier",
    "kaplan_meier_difference",
    "log_rank",
    "log_rank_batch",
    "proportional_hazards",
    "restricted_mean",
    "restricted_mean_batch",
    "survival_at",
    "survival_quantile",
]
