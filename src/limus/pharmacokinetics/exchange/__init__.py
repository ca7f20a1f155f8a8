"""CDISC data sets in and out."""
