"""``attrex data``: data sets made of a catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrex.cli import options as o
from attrex.cli.terminal import counted, say, show_json, show_line, telling

app = typer.Typer(no_args_is_help=True, help="Make data sets of a catalogue.")


@app.callback()
def _root() -> None:
    """Make data sets of a catalogue."""


@app.command("implicit")
@o.reads_data
def implicit(
    data: o.DataOptions,
    out: Annotated[Path, typer.Option("--out", "-o", help="JSONL, CSV or TSV to write.")],
    ask: Annotated[
        list[str] | None, typer.Option("--ask", metavar="NAME", help="Only this attribute; repeatable.")
    ] = None,
    per_value: Annotated[int, typer.Option("--per-value", help="Examples of one value at most.")] = 1000,
    at_least: Annotated[
        int, typer.Option("--at-least", help="Leave out values with fewer examples than this.")
    ] = 1,
    parts: Annotated[
        bool, typer.Option("--parts", help="Three files: train, validation and test, divided by title.")
    ] = False,
    seed: o.Seed = 0,
    as_json: o.Json = False,
) -> None:
    """Values that stand nowhere: every mention of a filled cell's value is taken out of the texts."""
    reader = data.open()
    from attrex.api.data import implicit as make

    with telling(reader):
        made, report = make(
            reader, out, attributes=ask, per_value=per_value, at_least=at_least, parts=parts, seed=seed
        )
    if as_json:
        show_json(
            {
                "files": [
                    {
                        "file": str(each.path),
                        "examples": each.examples,
                        "mapping": None if each.mapping is None else str(each.mapping),
                    }
                    for each in made
                ],
                "cells": report.cells,
                "explicit": report.explicit,
                "mentions": report.mentions,
                "emptied": report.emptied,
                "stubborn": report.stubborn,
                "rare": report.rare,
                "values": {name: dict(own.most_common()) for name, own in sorted(report.values.items())},
            }
        )
        return
    for each in made:
        show_line(f"{each.path}: {counted(each.examples, 'example')}")
        if each.mapping is not None:
            say(f"note: read it with --mapping {each.mapping}")
    values = sum(map(len, report.values.values()))
    show_line(
        f"{counted(report.cells, 'filled cell')}, {report.explicit:,} of them mentioned in the text "
        f"({counted(report.mentions, 'mention')} taken out); {counted(values, 'value')} of "
        f"{counted(len(report.values), 'attribute')}"
    )
    left_out = {
        "nothing was left": report.emptied,
        "still mentioned": report.stubborn,
        "too rare": report.rare,
    }
    for why, number in left_out.items():
        if number:
            say(f"left out, {why}: {number:,}")
