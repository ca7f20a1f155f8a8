"""Mathematics and bookkeeping. The kernel knows no pharmacology."""
