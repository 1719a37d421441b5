"""``attrex evaluate``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from attrex.cli import options as o
from attrex.cli.terminal import say, show, show_json, telling, telling_usage, write_text


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
    complete: o.Complete = False,
    min_precision: o.MinPrecision = None,
    html: o.Html = None,
    seed: o.Seed = 0,
    as_json: o.Json = False,
) -> None:
    """Precision, recall and F1 on labelled data, per attribute."""
    aim = None if min_precision is None else o.aim_of(min_precision)
    reader = data.open(picture)
    pictures = picture.access(reader.folder)
    from attrex.api import Extractor
    from attrex.api.scoring import judge_data, score_of
    from attrex.evaluation import compare
    from attrex.report import comparison_terminal, report_html, report_terminal

    extractor = Extractor.from_pretrained(model).with_pictures(pictures)
    extractor = extractor.aimed(aim) if aim is not None else extractor
    with telling(reader, pictures), telling_usage(extractor.model):
        products = [row.product for row in reader]  # kept, for standard input is read only once
        judged = judge_data(extractor, products, complete=complete, file=reader.path)
    scored = score_of(extractor, judged, name=model, matching=matching.value, seed=seed)
    content = scored.to_json()
    other = None
    rival = extractor.baseline
    if against is not None:
        rival = Extractor.from_pretrained(against).with_pictures(picture.access(reader.folder))
        rival = rival.aimed(aim) if aim is not None else rival
    if rival is not None:
        asked = judge_data(rival, products, complete=complete, file=reader.path)
        names = (against or rival.name, model)
        other = compare(asked, judged, names=names, matching=matching.value, seed=seed)
        content["comparison"] = other.to_json()
    if html is not None:
        write_text(html, report_html(scored))
        say(f"page: {html}")
    if as_json:
        show_json(content)
        return
    show(report_terminal(scored))
    if other is not None:
        show(comparison_terminal(other))
