"""``attrex backtest``."""

from __future__ import annotations

from typing import Annotated

import typer

from attrex.cli import options as o
from attrex.cli.terminal import quiet, say, show, show_json, telling, write_text
from attrex.errors import ConfigError
from attrex.io.place import check_place


@o.reads_data
def backtest(
    data: o.DataOptions,
    picture: o.PictureOptions,
    schema: o.SchemaFile = None,
    recipe: o.RecipeName = None,
    min_precision: o.MinPrecision = None,
    gate: o.Gate = None,
    share: Annotated[float, typer.Option("--share", help="Of the filled cells, hidden and restored.")] = 0.2,
    html: o.Html = None,
    seed: o.Seed = 0,
    as_json: o.Json = False,
    silent: o.Quiet = False,
) -> None:
    """Hide a part of the filled cells, restore them, and tell how well that went."""
    if not 0 < share < 1:
        raise ConfigError(f"--share is {share:g}; it must lie between 0 and 1")
    aim = o.aim_of(min_precision)
    reader, pictures = o.opened(data, picture)
    if html is not None:
        check_place(html, reader.source.path)
    from attrex.api import backtest as restore
    from attrex.api.recipe import DEFAULT
    from attrex.report import backtest_html, backtest_terminal

    with telling(reader, pictures):
        scored = restore(
            reader,
            schema=schema,
            recipe=recipe or DEFAULT,
            aim=aim,
            share=share,
            gate=None if gate is None else gate.value,
            pictures=pictures,
            seed=seed,
            progress=quiet if silent else say,
        )
    if html is not None:
        write_text(html, backtest_html(scored, title=f"Backtest of {reader.path}"))
        say(f"page: {html}")
    show_json(scored.to_json()) if as_json else show(backtest_terminal(scored))
