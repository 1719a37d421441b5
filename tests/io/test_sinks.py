from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from attrex.core import Evidence, Status, Value
from attrex.errors import ConfigError, InputError, OutputError
from attrex.io import sinks
from attrex.io.layouts import LONG_COLUMNS
from attrex.io.long_form import read_long
from attrex.io.mapping import ColumnMapping
from attrex.io.parts import PartFolder
from attrex.io.reader import open_reader
from attrex.io.rows import Reader
from attrex.io.sinks import Fill, Sink, open_sink
from tests.io.files import found, unfound, write, write_lines

TABLE = (
    "sku,title,Color,Use,note\r\n"
    'a,"Red, ""big"" shoe",,walk; run,n1\r\n'
    "b,Blue shoe,blue,,=1+1\r\n"
    "c,Shoe,n/a,,\r\n"
)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    mapping = ColumnMapping(sources={"title": "title"}, many={"Use": "; "}, ignore=("note",))
    return open_reader(write(tmp_path / "c.csv", TABLE), mapping=mapping)


def fill(sink: Sink, reader: Reader) -> None:
    with sink:
        for row in reader:
            answers = [found(row, "Color", "Red"), found(row, "Use", "run", "=cmd"), unfound(row, "Size")]
            sink.write(row, answers)


def test_the_table_comes_back_with_its_blanks_filled(tmp_path: Path, reader: Reader) -> None:
    out = tmp_path / "out.csv"
    sink = open_sink(out, reader=reader, attributes=["Color", "Use", "Size"])
    fill(sink, reader)
    assert out.read_bytes().decode() == (
        "sku,title,Color,Use,note,Size\r\n"
        'a,"Red, ""big"" shoe",Red,walk; run,n1,\r\n'
        "b,Blue shoe,blue,run; =cmd,=1+1,\r\n"  # filled cells and the user's own formula stay
        "c,Shoe,n/a,run; =cmd,,\r\n"
    )
    assert sink.fills == {"Color": Fill(3, 1, 2), "Use": Fill(3, 1, 3), "Size": Fill(3, 0, 0)}
    assert [p.name for p in tmp_path.iterdir() if "attrex" in p.name] == []


def test_all_answers_stand_beside(tmp_path: Path, reader: Reader) -> None:
    out = tmp_path / "out.csv"
    fill(open_sink(out, reader=reader, attributes=["Color"], answer_all=True), reader)
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    assert [(r["Color"], r["Color (attrex)"]) for r in rows] == [
        ("Red", "Red"),
        ("blue", "Red"),
        ("n/a", "Red"),
    ]
    assert [r["Use"] for r in rows] == ["walk; run", "run; =cmd", "run; =cmd"]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("-x", "'-x"), ("@a", "'@a"), ("\tx", "'\tx"), ("＝1", "'＝1"),
        ("'=1", "''=1"), ("-5", "-5"), ("+1.5", "+1.5"), ("-20 °C", "'-20 °C"), ("a=b", "a=b"),
        ("'tis", "'tis"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_escaped(
    tmp_path: Path, reader: Reader, text: str, cell: str
) -> None:
    wide, long, lines = tmp_path / "w.csv", tmp_path / "l.csv", tmp_path / "l.jsonl"
    for out, layout in ((wide, "wide"), (long, "long"), (lines, "long")):
        with open_sink(out, reader=reader, layout=layout, attributes=["Size"]) as sink:  # type: ignore[arg-type]
            for row in reader:
                sink.write(row, [found(row, "Size", text)])
    with wide.open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["Size"] == cell
    with long.open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["value"] == cell
    assert json.loads(lines.read_text("utf-8").split("\n")[0])["value"] == text
    for path in (long, lines):
        assert next(iter(read_long(path)))["value"] == text


def test_formulas_in_headers_of_new_columns(tmp_path: Path, reader: Reader) -> None:
    out = tmp_path / "out.csv"
    fill(open_sink(out, reader=reader, attributes=["=Size", "note"]), reader)
    assert out.read_text("utf-8").split("\n")[0] == "sku,title,Color,Use,note,'=Size,note (attrex)"


@pytest.mark.parametrize("name", ["o.csv", "o.tsv", "o.jsonl", "o.parquet", "o.csv.gz", "o.jsonl.gz"])
def test_the_long_form_is_read_back(tmp_path: Path, reader: Reader, name: str) -> None:
    out = tmp_path / name
    with open_sink(out, reader=reader, layout="long") as sink:
        for row in reader:
            one = found(row, "Color", "Red")
            other = Value("40mm", "40 mm", 0.4, (Evidence("span", one.values[0].evidence[0].span),))
            abstained = unfound(row, "Size", Status.ABSTAINED)
            sink.write(row, [one, replace(abstained, alternatives=(other,)), found(row, "Use", "x", "y")])
    records = list(read_long(out))
    assert len(records) == 12
    assert tuple(records[0]) == LONG_COLUMNS
    assert records[0] == {
        "product_id": "a", "attribute": "Color", "status": "found", "value": "Red", "canonical": "Red",
        "probability": 0.9, "source": "title", "start": 0, "end": 3, "snippet": 'Red, "big" shoe',
        "snippet_start": 0, "evidence_kind": "span", "picture": None, "box": None, "confidence": None,
        "other_places": [], "alternatives": [],
        "input_read": "all", "model": "m1", "schema": "s1", "input": "i1",
    }  # fmt: skip
    assert records[1]["value"] is None
    assert records[1]["probability"] == 0.8
    assert records[1]["alternatives"] == [
        {"value": "40mm", "canonical": "40 mm", "probability": 0.4, "source": "title", "start": 0, "end": 3}
    ]
    assert [r["value"] for r in records[2:4]] == ["x", "y"]
    assert records[2]["evidence_kind"] == "inferred"
    assert records[2]["start"] is None


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl", "o.parquet"])
def test_all_places_of_a_value_are_written(tmp_path: Path, reader: Reader, name: str) -> None:
    with open_sink(tmp_path / name, reader=reader, layout="long") as sink:
        for row in reader:
            one = found(row, "Color", "Red", "shoe")
            places = tuple(v.evidence[0] for v in one.values)
            sink.write(row, [replace(one, values=(replace(one.values[0], evidence=places),))])
    first = next(iter(read_long(tmp_path / name)))
    assert (first["start"], first["end"]) == (0, 3)
    assert first["other_places"] == [
        {
            "source": "title", "start": 11, "end": 15, "snippet": 'Red, "big" shoe', "snippet_start": 11,
            "evidence_kind": "span", "picture": None, "box": None, "confidence": None,
        }
    ]  # fmt: skip
    if name == "o.parquet":
        places_type = pq.read_schema(tmp_path / name).field("other_places").type
        assert str(places_type.value_type).startswith("struct<source: string, start: int64")


def test_reading_something_else_as_the_long_form(tmp_path: Path, reader: Reader) -> None:
    with pytest.raises(InputError, match=r'row 1, field "product_id": this is not the long form of attrex'):
        list(read_long(tmp_path / "c.csv"))
    bad = write(tmp_path / "l.csv", "product_id,attribute,status,value,start\na,b,found,c,x\n")
    with pytest.raises(InputError, match="row 1, field \"start\": 'x' is no number"):
        list(read_long(bad))
    odd = write(tmp_path / "o.csv", "product_id,attribute,status,value,other_places\na,b,found,c,x\n")
    with pytest.raises(InputError, match=r'row 1, field "other_places": this is no list in JSON\. Fix'):
        list(read_long(odd))


def test_layouts_by_the_ending(tmp_path: Path, reader: Reader) -> None:
    gpt = write_lines(tmp_path / "g.jsonl", {"input": "a", "category": "T", "target_scores": {"B": {"x": 1}}})
    for source, name, head in (
        (reader, "a.csv", "sku,title"),
        (reader, "a.tsv", "sku\ttitle"),
        (reader, "a.jsonl", '{"product_id": '),
        (open_reader(gpt), "b.csv", "product_id,attribute"),
    ):
        with open_sink(tmp_path / name, reader=source) as sink:
            for row in source:
                sink.write(row, [found(row, "Color", "Red")])
        assert (tmp_path / name).read_text("utf-8").startswith(head)
    with open_sink(tmp_path / "m.jsonl", reader=reader, layout="mave") as sink:
        for row in reader:
            sink.write(row, [found(row, "Color", "Red")])
    assert [r.product.id for r in open_reader(tmp_path / "m.jsonl", format="mave")] == ["a", "b", "c"]


def test_layouts_that_do_not_fit(tmp_path: Path, reader: Reader) -> None:
    gpt = open_reader(
        write_lines(tmp_path / "g.jsonl", {"input": "a", "target_scores": {}}), format="oa-mine"
    )
    with pytest.raises(
        ConfigError, match='layout: "wide" gives a table back, and the input is none; use "long"'
    ):
        open_sink(tmp_path / "o.csv", reader=gpt, layout="wide")
    with pytest.raises(
        ConfigError, match=r'layout: "mave" is JSON lines; name an output that ends in \.jsonl'
    ):
        open_sink(tmp_path / "o.csv", reader=reader, layout="mave")
    with pytest.raises(
        ConfigError, match='layout: there is no layout "tall"; there are auto, wide, long, mave'
    ):
        open_sink(tmp_path / "o.csv", reader=reader, layout="tall")  # type: ignore[arg-type]


def test_the_dialect_of_the_input_is_kept(tmp_path: Path) -> None:
    text = 'id;title;Color\n1;"line\rone";\n2;t;red\n'
    source = open_reader(write(tmp_path / "c.csv", text, "utf-8-sig"))
    with open_sink(tmp_path / "o.csv", reader=source, attributes=["Color"]) as sink:
        for row in source:
            sink.write(row, [])
    assert (tmp_path / "o.csv").read_bytes() == text.encode("utf-8-sig")


def test_wide_from_jsonl_and_to_parquet(tmp_path: Path) -> None:
    source = open_reader(
        write_lines(tmp_path / "l.jsonl", {"id": 1, "title": "t", "start": ["a", "b"], "Color": None})
    )
    for name in ("o.csv", "o.parquet"):
        with open_sink(tmp_path / name, reader=source, layout="wide", attributes=["Color"]) as sink:
            for row in source:
                sink.write(row, [found(row, "Color", "red")])
    assert (tmp_path / "o.csv").read_text("utf-8") == 'id,title,start,Color\n1,t,"[""a"", ""b""]",red\n'
    assert pq.read_table(tmp_path / "o.parquet").to_pylist() == [
        {"id": "1", "title": "t", "start": '["a", "b"]', "Color": "red"}
    ]


def test_standard_output(reader: Reader, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(open_sink("-", reader=reader, attributes=["Size"]), reader)
    assert capsysbinary.readouterr().out.decode().split("\r\n")[:2] == [
        "sku,title,Color,Use,note,Size",
        'a,"Red, ""big"" shoe",Red,walk; run,n1,',
    ]
    fill(open_sink("-", reader=reader, layout="long"), reader)
    assert len(capsysbinary.readouterr().out.splitlines()) == 12


def test_a_full_device_behind_standard_output(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OutputError) as caught:
            fill(open_sink("-", reader=reader), reader)
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    assert str(caught.value) == (
        "standard output: cannot be written: No space left on device. "
        "Fix: make room, or write to another place"
    )


def stop_after(sink: Sink, reader: Reader, rows: int) -> None:
    """Writes until the sink has so many rows, then is interrupted."""
    with contextlib.suppress(KeyboardInterrupt), sink:
        for row in reader:
            if row.number > sink.last_row:
                sink.write(row, [found(row, "Color", "Red")])
                if sink.rows == rows:
                    raise KeyboardInterrupt
    assert sink.rows == rows


@pytest.mark.parametrize("name", ["o.csv", "o.parquet", "o.jsonl.gz"])
def test_an_interrupted_run_is_taken_up(
    tmp_path: Path, reader: Reader, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "PIECE_ROWS", 2)
    options: dict[str, Any] = {"reader": reader, "attributes": ["Color"], "job": {"model": "m1"}}
    whole, out = tmp_path / f"whole-{name}", tmp_path / name
    with open_sink(whole, **options) as sink:
        for row in reader:
            sink.write(row, [found(row, "Color", "Red")])
    stop_after(open_sink(out, **options), reader, 1)
    assert not out.exists()
    stop_after(open_sink(out, **options), reader, 2)
    again = open_sink(out, **options)
    assert (again.rows, again.last_row, again.fills["Color"]) == (2, 2, Fill(2, 1, 2))
    with again:
        for row in reader:
            if row.number > again.last_row:
                again.write(row, [found(row, "Color", "Red")])
    if name.endswith("parquet"):
        assert pq.read_table(out).equals(pq.read_table(whole))
    else:
        assert out.read_bytes() == whole.read_bytes()
    assert again.fills == sink.fills
    assert not PartFolder(out).path.exists()


def test_another_job_does_not_take_it_up(tmp_path: Path, reader: Reader) -> None:
    out = tmp_path / "o.csv"
    stop_after(open_sink(out, reader=reader, job={"model": "m1"}), reader, 1)
    with pytest.raises(OutputError) as caught:
        open_sink(out, reader=reader, job={"model": "m2"})
    assert str(caught.value).endswith(
        "1 row is kept of another run in o.csv.attrex-part (it differs in: model). "
        "Fix: run that one to its end, delete the folder, or start again (--restart)"
    )
    assert open_sink(out, reader=reader, job={"model": "m2"}, existing="restart").rows == 0


def test_a_damaged_part_folder_is_begun_anew(tmp_path: Path, reader: Reader) -> None:
    out = tmp_path / "o.csv"
    for damage in ("state.json", "000000"):
        stop_after(open_sink(out, reader=reader), reader, 1)
        (PartFolder(out).path / damage).unlink()
        assert open_sink(out, reader=reader).rows == 0


def test_pieces_close_by_size_too(tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "PIECE_SIZE", 1)
    for name in ("o.csv", "o.parquet"):
        sink = open_sink(tmp_path / name, reader=reader, layout="long")
        sink.write(next(iter(reader)), [found(next(iter(reader)), "Color", "Red")])
        assert (PartFolder(tmp_path / name).path / "000000").is_file()


def test_a_full_disk_keeps_what_is_done(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = write(tmp_path / "o.csv", "what was there before")
    monkeypatch.setattr(sinks, "PIECE_ROWS", 1)
    real = PartFolder._write

    def full(self: PartFolder, path: Path, write: Any) -> None:
        if path.name == "000001":
            raise OSError(28, "No space left on device")
        real(self, path, write)

    monkeypatch.setattr(PartFolder, "_write", full)
    with pytest.raises(OutputError) as caught:
        fill(open_sink(out, reader=reader), reader)
    assert str(caught.value).endswith(
        "o.csv: cannot be written: No space left on device; 1 row is kept in o.csv.attrex-part. "
        "Fix: make room or choose another place, then run the same command again"
    )
    assert caught.value.exit_code == 4
    assert out.read_text("utf-8") == "what was there before"
    monkeypatch.setattr(PartFolder, "_write", real)
    assert open_sink(out, reader=reader).rows == 1


def test_a_file_size_limit_of_the_system(tmp_path: Path) -> None:
    """The same with a real limit: the pieces fit, the whole does not."""
    write(tmp_path / "c.csv", "id,title\n" + "".join(f"{i},{'x' * 100}\n" for i in range(300)))
    script = """
import resource, sys
from attrex.errors import OutputError
from attrex.io import sinks
from attrex.io.reader import open_reader
sinks.PIECE_ROWS = 100
reader = open_reader("c.csv")
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    with sinks.open_sink("o.csv", reader=reader) as sink:
        for row in reader:
            sink.write(row, [])
except OutputError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(
        "o.csv: cannot be written: File too large; 300 rows are kept in o.csv.attrex-part. Fix: make room"
    )
    assert not (tmp_path / "o.csv").exists()


def test_places_that_cannot_be_written(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(path: Path) -> str:
        with pytest.raises(OutputError) as caught:
            open_sink(path, reader=reader)
        return str(caught.value).replace(f"{tmp_path}/", "")

    assert said(tmp_path / "c.csv") == "c.csv: this is the input itself. Fix: name another file"
    assert said(tmp_path / "no" / "o.csv") == (
        "no/o.csv: there is no folder no. Fix: name a file in a folder that exists"
    )
    (tmp_path / "folder.csv").mkdir()
    assert said(tmp_path / "folder.csv").startswith("folder.csv: this is a folder. Fix")
    assert said(tmp_path / "o.xlsx") == (
        'o.xlsx: the ending ".xlsx" tells no format. '
        "Fix: use one of .csv, .tsv, .tab, .jsonl, .ndjson, .parquet (text also with .gz behind it)"
    )
    assert said(tmp_path / "o.parquet.gz").startswith(
        'o.parquet.gz: the ending ".parquet.gz" tells no format'
    )
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "nothing may be written to" in said(tmp_path / "o.csv")


def test_gzip_output_is_the_same_every_time(tmp_path: Path, reader: Reader) -> None:
    for name in ("1.csv.gz", "2.csv.gz"):
        fill(open_sink(tmp_path / name, reader=reader), reader)
    assert (tmp_path / "1.csv.gz").read_bytes() == (tmp_path / "2.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "1.csv.gz").read_bytes()).startswith(b"sku,")
