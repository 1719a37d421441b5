"""``python -m attrex.sample.drawn OUT --products N --size S --seed K``"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from attrex.errors import AttrexError
from attrex.sample.drawn.catalogue import LARGEST, SMALLEST, TABLES, write_catalogue


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the catalogue and says what it wrote; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m attrex.sample.drawn", description="Draws a catalogue.")
    parser.add_argument("out", help="the folder to write to")
    parser.add_argument("--products", type=int, default=600)
    parser.add_argument("--size", type=int, default=128, help=f"pixels a side, {SMALLEST} to {LARGEST}")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        made = write_catalogue(given.out, products=given.products, size=given.size, seed=given.seed)
    except AttrexError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    counts = ", ".join(f"{sum(p.table == table for p in made)} in {table}" for table in TABLES)
    print(f"{given.out}: {len(made)} products, {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
