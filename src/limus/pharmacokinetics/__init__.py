"""Published population models, regimens, event tables and exposure. An empty room until the patient issues."""
