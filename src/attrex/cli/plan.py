"""``attrex plan``."""

from __future__ import annotations

from typing import Annotated

import typer

from attrex.cli import options as o
from attrex.cli.terminal import quiet, say, show, show_json, tell_problems


@o.reads_data
def plan(
    data: o.DataOptions,
    picture: o.PictureOptions,
    model: Annotated[
        list[str], typer.Option("--model", "-m", help="Model folder, or its name on the hub; repeatable.")
    ],
    answer_all: Annotated[bool, typer.Option("--all", help="Ask the filled cells too.")] = False,
    ask: Annotated[
        list[str] | None, typer.Option("--ask", metavar="NAME", help="Only this attribute; repeatable.")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="To measure each model, about.")] = 5.0,
    seed: o.Seed = 0,
    as_json: o.Json = False,
    silent: o.Quiet = False,
) -> None:
    """What filling would cost with each model: FLOPs, time, memory, cache. Fills nothing."""
    reader, pictures = o.opened(data, picture)
    from attrex.api.planning import plan as estimate
    from attrex.plan import plan_terminal

    planned = estimate(
        reader,
        model,
        attributes=ask,
        all=answer_all,
        seconds=seconds,
        pictures=pictures,
        seed=seed,
        progress=quiet if silent else say,
    )
    tell_problems(reader, pictures)
    show_json(planned.to_json()) if as_json else show(plan_terminal(planned))
