"""What the verbs print: results on standard output, everything else on standard error."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from operator import truediv
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrex.errors import AttrexError, InputError, OutputError
from attrex.io.standard_output import put
from attrex.nn import processes

if TYPE_CHECKING:
    from rich.console import RenderableType

    from attrex.io.pictures import PictureAccess
    from attrex.io.rows import Reader
    from attrex.models.interface import Model

Item = TypeVar("Item")

LISTED = 10
"""So many skipped rows, and so many warnings, are printed; all are counted."""


def show(content: RenderableType) -> None:
    """A table or text on standard output."""
    from rich.console import Console

    encoding, printed = sys.stdout.encoding or "utf-8", io.BytesIO()
    with io.TextIOWrapper(printed, encoding, errors="replace", newline="", write_through=True) as file:
        console = Console(file=file, force_terminal=sys.stdout.isatty() or None, highlight=False)
        console.print(content)
        put(printed.getvalue().decode(encoding))


def show_line(line: str) -> None:
    """A line on standard output."""
    put(line + "\n")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """The number with its noun: "1 row", "2,000 rows"."""
    from attrex.report.numbers import counted as said  # not at the top, for it brings rich

    return said(number, noun, plural)


def show_json(content: Any, *, beside: bool = False) -> None:
    """For machines; ``beside`` on standard error, where standard output holds the results themselves."""
    (say if beside else show_line)(json.dumps(content, ensure_ascii=False, indent=2))


def say(line: str) -> None:
    """A line on standard error, by the first process where several work together."""
    if processes.is_first():
        _put_beside(line + "\n")


def complain(error: AttrexError) -> None:
    """What stopped the command. Any process may be stopped alone, so each tells it, and which it is."""
    which = "" if processes.is_first() else f", process {processes.rank()}"
    _put_beside(f"attrex{which}: {error}\n")


def _put_beside(text: str) -> None:
    """On standard error. Where that cannot be written the work goes on: results are not told there."""
    with suppress(OSError):
        print(text, end="", file=sys.stderr, flush=True)


def quiet(line: str) -> None:
    """Swallows a line."""


def write_text(path: Path, text: str) -> None:
    """A page or a schema: there whole or not at all. Raises ``OutputError`` where it cannot be written."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror or error}", file=str(path), fix="choose another place"
        ) from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def tell_problems(reader: Reader, pictures: PictureAccess | None = None) -> None:
    """Skipped rows and warnings, the first few word for word, and pictures that were left out."""
    _tell("skipped", reader.skipped, reader.skipped_rows)
    _tell("warning", reader.warned, reader.warnings)
    if pictures is not None:
        tell_pictures(pictures)


def tell_unread(reader: Reader, names: Iterable[str]) -> None:
    """The columns that seem to hold the attributes of these names, and are read as something else."""
    from attrex.io.mapping import unread_attributes

    unread = unread_attributes(reader.mapping or {}, names, reader.path)
    _tell("warning", len(unread), unread)


def tell_pictures(pictures: PictureAccess) -> None:
    """The pictures that were left out."""
    _tell("warning", pictures.problems.warned, pictures.problems.warnings)


@contextmanager
def telling(reader: Reader, pictures: PictureAccess | None = None) -> Iterator[None]:
    """``tell_problems`` when the reading is over, well or not: skipped rows may be why."""
    try:
        yield
    finally:
        tell_problems(reader, pictures)


@contextmanager
def telling_usage(model: Model) -> Iterator[None]:
    """When the work is over, well or not: what was asked of others, where the model asks others."""
    from attrex.models.interface import Metered  # not at the top: torch is not needed before a verb runs

    try:
        yield
    finally:
        if isinstance(model, Metered):
            say(usage_line(model.usage()))


def usage_line(usage: Mapping[str, Any]) -> str:
    """What was asked, how much of it again and why, and what it cost."""
    again = sum(usage["retries"].values())
    why = ", ".join(f"{count:,} {reason}" for reason, count in usage["retries"].items())
    parts = [
        f"asked {counted(usage['requests'], 'request')}"
        + (f" ({again:,} of them again: {why})" if again else ""),
        counted(usage["answers"], "answer"),
        *([f"{usage['kept_answers']:,} kept from before"] if usage["kept_answers"] else []),
        *(f"{count:,} failed: {reason}" for reason, count in usage["failed"].items()),
        f"{usage['prompt_tokens']:,} tokens in, {usage['answer_tokens']:,} out",
        *([] if usage["cost"] is None else [f"cost {usage['cost']:.4f}"]),
    ]
    return "; ".join(parts)


def _tell(what: str, count: int, listed: Iterable[InputError]) -> None:
    shown = list(listed)[:LISTED]
    for problem in shown:
        say(f"{what}: {problem}")
    if count > len(shown):
        say(f"{what}: and {count - len(shown):,} more")
    if count and what == "skipped":
        say(f"{count:,} {'row was' if count == 1 else 'rows were'} skipped")


class Meter:
    """Rows, rate and time left on standard error: one line that is overwritten, or, where that is no
    terminal, a line now and then."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._live = sys.stderr.isatty()
        self._every = 0.2 if self._live else 10.0
        self._start = self._last = time.monotonic()
        self._first: int | None = None

    def update(self, rows: int, fraction: Callable[[], float | None]) -> None:
        """Called after every row; prints rarely, and only then asks how much is done."""
        if self._first is None:
            self._first = rows - 1
        now = time.monotonic()
        if self._silent or now - self._last < self._every:
            return
        self._last = now
        line = progress_line(rows, rows - self._first, now - self._start, fraction())
        _put_beside(f"\r{line}\x1b[K" if self._live else f"{line}\n")

    def over(self, items: Sequence[Item]) -> Iterator[Item]:
        """The items one after another, each counted."""
        for at, item in enumerate(items, 1):
            self.update(at, partial(truediv, at, len(items)))
            yield item

    def close(self) -> None:
        """Clears the line."""
        if self._live and not self._silent:
            _put_beside("\r\x1b[K")


def progress_line(rows: int, new: int, seconds: float, fraction: float | None) -> str:
    """``1,234 rows, 567 rows/s, 40%, 0:12 left``; ``new`` of the rows are this run's."""
    parts = [counted(rows, "row"), f"{new / max(seconds, 1e-9):,.0f} rows/s"]
    if fraction:
        left = seconds / fraction * (1 - fraction)
        parts += [f"{fraction:.0%}", f"{clock(left)} left"]
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """``0:07``, ``12:34`` or ``3:05:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
