"""Design as data, virtual cohort, titration, events, analysis. An empty room until the trial issue."""
