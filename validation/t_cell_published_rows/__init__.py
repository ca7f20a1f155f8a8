"""Published behaviours of T cells in culture, a theme a file: the claims in ``.csv``, how they are asked in ``.py``."""
