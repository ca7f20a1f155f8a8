"""What a bench produces: plates, dose-response curves, phosphatase, ELISA with viability, flow cytometry."""
