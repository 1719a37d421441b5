"""``attrex backtest`` on VideoAVE's product tables, which are filled in part, beside the lexicon."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import attrex
from attrex.evaluation import Backtest
from attrex.io.reader import open_reader
from record import DATA, write


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--tables", nargs="+", default=["appliances", "automotive", "grocery"])
    options.add_argument("--precision", type=float, default=0.9)
    options.add_argument("--name", default="backtest")
    given = options.parse_args()
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    for table in given.tables:
        reader = open_reader(given.data / "videoave" / f"{table}_train.csv", format="videoave")
        began = time.monotonic()
        scored = attrex.backtest(reader, aim=f"precision={given.precision}")
        seconds = time.monotonic() - began
        raw[table] = scored.to_json()
        rows.append(_row(table, scored, seconds, given.precision))
        print(rows[-1], flush=True)
        write(
            given.name,
            f"Backtest at precision {given.precision}, on filled cells",
            [
                "table",
                "hidden cells",
                "in title",
                "precision (95 %)",
                "where the value stands in the title",
                "coverage in title (95 %)",
                "lexicon precision",
                "lexicon coverage in title",
                "at equal precision: model",
                "lexicon",
                "s",
            ],
            rows,
            [
                "A fifth of all filled cells is hidden, by title; coverage: the share of the hidden cells "
                "whose value stands in the title that were written.",
                "The thresholds of both models are chosen inside the other four fifths, for that precision, "
                "with something in hand.",
                "A value that is written where the cell's own stands nowhere in the title counts as wrong: "
                "the second precision leaves those cells out.",
                "At equal precision: the largest coverage of the hidden cells whose value stands in the "
                f"title, at a precision of {given.precision}, by a threshold chosen on these very cells.",
            ],
            raw,
        )


def _row(table: str, scored: Backtest, seconds: float, precision: float) -> list[Any]:
    model, lexicon = scored.overall.model, scored.overall.lexicon
    equal = next(at for at in scored.at_precision if abs(at.precision - precision) < 1e-9)
    return [
        table,
        model.cells,
        model.in_text,
        f"{model.precision or 0:.3f} ({_ends(model.intervals.get('precision'))})",
        model.precision_in_text or 0.0,
        f"{model.coverage_in_text or 0:.3f} ({_ends(model.intervals.get('coverage_in_text'))})",
        lexicon.precision or 0.0,
        lexicon.coverage_in_text or 0.0,
        equal.model_in_text,
        equal.lexicon_in_text,
        f"{seconds:.0f}",
    ]


def _ends(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else "–"


if __name__ == "__main__":
    main()
