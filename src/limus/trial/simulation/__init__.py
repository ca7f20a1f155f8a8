"""Virtual cohorts, allocation, replicates and operating characteristics."""
