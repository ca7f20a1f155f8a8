"""Is a model right for data: visual predictive check, distribution errors, residuals, shrinkage."""
