"""Standard output: the one way to it, so that a full disk and a closed pipe behind it are told apart."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from attrex.errors import OutputError, PipeClosed


def put(data: str | bytes) -> None:
    """Prints at once; of a text, characters that the terminal's encoding lacks come as "?".

    Raises ``OutputError`` where it cannot be written, ``PipeClosed`` where nobody reads it any more.
    """
    with failures():
        if isinstance(data, bytes):
            sys.stdout.buffer.write(data)
        else:
            encoding = sys.stdout.encoding or "utf-8"
            sys.stdout.write(data.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()


@contextmanager
def failures() -> Iterator[None]:
    """Turns what the operating system raises about standard output into an ``OutputError``."""
    try:
        yield
    except BrokenPipeError:
        _give_up()
        raise PipeClosed("nobody reads it any more", file="standard output") from None
    except OSError as error:
        _give_up()
        raise OutputError(
            f"cannot be written: {error.strerror or error}",
            file="standard output",
            fix="make room, or write to another place",
        ) from None


def _give_up() -> None:
    """What is still buffered goes nowhere, or the interpreter's last flush would fail again, loudly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
