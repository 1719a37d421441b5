"""An output under way: finished pieces and what is known of them, so that a run can be taken up again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from attrex.errors import OutputError
from attrex.io.uninterrupted import uninterrupted

STATE = "state.json"
VERSION = 1


def kept_rows(rows: int) -> str:
    """ "1 row is", "2,000 rows are"."""
    return "1 row is" if rows == 1 else f"{rows:,} rows are"


class PartFolder:
    """``<output>.attrex-part`` beside the output. The state says how many pieces count; both are written
    under another name, flushed to the disk and renamed, so that a crash leaves the last good state."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".attrex-part")

    def load(self) -> dict[str, Any] | None:
        """The state of an earlier run, or None where there is none that can be used."""
        try:
            state = json.loads((self.path / STATE).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        whole = isinstance(state, dict) and state.get("version") == VERSION
        return state if whole and all(p.is_file() for p in self.pieces(state)) else None

    def start(self) -> None:
        """An empty folder."""
        with self.failures(0):
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir()

    def clear(self) -> None:
        """No folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def pieces(self, state: Mapping[str, Any]) -> list[Path]:
        """The finished pieces in order."""
        return [self.path / f"{number:06}" for number in range(state["pieces"])]

    def save(
        self, state: dict[str, Any], now: Mapping[str, Any], write: Callable[[IO[bytes]], None]
    ) -> dict[str, Any]:
        """A further piece: written, then counted in the state, which is saved with what is new in it.
        The state from now on; ``state`` itself is left as it was."""
        name = f"{state['pieces']:06}"
        after = {**state, **now, "pieces": state["pieces"] + 1}
        data = json.dumps({"version": VERSION, **after}, ensure_ascii=False).encode()

        def write_state(file: IO[bytes]) -> None:
            file.write(data)

        with self.failures(state["rows"]):
            try:
                self._write(self.path / name, write)
                self._write(self.path / STATE, write_state)
            except OSError:
                # Half of it is of no use, and takes room.
                for half in self.path.glob("*.new"):
                    half.unlink(missing_ok=True)
                if not state["pieces"]:
                    self.clear()
                raise
        return after

    def finish(self, state: dict[str, Any], write: Callable[[IO[bytes]], None]) -> None:
        """The output in place of whatever was there, and the folder gone."""
        with self.failures(state["rows"]):
            whole = self.path / "whole"
            try:
                with whole.open("wb") as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                whole.unlink(missing_ok=True)  # the pieces are what is kept
                raise
            with uninterrupted():
                whole.replace(self.target)
                shutil.rmtree(self.path, ignore_errors=True)

    def _write(self, path: Path, write: Callable[[IO[bytes]], None]) -> None:
        beside = path.with_name(path.name + ".new")
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)

    @contextmanager
    def failures(self, rows: int) -> Iterator[None]:
        """Turns what the operating system raises into an ``OutputError`` that says what is kept."""
        try:
            yield
        except OSError as error:
            kept = f"; {kept_rows(rows)} kept in {self.path.name}" if rows else ""
            raise OutputError(
                f"cannot be written: {error.strerror or error}{kept}",
                file=str(self.target),
                fix="make room or choose another place, then run the same command again",
            ) from None
