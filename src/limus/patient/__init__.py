"""Drug monitoring: estimates of random effects, forecasts, doses, evaluation."""
