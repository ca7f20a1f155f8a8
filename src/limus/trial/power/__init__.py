"""Operating characteristics: many replicates simulated, analysed as their data sets would be, and reduced."""
