"""What every plate assay stands on: formats of plates, findings, the uncertainty of what is computed."""
