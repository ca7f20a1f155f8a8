"""Events and kidney function over time from hazards that follow exposure."""
