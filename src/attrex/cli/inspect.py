"""``attrex inspect``."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attrex.cli import options as o
from attrex.cli.terminal import say, show, show_json, tell_pictures, tell_problems, write_text
from attrex.errors import ConfigError, InputError
from attrex.io.place import check_place

if TYPE_CHECKING:
    from attrex.report.illustrations import Illustrations


class OrderName(StrEnum):
    """Which rows come first."""

    FOUND = "found"
    MOST = "most"
    LEAST = "least"
    FILE = "file"


@o.reads_data
def inspect(
    file: Annotated[Path, typer.Argument(help="The long form that attrex fill has written.")],
    picture: o.PictureOptions,
    html: o.Html = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows shown in the terminal.")] = 40,
    order: Annotated[
        OrderName,
        typer.Option(
            "--order",
            help="First in the terminal: values found, the most or the least probable; or as the file.",
        ),
    ] = OrderName.FOUND,
    page_limit: Annotated[int, typer.Option("--page-limit", min=1, help="Rows shown in the page.")] = 2000,
    data: Annotated[
        str | None, typer.Option("--data", help="The catalogue that was filled, for its pictures.")
    ] = None,
    format: o.Format = "auto",
    mapping: o.Mapping = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Show where in the pictures this model's words look: heat maps."),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Option("--word", metavar="WORD", help="Heat maps of this word, not of the values; repeatable."),
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Show extractions as a table, and as a page with the values highlighted in their text."""
    if str(file) == "-" or file.is_fifo():
        raise InputError(
            "a pipe can be read only once, and it is read for the table and for the page",
            file=str(file),
            fix="save it to a file and name the file",
        )
    if file.is_file():  # what is none is told when it is read
        check_place(html or file.with_suffix(".html"), file)
    if model is not None and data is None:
        raise ConfigError("--model: heat maps need the texts and pictures. Give the catalogue by --data")
    if words and model is None:
        raise ConfigError("--word: whose attention? Give a model by -m")
    from attrex.io.long_form import read_long
    from attrex.report import inspect_html, inspect_json, inspect_terminal

    if as_json:
        counts = inspect_json(read_long(file), file=str(file))
    else:
        show(inspect_terminal(read_long(file), limit=limit, file=str(file), order=order.value))
    catalogue = None if data is None else o.DataOptions(data, format, mapping)
    illustrations = _illustrated(file, page_limit, picture, catalogue, model, words or [])
    target = html or file.with_suffix(".html")
    title = f"Extractions of {file.name}"
    made = inspect_html(
        read_long(file), title=title, limit=page_limit, file=str(file), illustrations=illustrations
    )
    write_text(target, made)
    if as_json:
        show_json({"page": str(target), **counts})
    else:
        say(f"page: {target}")


def _illustrated(
    file: Path,
    rows: int,
    picture: o.PictureOptions,
    data: o.DataOptions | None,
    model: str | None,
    words: list[str],
) -> Illustrations | None:
    """None where nothing was said of pictures: the page is then made without them."""
    if data is None and picture == o.PictureOptions():
        return None
    from attrex.api import Extractor
    from attrex.api.illustrating import Attention, illustrate
    from attrex.io.long_form import read_long
    from attrex.report.row import parse

    reader = None if data is None else data.open(picture)
    place = (file.parent, str(file)) if reader is None else (reader.folder, reader.path)
    access = picture.access(*place)
    shown = islice((parse(record, at, str(file)) for at, record in enumerate(read_long(file), 1)), rows)
    made = illustrate(
        shown,
        access,
        products=None if reader is None else (row.product for row in reader),
        attention=None if model is None else Attention(Extractor.from_pretrained(model), words),
    )
    if reader is not None:
        tell_problems(reader)
    tell_pictures(access)
    return made
