"""``attrex fill``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attrex.cli import options as o
from attrex.cli.terminal import Meter, counted, say, show_json, show_line, tell_unread, telling, telling_usage
from attrex.core import Status
from attrex.core.seed import LARGEST_SEED

if TYPE_CHECKING:
    from attrex.extract.jobs import JobReport
    from attrex.io.sinks import Fill
    from attrex.models.interface import Model


class LayoutName(StrEnum):
    """The shape of the output."""

    AUTO = "auto"
    WIDE = "wide"
    LONG = "long"
    MAVE = "mave"


@o.reads_data
def fill(
    data: o.DataOptions,
    picture: o.PictureOptions,
    model: o.ModelFolder,
    out: Annotated[
        str, typer.Option("--out", "-o", help="CSV, TSV: your table; Parquet, JSONL: the long form. Or - .")
    ] = "-",
    answer_all: Annotated[
        bool, typer.Option("--all", help="Answer the filled cells too, beside them.")
    ] = False,
    ask: Annotated[
        list[str] | None, typer.Option("--ask", metavar="NAME", help="Only this attribute; repeatable.")
    ] = None,
    layout: Annotated[LayoutName, typer.Option("--layout", help="The shape, whatever the ending.")] = (
        LayoutName.AUTO
    ),
    min_precision: o.MinPrecision = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Folder that keeps what was prepared, for the next run or attribute."),
    ] = None,
    cache_limit: Annotated[
        float, typer.Option("--cache-limit", metavar="GB", help="Gigabytes the folder may hold.")
    ] = 4.0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an interrupted run has done.")
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            "--seed", min=0, max=LARGEST_SEED, help="Taken by every verb; filling draws nothing at random."
        ),
    ] = 0,
    as_json: o.Json = False,
    silent: o.Quiet = False,
) -> None:
    """Fill the empty cells, with evidence. Filled cells are never touched."""
    aim = None if min_precision is None else o.aim_of(min_precision)
    reader, pictures = o.opened(data, picture)
    from attrex.api import Extractor
    from attrex.api.caching import open_cache
    from attrex.api.products import delimiters_of
    from attrex.extract.jobs import run_job
    from attrex.io.sinks import open_sink

    extractor = Extractor.from_pretrained(model).with_pictures(pictures)
    if aim is not None:
        extractor = extractor.aimed(aim)
        if not extractor.policy.trials:
            say(
                "warning: --min-precision: this model has not been tried on products kept apart, so that its "
                "own scores are taken at their word. Fix: attrex fit learns when to believe them"
            )
    reader.cut_at(delimiters_of(extractor.schema.every))
    tell_unread(reader, (attribute.name for attribute in extractor.schema.every))
    asked = extractor.known(ask) if ask else None
    kept = None
    if cache is not None:
        kept = open_cache(extractor.model, extractor.version, cache, limit=cache_limit, say=say)
    every = asked or extractor.schema.every
    sink = open_sink(
        out,
        reader=reader,
        layout=layout.value,
        attributes=[a.name for a in every],
        answer_all=answer_all,
        delimiters=delimiters_of(every),
        job={
            "model": extractor.version,
            "schema": extractor.schema.version,
            "gate": None if extractor.gate is None else extractor.gate.version,
            "thresholds": extractor.policy.thresholds.to_json(),
            "pictures": None if extractor.picture_size is None else pictures.told(),
            "all": answer_all,
            "ask": sorted(ask or ()),
            **({"ocr": True} if picture.ocr else {}),
        },
        existing="restart" if restart else "resume",
    )
    if sink.rows:
        say(f"going on after the {counted(sink.rows, 'row')} that an earlier run has written")
    meter = Meter(silent=silent)
    with telling(reader, pictures), telling_usage(extractor.model), closing(meter):
        report = run_job(
            extractor.cached(kept),
            reader,
            sink,
            lambda product: extractor.request(product, asked, all=answer_all),
            progress=lambda at: meter.update(at.rows, reader.fraction),
        )
    if kept is not None:
        say(f"{cache}: {kept.hits:,} records read, {kept.misses:,} made; it holds {kept.size / 1e6:,.1f} MB")
    to_error = out == "-"
    if as_json:
        show_json(_summary(out, report, sink.fills, extractor.model), beside=to_error)
    else:
        for line in _lines(out, report, sink.fills):
            say(line) if to_error else show_line(line)


def _summary(out: str, report: JobReport, fills: Mapping[str, Fill], model: Model) -> dict[str, Any]:
    from attrex.models.interface import Metered

    return {
        "output": out,
        "rows": report.rows,
        "resumed": report.resumed,
        "asks": {status.value: count for status, count in sorted(report.asks.items())},
        "attributes": {
            name: {"cells": f.cells, "filled_before": f.before, "filled_after": f.after}
            for name, f in sorted(fills.items())
        },
        **({"usage": model.usage()} if isinstance(model, Metered) else {}),
    }


def _lines(out: str, report: JobReport, fills: Mapping[str, Fill]) -> list[str]:
    """The fill rate before and after, in all and by attribute."""
    from attrex.report.numbers import clipped

    before, after = sum(f.before for f in fills.values()), sum(f.after for f in fills.values())
    cells = sum(f.cells for f in fills.values())
    width = max((len(clipped(name)) for name in fills), default=0)
    denied = report.asks[Status.NOT_APPLICABLE]
    asked = counted(report.asks.total() - denied, "cell")
    spared = f" ({denied:,} more do not apply)" if denied else ""
    blind = report.asks[Status.UNREADABLE]
    unread = f", {blind:,} of them of products that cannot be read, or not whole" if blind else ""
    lines = [
        f"{'standard output' if out == '-' else out}: {counted(report.rows, 'row')}, "
        f"{asked} asked{spared}{unread}; filled before {_share(before, cells)}, after {_share(after, cells)}"
    ]
    lines += [
        f"  {clipped(name):<{width}}  {_share(f.before, f.cells):>6} -> {_share(f.after, f.cells):>6}"
        f"  of {f.cells:,}"
        for name, f in sorted(fills.items(), key=lambda item: (-item[1].cells, item[0]))
    ]
    return lines


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"
