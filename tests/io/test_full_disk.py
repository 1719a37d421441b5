"""What a full disk leaves of an output."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest

from attrex.errors import OutputError
from attrex.io import sinks
from attrex.io.encoders import TextEncoder
from attrex.io.parts import PartFolder
from attrex.io.reader import open_reader
from attrex.io.rows import Reader
from attrex.io.sinks import open_sink
from tests.io.files import write


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return open_reader(write(tmp_path / "c.csv", "id,title\n1,a\n2,b\n3,c\n"))


def filled(out: Path, reader: Reader) -> str:
    def fill() -> None:
        with open_sink(out, reader=reader) as sink:
            for row in reader:
                sink.write(row, [])

    with pytest.raises(OutputError) as told:
        fill()
    return str(told.value).replace(f"{out.parent}/", "")


def full_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of this piece finds room."""
    written: list[int] = []
    real = TextEncoder.piece

    def piece(self: TextEncoder, file: IO[bytes]) -> None:
        written.append(len(written))
        if written[-1] == number:
            file.write(b"half")
            raise OSError(28, "No space left on device")
        real(self, file)

    monkeypatch.setattr(TextEncoder, "piece", piece)
    monkeypatch.setattr(sinks, "PIECE_ROWS", 1)


def test_a_first_piece_that_finds_no_room_leaves_nothing(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_at(0, monkeypatch)
    assert filled(tmp_path / "o.csv", reader) == (
        "o.csv: cannot be written: No space left on device. "
        "Fix: make room or choose another place, then run the same command again"
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.csv"]


def test_half_a_later_piece_takes_no_room_and_the_others_stay(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "o.csv"
    full_at(2, monkeypatch)
    assert "; 2 rows are kept in o.csv.attrex-part. Fix: make room" in filled(out, reader)
    assert sorted(e.name for e in PartFolder(out).path.iterdir()) == ["000000", "000001", "state.json"]
    assert open_sink(out, reader=reader).rows == 2


def test_half_an_output_takes_no_room_and_the_pieces_stay(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join(self: TextEncoder, pieces: list[Path], file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    out = tmp_path / "o.csv"
    monkeypatch.setattr(TextEncoder, "join", join)
    assert "; 3 rows are kept in o.csv.attrex-part. Fix: make room" in filled(out, reader)
    assert sorted(e.name for e in PartFolder(out).path.iterdir()) == ["000000", "state.json"]
