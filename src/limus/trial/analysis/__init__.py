"""The analysis of ADaM data sets by estimand: what a report prints."""
