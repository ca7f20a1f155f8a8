"""The parts of ``limus evidence pool``: what is computed, its JSON, its figures, the sections of its report."""
