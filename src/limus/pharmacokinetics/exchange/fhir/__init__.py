"""FHIR R4 in: the bundle of one patient becomes an event table."""
