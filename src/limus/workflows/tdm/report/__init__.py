"""Pages of drug monitoring: forecast, doses, evaluation."""
