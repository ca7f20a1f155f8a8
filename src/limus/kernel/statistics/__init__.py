"""Survival, regression, mixed models, pooling, resampling and allocation. An empty room: no issue has needed it yet."""
