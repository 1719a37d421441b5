from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from attrex.core import Answer, Attribute, Product, Status
from attrex.errors import Interrupted
from attrex.extract import Pipeline, blanks
from attrex.extract.jobs import JobReport, run_job
from attrex.io.long_form import read_long
from attrex.io.reader import open_reader
from attrex.io.rows import Reader
from attrex.io.sinks import Sink, open_sink
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver
from attrex.schema import Schema
from tests.extract.scripted import Scripted, word_after

SCHEMA = Schema((Attribute("Colour"),))
ROWS = 3000


def pipeline(script=None) -> Pipeline:  # type: ignore[no-untyped-def]
    resolver = Resolver(Policy(), Normaliser())
    model = Scripted(script or word_after("in"))
    return Pipeline(model, SCHEMA, resolver, stage="scripted", version="v1")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    lines = [f"p{i},Lamp in c{i}," + ("kept" if i % 10 == 0 else "") for i in range(ROWS)]
    path.write_text("id,title,Colour\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def sink_for(out: Path, reader: Reader) -> Sink:
    return open_sink(out, reader=reader, attributes=["Colour"], job={"model": "v1"})


def run(table: Path, out: Path, **more) -> JobReport:  # type: ignore[no-untyped-def]
    reader = open_reader(table)
    return run_job(
        more.pop("pipeline", pipeline()), reader, sink_for(out, reader), lambda p: blanks(p, SCHEMA), **more
    )


def test_a_table_is_filled_and_filled_cells_stay(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.csv"
    report = run(table, out)
    assert (report.rows, report.resumed) == (ROWS, 0)
    assert report.asks == {Status.FOUND: ROWS - ROWS // 10}
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[1] == "p0,Lamp in c0,kept"
    assert lines[2] == "p1,Lamp in c1,c1"
    assert len(lines) == ROWS + 1


def test_stopped_by_the_user_it_keeps_what_is_done(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.parquet"

    def stop(report: JobReport) -> None:
        if report.rows == 1500:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match=r"stopped after 1,500 rows; they are kept; run the same"):
        run(table, out, progress=stop)
    assert not out.exists()
    again = pipeline()
    report = run(table, out, pipeline=again)
    assert (report.rows, report.resumed) == (ROWS, 1500)
    assert sum(report.asks.values()) == 1350
    asked = len(again.model.prepared)  # type: ignore[attr-defined]
    assert asked == 1350  # nothing is asked twice, filled cells are not asked
    whole = tmp_path / "whole.parquet"
    run(table, whole)
    assert list(read_long(out)) == list(read_long(whole))
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


def test_standard_output_cannot_be_resumed_and_says_so(
    table: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    reader = open_reader(table)
    sink = open_sink("-", reader=reader, layout="long", attributes=["Colour"])

    def stop(report: JobReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"stopped after 1 row; what was written stays, and a run"):
        run_job(pipeline(), reader, sink, lambda p: blanks(p, SCHEMA), progress=stop)


def test_an_error_on_the_way_keeps_what_is_done(table: Path, tmp_path: Path) -> None:
    def broken(product: Product, attribute: Attribute) -> Answer:
        if product.id == "p2000":
            return Answer()
        if product.id == "p2601":
            raise ZeroDivisionError("a bug")
        return word_after("in")(product, attribute)

    out = tmp_path / "filled.csv"
    with pytest.raises(ZeroDivisionError):
        run(table, out, pipeline=pipeline(broken))
    assert not out.exists()
    assert run(table, out).resumed > 1000


def test_progress_is_told_row_by_row(table: Path, tmp_path: Path) -> None:
    told: list[int] = []
    run(table, tmp_path / "filled.jsonl", progress=lambda report: told.append(report.rows))
    assert told == list(range(1, ROWS + 1))
    first = json.loads((tmp_path / "filled.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (first["product_id"], first["attribute"], first["value"]) == ("p1", "Colour", "c1")


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """Rows in flight, counted at the reader, stay within a few batches."""
    out = tmp_path / "filled.csv"
    path = tmp_path / "long.csv"
    path.write_text(
        "id,title\n" + "\n".join(f"p{i},Lamp in c{i}" for i in range(ROWS)) + "\n", encoding="utf-8"
    )
    reader = open_reader(path)
    read, most = 0, 0

    def ask(product: Product):  # type: ignore[no-untyped-def]
        nonlocal read
        read += 1
        return blanks(product, SCHEMA)

    def seen(report: JobReport) -> None:
        nonlocal most
        most = max(most, read - report.rows)

    run_job(pipeline(), reader, sink_for(out, reader), ask, progress=seen)
    assert most <= 4 * 256
