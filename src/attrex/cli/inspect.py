"""``attrex inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrex.cli import options as o
from attrex.cli.terminal import say, show, write_text
from attrex.errors import InputError


def inspect(
    file: Annotated[Path, typer.Argument(help="The long form that attrex fill has written.")],
    html: o.Html = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows shown in the terminal.")] = 40,
    page_limit: Annotated[int, typer.Option("--page-limit", min=1, help="Rows shown in the page.")] = 2000,
) -> None:
    """Show extractions as a table, and as a page with the values highlighted in their text."""
    if str(file) == "-" or file.is_fifo():
        raise InputError(
            "a pipe can be read only once, and it is read for the table and for the page",
            file=str(file),
            fix="save it to a file and name the file",
        )
    from attrex.io.long_form import read_long
    from attrex.report import inspect_html, inspect_terminal

    show(inspect_terminal(read_long(file), limit=limit, file=str(file)))
    target = html or file.with_suffix(".html")
    title = f"Extractions of {file.name}"
    write_text(target, inspect_html(read_long(file), title=title, limit=page_limit, file=str(file)))
    say(f"page: {target}")
