"""``python -m attrex``."""

from attrex.cli import main

if __name__ == "__main__":
    main()
