"""What limus finds for one patient, as resources of FHIR R4."""
