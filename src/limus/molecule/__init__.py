"""A compound and its sourced properties, equilibria with immunophilin and target, binding in blood."""
