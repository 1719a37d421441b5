"""A file or standard input as bytes or text: gzip, encodings, byte order marks."""

from __future__ import annotations

import codecs
import gzip
import io
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Literal, TextIO, cast

from attrex.errors import ConfigError, InputError

HEAD = 1 << 16
_GZIP = b"\x1f\x8b"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""What .xlsx, .ods and other archives begin with, and .xls."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class _Prefixed(io.RawIOBase):
    """A stream with the bytes that were already taken from it put back in front."""

    def __init__(self, head: bytes, rest: io.BufferedIOBase) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        data = self._head[: len(buffer)] if self._head else self._rest.read1(len(buffer))
        self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        return len(data)


class Input:
    """Where products are read from. ``name`` is for messages; ``head`` the first 64 KB, unpacked.

    Standard input is read once, and so is a pipe with a name (``mkfifo``, ``<(command)``), whose ``path`` is
    None too; ``spool`` first copies it to a temporary file where a format needs several passes. Gzip is known
    by its first bytes, UTF-8, UTF-16 and UTF-32 by a byte order mark; without one the encoding is UTF-8
    unless the user names another.

    Raises ``InputError`` where there is no such file, or nothing in it.
    """

    def __init__(self, path: str | Path | Literal["-"], encoding: str | None = None) -> None:
        self.path = None if str(path) == "-" else Path(path)
        self.name = "standard input" if self.path is None else str(self.path)
        self._stream: BinaryIO | None = None
        self._spooled: IO[bytes] | None = None
        self._raw: BinaryIO | None = None
        self._size = 0
        self._pipe: BinaryIO | None = None
        if self.path is None:
            self._take(cast(io.BufferedIOBase, sys.stdin.buffer))
        elif not self._is_file(self.path):
            self._pipe, self.path = self._opened(self.path), None
            self._take(cast(io.BufferedIOBase, self._pipe))
        else:
            with self.failures(), self.bytes() as file:
                self.head = file.read(HEAD)
        if self.head.startswith(_WORKBOOKS):
            raise InputError(
                "this is a workbook or an archive, not a table as text",
                file=self.name,
                fix="save the sheet as CSV",
            )
        self.encoding, self.mark = self._encoding(encoding)
        if not self.head_text().strip():
            raise InputError("the file is empty", file=self.name, fix="give a file with products in it")

    def _is_file(self, path: Path) -> bool:
        try:
            about = path.stat()
        except FileNotFoundError:
            raise InputError("no such file", file=self.name, fix="check the path") from None
        except OSError as error:
            raise self._not_opened(error) from None
        if stat.S_ISDIR(about.st_mode):
            raise InputError("this is a folder", file=self.name, fix="name a file in it")
        self._size = about.st_size
        return stat.S_ISREG(about.st_mode)

    def _opened(self, path: Path) -> BinaryIO:
        try:
            return cast(BinaryIO, path.open("rb"))
        except OSError as error:
            raise self._not_opened(error) from None

    def _not_opened(self, error: OSError) -> InputError:
        return InputError(f"cannot be opened: {error.strerror}", file=self.name, fix="check the rights")

    def _take(self, packed: io.BufferedIOBase) -> None:
        start = packed.read(2)
        stream: io.BufferedIOBase = io.BufferedReader(_Prefixed(start, packed))
        if start == _GZIP:
            stream = gzip.GzipFile(fileobj=stream, mode="rb")
        with self.failures():
            self.head = _read_up_to(stream, HEAD)
        self._stream = cast(BinaryIO, io.BufferedReader(_Prefixed(self.head, stream)))

    def _encoding(self, wanted: str | None) -> tuple[str, bool]:
        for mark, name in _MARKS:
            if self.head.startswith(mark):
                return ("utf-8-sig" if name == "utf-8" else name), True
        try:
            return codecs.lookup(wanted or "utf-8").name, False
        except LookupError:
            raise ConfigError(
                f'encoding: there is no encoding "{wanted}"; try utf-8, cp1252 or utf-16'
            ) from None

    @property
    def packed(self) -> bool:
        """Whether the file is gzip."""
        return self.path is not None and _first_bytes(self.path) == _GZIP

    @property
    def rewindable(self) -> bool:
        """Whether the bytes can be had more than once."""
        return self.path is not None or self._spooled is not None

    def spool(self, *, packed: bool = False) -> None:
        """Copies standard input or a pipe to a temporary file (gone with this object), for formats that are
        read twice; with ``packed`` a gzip file too, for random access."""
        if self._spooled is not None or not (self.path is None or (packed and self.packed)):
            return
        with self.failures(), self.bytes() as stream:
            copy = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
            while data := stream.read(1 << 20):
                copy.write(data)
            copy.flush()
            self._spooled = copy

    def close(self) -> None:
        """Gives up the pipe and the temporary copy, if there is one."""
        for file in (self._spooled, self._pipe):
            if file is not None:
                file.close()
        self._spooled = self._pipe = None

    def __del__(self) -> None:
        if hasattr(self, "_pipe"):
            self.close()

    def bytes(self) -> BinaryIO:
        """The unpacked bytes from the beginning, to be closed by the caller."""
        if self._spooled is not None:
            copy = io.FileIO(self._spooled.fileno(), closefd=False)
            copy.seek(0)
            return cast(BinaryIO, io.BufferedReader(copy))
        if self.path is None:
            if self._stream is None:
                raise InputError(
                    "a pipe can be read only once",
                    file=self.name,
                    fix="save it to a file and name the file",
                )
            stream, self._stream = self._stream, None
            return stream
        self._raw = self._opened(self.path)
        if cast(io.BufferedReader, self._raw).peek(2)[:2] == _GZIP:
            return cast(BinaryIO, io.BufferedReader(_Owning(self._raw)))
        return self._raw

    def text(self, newline: Literal["", "\n"]) -> TextIO:
        """The text from the beginning, to be closed by the caller. Bytes that are no text of the encoding
        come as lone surrogates where the encoding allows it; ``broken_byte`` finds them."""
        errors = "surrogateescape" if self.encoding.startswith(("utf-8", "ascii", "cp", "iso")) else "strict"
        return io.TextIOWrapper(self.bytes(), encoding=self.encoding, errors=errors, newline=newline)

    def head_text(self) -> str:
        """The beginning as text; broken characters do no harm."""
        return codecs.getincrementaldecoder(self.encoding)(errors="replace").decode(self.head)

    def fraction(self) -> float | None:
        """How much of the file has been read, by its packed bytes."""
        if not self._size or self._raw is None:
            return None
        return 1.0 if self._raw.closed else min(1.0, self._raw.tell() / self._size)

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turns what the operating system and the unpacker raise into an ``InputError``."""
        try:
            yield
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"the gzip file is damaged or cut off ({error})",
                file=self.name,
                fix="copy or pack it again",
            ) from None
        except UnicodeDecodeError as error:
            raise InputError(
                f"this is no {self.encoding} text ({error.reason})",
                file=self.name,
                fix="save the file as UTF-8",
            ) from None
        except OSError as error:
            raise InputError(
                f"cannot be read: {error.strerror or error}",
                file=self.name,
                fix="check the disk and the rights",
            ) from None


class _Owning(gzip.GzipFile):
    """An unpacker that closes the packed file with itself."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        super().__init__(fileobj=packed, mode="rb")

    def close(self) -> None:
        super().close()
        self._packed.close()


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2)


def _read_up_to(stream: io.BufferedIOBase, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (data := stream.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def broken_byte(text: str) -> int | None:
    """The first byte that was no text of the file's encoding, or None."""
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        return code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else None
    return None
