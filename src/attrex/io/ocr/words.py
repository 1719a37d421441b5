"""The words on a product's pictures as one more source, with where each line stands."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from attrex.core import Printed, Product, Source
from attrex.core.product import Corner
from attrex.errors import InputError, OutputError
from attrex.io.ocr.engine import Engine, Line
from attrex.io.pictures import Limits, PictureAccess, Web
from attrex.io.pictures.decoding import decode_whole
from attrex.io.pictures.files import find, read_bytes

SOURCE = "ocr"
"""The source's name."""
SURE, ALONE = 0.6, 0.9
"""Lines that are read less surely are left out; of a single sign more is asked: patterns look like one."""
LONGEST, SHORTEST = 1600, 800
"""Pixels of a picture's longer side as it is read: larger ones are made smaller, and smaller ones larger, for
the engine misses letters below some ten pixels."""
KEPT = 2_000
"""Pictures whose lines are kept in memory."""

Warn = Callable[[InputError], None]


class Words:
    """Reads by ``engine`` what stands on pictures that may be read (``access``). What was read is kept by the
    hash of the picture's file: in memory, and as small files in the folder ``kept``, if any.

    Raises ``OutputError`` where there can be no such folder.
    """

    def __init__(
        self, access: PictureAccess, engine: Engine, *, kept: Path | None = None, limits: Limits | None = None
    ) -> None:
        self._access, self._engine, self._limits = access, engine, limits or Limits()
        self._web = Web(access.hosts)
        self._folder = kept
        self._known: OrderedDict[str, list[Line]] = OrderedDict()
        self.read = 0
        if kept is not None:
            try:
                kept.mkdir(parents=True, exist_ok=True)
            except OSError as problem:
                raise _not_kept(kept, problem) from None

    def added(self, product: Product, warn: Warn) -> Product:
        """The product with a source of the words on its pictures, if there are any; ``warn`` is told of
        pictures that could not be read."""
        pieces: list[str] = []
        printed: list[Printed] = []
        at = 0
        for location, lines in self._pictures(product, warn):
            for line in lines:
                text = " ".join(line.text.split())
                if line.confidence < (SURE if len(text) > 1 else ALONE) or not any(map(str.isalnum, text)):
                    continue
                printed.append(Printed(at, at + len(text), location, line.corners, line.confidence))
                pieces.append(text)
                at += len(text) + 1
        if not pieces:
            return product
        name = _free(SOURCE, [source.name for source in product.sources])
        return replace(product, sources=(*product.sources, Source(name, "\n".join(pieces), tuple(printed))))

    def _pictures(self, product: Product, warn: Warn) -> list[tuple[str, list[Line]]]:
        places: list[tuple[str, Path | None]] = []
        found: list[tuple[str, list[Line]]] = []
        for picture in product.pictures:
            try:
                places += self._places(picture.location)
            except InputError as problem:
                warn(_left_out(picture.location, problem))
        if len(places) > self._limits.pictures:
            left = InputError(
                f"{self._limits.pictures} of {len(places)} are read", fix="put the best ones first"
            )
            warn(_left_out(places[self._limits.pictures][0], left))
        for name, path in places[: self._limits.pictures]:
            try:
                data = self._web.fetch(name) if path is None else read_bytes(path, self._limits)
                found.append((name, self._lines(data)))
            except InputError as problem:
                if isinstance(problem, OutputError):
                    raise
                warn(_left_out(name, problem))
        return found

    def _places(self, location: str) -> Sequence[tuple[str, Path | None]]:
        if "://" in location:
            return [(location, None)]
        return find(location, self._access.folder, outside=self._access.outside)

    def _lines(self, data: bytes) -> list[Line]:
        digest = hashlib.blake2b(data, digest_size=16)
        digest.update(f"{self._engine.name} {LONGEST} {SHORTEST}".encode())
        key = digest.hexdigest()
        lines = self._known.get(key)
        if lines is None:
            lines = self._from_disk(key)
        if lines is None:
            pixels, scale = decode_whole(data, longest=LONGEST, shortest=SHORTEST, limits=self._limits)
            lines = [_scaled(line, 1 / scale) for line in self._engine.lines(pixels)]
            self.read += 1
            self._to_disk(key, lines)
        self._known[key] = lines
        self._known.move_to_end(key)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return lines

    # --- kept ---

    def _path(self, folder: Path, key: str) -> Path:
        return folder / key[:2] / f"{key}.json"

    def _from_disk(self, key: str) -> list[Line] | None:
        """None where it is not there, or damaged: then it is read anew."""
        if self._folder is None:
            return None
        try:
            content = json.loads(self._path(self._folder, key).read_text("utf-8"))
            return [Line(str(text), _four(corners), float(sure)) for text, corners, sure in content]
        except (OSError, ValueError, TypeError):
            return None

    def _to_disk(self, key: str, lines: Sequence[Line]) -> None:
        if self._folder is None:
            return
        path = self._path(self._folder, key)
        beside = path.with_name(f"{key}.{os.getpid()}-{secrets.token_hex(4)}.new")
        content = json.dumps([[line.text, line.corners, line.confidence] for line in lines])
        try:
            path.parent.mkdir(exist_ok=True)
            beside.write_text(content, "utf-8")
            beside.replace(path)
        except OSError as problem:
            raise _not_kept(self._folder, problem) from None
        finally:
            beside.unlink(missing_ok=True)


def _scaled(line: Line, by: float) -> Line:
    first, second, third, fourth = ((round(x * by, 1), round(y * by, 1)) for x, y in line.corners)
    return Line(line.text, (first, second, third, fourth), round(line.confidence, 4))


def _four(corners: Sequence[Sequence[float]]) -> tuple[Corner, Corner, Corner, Corner]:
    first, second, third, fourth = ((float(x), float(y)) for x, y in corners)
    return first, second, third, fourth


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, numbered where a column of the table has it already."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    return free


def _left_out(location: str, problem: InputError) -> InputError:
    short = location if len(location) <= 120 else f"{location[:80]}...{location[-30:]}"
    return InputError(
        f'the words of the picture "{short}" are left out: {problem.message}',
        field="picture",
        fix=problem.fix,
    )


def _not_kept(folder: Path, problem: OSError) -> OutputError:
    return OutputError(
        f"words cannot be kept there ({problem.strerror or problem})",
        file=str(folder),
        fix="give another folder as --ocr-cache, or leave it out",
    )
