"""``python -m limus``."""

from limus.cli.main import main

if __name__ == "__main__":
    main()
