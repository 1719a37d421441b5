from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from attrex.io import sinks
from attrex.io.encoders import TextEncoder
from attrex.io.parts import PartFolder
from attrex.io.reader import open_reader
from attrex.io.rows import Reader
from attrex.io.sinks import Sink, open_sink
from attrex.io.uninterrupted import uninterrupted
from tests.io.files import found, unfound, write


def signalled(done: list[str]) -> None:
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)
        done.append("all of it")


def test_a_signal_takes_effect_at_the_end() -> None:
    done: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signalled(done)
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is before


def broken() -> None:
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)
        raise ZeroDivisionError


def test_an_error_counts_more_than_a_signal() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError):
        broken()
    assert signal.getsignal(signal.SIGINT) is before


def test_without_a_signal_nothing_happens_in_any_thread() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    work()
    assert done == [1, 1]


def fill(sink: Sink, reader: Reader) -> None:
    with sink:
        for row in reader:
            if row.number > sink.last_row:
                sink.write(row, [found(row, "Color", "Red", "Blue"), unfound(row, "Size")])


@pytest.mark.parametrize("place", ["piece", "state", "records"])
def test_a_signal_at_the_worst_moment_loses_and_doubles_nothing(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "PIECE_ROWS", 1)
    reader = open_reader(write(tmp_path / "c.csv", "id,title,Color\na,Red shoe,\nb,Blue shoe,\nc,Hat,\n"))
    options: dict[str, Any] = {"reader": reader, "layout": "long", "attributes": ["Color"]}
    whole, out = tmp_path / "whole.csv", tmp_path / "o.csv"
    fill(open_sink(whole, **options), reader)
    write_file, add = PartFolder._write, TextEncoder.add
    signals = iter([signal.SIGINT])

    def written(self: PartFolder, path: Path, write: Any) -> None:
        write_file(self, path, write)
        if path.name == {"piece": "000001", "state": "state.json"}.get(place):
            for sign in signals:
                signal.raise_signal(sign)

    def added(self: TextEncoder, record: Any) -> None:
        add(self, record)
        if place == "records":
            for sign in signals:
                signal.raise_signal(sign)

    monkeypatch.setattr(PartFolder, "_write", written)
    monkeypatch.setattr(TextEncoder, "add", added)
    with pytest.raises(KeyboardInterrupt):
        fill(open_sink(out, **options), reader)
    again = open_sink(out, **options)
    assert again.rows == (2 if place == "piece" else 1)
    fill(again, reader)
    assert out.read_bytes() == whole.read_bytes()
