"""``python -m attrex``, and the command ``attrex``."""

from __future__ import annotations

import sys

from attrex.errors import STOPPED


def main() -> None:
    """Runs a command. Ctrl-C ends it without a traceback also while the command line is being imported."""
    try:
        from attrex.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("attrex: stopped\n")
        sys.exit(STOPPED)


if __name__ == "__main__":
    main()
