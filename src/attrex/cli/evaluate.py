"""``attrex evaluate``."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from attrex.cli import options as o
from attrex.cli.terminal import Meter, say, show, show_json, tell_unread, telling, telling_usage, write_text
from attrex.errors import ConfigError
from attrex.io.place import check_place

if TYPE_CHECKING:
    from attrex.evaluation import Judged

IN_TERMINAL = 9
"""Values of a matrix that fit a terminal's width."""


class Matching(StrEnum):
    """When two values are the same."""

    EXACT = "exact"
    FOLDED = "folded"
    LOOSE = "loose"


@o.reads_data
def evaluate(
    data: o.DataOptions,
    picture: o.PictureOptions,
    model: o.ModelFolder,
    against: Annotated[
        str | None,
        typer.Option("--against", help="Another model to compare with; else the lexicon of the same data."),
    ] = None,
    matching: Annotated[
        Matching,
        typer.Option(
            "--matching", help="Compare values exactly, without case and accents, or but for writing."
        ),
    ] = Matching.EXACT,
    confused: Annotated[
        list[str] | None,
        typer.Option("--confusion", metavar="NAME", help="Values of this attribute against each other."),
    ] = None,
    complete: o.Complete = False,
    min_precision: o.MinPrecision = None,
    html: o.Html = None,
    seed: o.Seed = 0,
    as_json: o.Json = False,
    silent: o.Quiet = False,
) -> None:
    """Precision, recall and F1 on labelled data, per attribute."""
    aim = None if min_precision is None else o.aim_of(min_precision)
    reader, pictures = o.opened(data, picture)
    if html is not None:
        check_place(html, reader.source.path)
    from attrex.api import Extractor
    from attrex.api.products import stream_products
    from attrex.api.scoring import judge_data, score_of
    from attrex.evaluation import compare, confusion
    from attrex.report import comparison_terminal, confusion_terminal, report_html, report_terminal

    extractor = Extractor.from_pretrained(model).with_pictures(pictures)
    extractor = extractor.aimed(aim) if aim is not None else extractor
    tell_unread(reader, (attribute.name for attribute in extractor.schema.every))
    meter = Meter(silent=silent)
    with telling(reader, pictures), telling_usage(extractor.model), closing(meter):
        # kept, for standard input is read only once
        products = list(stream_products(reader, extractor.schema.every))
        judged = judge_data(extractor, meter.over(products), complete=complete, file=reader.path)
    scored = score_of(extractor, judged, name=model, matching=matching.value, seed=seed)
    content = scored.to_json()
    _check_asked(confused or (), judged)
    confusions = [confusion(judged, name, matching=matching.value) for name in confused or ()]
    if confusions:
        content["confusions"] = [each.to_json() for each in confusions]
    other = None
    rival = extractor.baseline
    if against is not None:
        rival = Extractor.from_pretrained(against).with_pictures(picture.access(reader.folder, reader.path))
        rival = rival.aimed(aim) if aim is not None else rival
    if rival is not None:
        with closing(Meter(silent=silent)) as meter:
            asked = judge_data(rival, meter.over(products), complete=complete, file=reader.path)
        names = (against or rival.name, model)
        other = compare(asked, judged, names=names, matching=matching.value, seed=seed)
        content["comparison"] = other.to_json()
    if html is not None:
        write_text(html, report_html(scored, confusions=confusions))
        say(f"page: {html}")
    if as_json:
        show_json(content)
        return
    show(report_terminal(scored))
    for name in confused or ():
        show(confusion_terminal(confusion(judged, name, matching=matching.value, most=IN_TERMINAL)))
    if other is not None:
        show(comparison_terminal(other))


def _check_asked(names: Iterable[str], judged: Iterable[Judged]) -> None:
    known = sorted({each.attribute for each in judged})
    for name in names:
        if name not in known:
            raise ConfigError(
                f'--confusion: nothing was asked of "{name}"; asked were {", ".join(known[:20])}'
            )
