"""A trial as data: protocol, arms and drugs, scenarios, populations and hazards of the library, and their checks."""
