from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from attrex.io.digests import DigestSet
from attrex.io.formula import escape, unescape
from attrex.io.reader import open_reader
from attrex.io.sinks import open_sink

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(TEXT)
def test_escaping_is_undone(text: str) -> None:
    assert unescape(escape(text)) == text


@settings(max_examples=60)
@given(
    st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=5),
    st.sampled_from([",", ";", "\t"]),
)
def test_a_table_comes_back_cell_by_cell(rows: list[list[str]], delimiter: str) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["sku", "title", "Color"], *rows])
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "in.csv"), Path(folder, "out.csv")
        source.write_bytes(buffer.getvalue().encode())
        reader = open_reader(source, format="table")
        with open_sink(out, reader=reader, layout="wide") as sink:
            for row in reader:
                sink.write(row, [])
                assert row.product.text("title") in (row.cells["title"], None) if row.cells else True
        again = open_reader(out, format="table")
        assert [list((row.cells or {}).values()) for row in again] == rows


@settings(max_examples=30)
@given(st.lists(TEXT, max_size=2000))
def test_digests_know_what_they_met(texts: list[str]) -> None:
    met = DigestSet()
    seen: set[str] = set()
    for text in texts:
        assert met.add(text) == (text not in seen)
        seen.add(text)
    assert len(met) == len(seen)


def test_digests_stop_growing() -> None:
    met = DigestSet(capacity=3000)
    assert all(met.add(str(i)) for i in range(5000))
    assert met.full
    assert len(met) == 3000
    assert not met.add("1")
    assert met.add("4999")
