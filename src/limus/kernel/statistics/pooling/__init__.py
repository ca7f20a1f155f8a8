"""Meta-analysis: effects of studies, their pooling, intervals, heterogeneity, sensitivity. Formulae in each file.

Arrays are (K,) over studies, or (M, K) where many meta-analyses are pooled at once; ratios are natural logarithms.
"""

from limus.kernel.statistics.pooling.heterogeneity_variance import Tau2Method, estimate_tau2
from limus.kernel.statistics.pooling.intervals import (
    FEWEST_FOR_PREDICTION,
    Interval,
    PredictionMethod,
    hartung_knapp_interval,
    normal_quantile,
    prediction_interval,
    wald_interval,
)
from limus.kernel.statistics.pooling.means import (
    TwoMeans,
    combine_means,
    mean_differences,
    standardised_mean_differences,
)
from limus.kernel.statistics.pooling.meta_regression import MetaRegression, fit_meta_regression
from limus.kernel.statistics.pooling.mixed_logistic import MixedLogistic, fit_mixed_logistic
from limus.kernel.statistics.pooling.pooled_tables import (
    DifferenceVariance,
    PooledTables,
    TableStatus,
    pool_mantel_haenszel,
    pool_peto,
)
from limus.kernel.statistics.pooling.q_profile import QProfile, QProfileStatus, profile_q
from limus.kernel.statistics.pooling.random_effects import Pooled, PoolStatus, pool_effects
from limus.kernel.statistics.pooling.ratios import (
    interval_asymmetry,
    ratio_from_interval,
    ratio_from_log_rank,
    ratio_from_p,
)
from limus.kernel.statistics.pooling.sensitivity import (
    Influence,
    measure_influence,
    pool_cumulatively,
    pool_leaving_one_out,
)
from limus.kernel.statistics.pooling.small_study import (
    FEWEST_FOR_POWER,
    Asymmetry,
    run_begg,
    run_egger,
    run_egger_mixed,
    run_harbord,
    run_peters,
)
from limus.kernel.statistics.pooling.spread import mean_spread
from limus.kernel.statistics.pooling.subgroups import Subgroups, pool_subgroups
from limus.kernel.statistics.pooling.trim_and_fill import MissingEstimator, Side, TrimAndFill, trim_and_fill
from limus.kernel.statistics.pooling.two_by_two import (
    BinaryMeasure,
    Correction,
    Effects,
    EffectStatus,
    TwoByTwo,
    binary_effects,
)

__all__ = [
    "FEWEST_FOR_POWER",
    "FEWEST_FOR_PREDICTION",
    "Asymmetry",
    "BinaryMeasure",
    "Correction",
    "DifferenceVariance",
    "EffectStatus",
    "Effects",
    "Influence",
    "Interval",
    "MetaRegression",
    "MissingEstimator",
    "MixedLogistic",
    "PoolStatus",
    "Pooled",
    "PooledTables",
    "PredictionMethod",
    "QProfile",
    "QProfileStatus",
    "Side",
    "Subgroups",
    "TableStatus",
    "Tau2Method",
    "TrimAndFill",
    "TwoByTwo",
    "TwoMeans",
    "binary_effects",
    "combine_means",
    "estimate_tau2",
    "fit_meta_regression",
    "fit_mixed_logistic",
    "hartung_knapp_interval",
    "interval_asymmetry",
    "mean_differences",
    "mean_spread",
    "measure_influence",
    "normal_quantile",
    "pool_cumulatively",
    "pool_effects",
    "pool_leaving_one_out",
    "pool_mantel_haenszel",
    "pool_peto",
    "pool_subgroups",
    "prediction_interval",
    "profile_q",
    "ratio_from_interval",
    "ratio_from_log_rank",
    "ratio_from_p",
    "run_begg",
    "run_egger",
    "run_egger_mixed",
    "run_harbord",
    "run_peters",
    "standardised_mean_differences",
    "trim_and_fill",
    "wald_interval",
]
