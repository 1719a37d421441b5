"""A file filled from end to end: every row read, asked, written, and nothing lost when it stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from attrex.core import Product, Status
from attrex.errors import Interrupted
from attrex.extract.pipeline import Pipeline
from attrex.extract.request import Request
from attrex.io.rows import Reader, Row
from attrex.io.sinks import FileSink, Sink

Ask = Callable[[Product], Request]


@dataclass(slots=True)
class JobReport:
    """``rows`` were written in all, ``resumed`` of them by an earlier run; ``asks`` counts this
    run's by status."""

    rows: int = 0
    resumed: int = 0
    asks: Counter[Status] = field(default_factory=Counter)


def run_job(
    pipeline: Pipeline,
    reader: Reader,
    sink: Sink,
    ask: Ask,
    *,
    progress: Callable[[JobReport], None] | None = None,
) -> JobReport:
    """Reads, asks and writes until the reader ends, in memory that does not grow with the rows.

    Rows that an earlier run has written are read over. ``progress`` is called after every row. Stopped by
    the user, it keeps what is done and raises ``Interrupted``; the sink is closed only by success.
    """
    report = JobReport(rows=sink.rows, resumed=sink.rows)
    try:
        with sink:
            for result in pipeline.run(_requests(reader, ask, sink.last_row)):
                row: Row = result.request.tag
                sink.write(row, result.extractions)
                report.rows = sink.rows
                report.asks.update(extraction.status for extraction in result.extractions)
                if progress is not None:
                    progress(report)
    except KeyboardInterrupt:
        kept = (
            "they are kept; run the same command again to go on from there"
            if isinstance(sink, FileSink)
            else "what was written stays, and a run to standard output cannot be resumed"
        )
        rows = "1 row" if sink.rows == 1 else f"{sink.rows:,} rows"
        raise Interrupted(f"stopped after {rows}; {kept}") from None
    return report


def _requests(reader: Reader, ask: Ask, done: int) -> Iterator[Request]:
    for row in reader:
        if row.number > done:
            yield replace(ask(row.product), tag=row)
