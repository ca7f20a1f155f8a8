"""SDTM from a simulated trial, ADaM from SDTM, and the files of both."""
