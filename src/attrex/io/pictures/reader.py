"""The pictures of products, several at a time; what cannot be read is reported and stops nothing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from attrex.core import Product
from attrex.errors import ConfigError, InputError
from attrex.io.pictures.decoding import Limits, decode, need_pillow
from attrex.io.pictures.files import find, read_bytes
from attrex.io.pictures.preparation import IMAGENET, Preparation
from attrex.io.pictures.web import Web
from attrex.io.problems import Problems

KEPT = 256 << 20
"""Bytes of decoded pictures that are kept: some 1,700 of 224 pixels."""
_Decoded = tuple[NDArray[np.uint8], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Pictures:
    """What could be read of one product's: N pictures of S x S pixels, where each came from, a hash of each
    file's content, and each upright picture's own width and height. None at all makes the product one of text
    only."""

    pixels_NSS3: NDArray[np.uint8]
    locations: tuple[str, ...]
    hashes: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    problems: tuple[InputError, ...] = ()


class PictureReader:
    """Reads pictures relative to ``folder`` (the catalogue's), in ``threads``.

    Paths outside of the folder are refused unless ``outside``, and URLs unless ``web`` allows their host.
    Decoded pictures are kept by their files' content, ``kept`` bytes of them, so that one that many products
    share is decoded once. ``problems`` counts and lists what was reported, with the name of the catalogue's
    ``file``. Several threads may ask it. Raises ``ConfigError`` where Pillow is not installed.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        preparation: Preparation = IMAGENET,
        limits: Limits | None = None,
        outside: bool = False,
        web: Web | None = None,
        threads: int = 4,
        kept: int = KEPT,
        file: str | None = None,
        problems: Problems | None = None,
    ) -> None:
        need_pillow()
        if threads < 1:
            raise ConfigError(f"pictures.threads is {threads}; it must be at least 1")
        self.folder, self.preparation, self.limits = Path(folder), preparation, limits or Limits()
        self.problems = Problems() if problems is None else problems
        self._file, self._telling = file, Lock()
        self._outside, self._web = outside, web or Web(())
        self._pool = ThreadPoolExecutor(threads, "pictures")
        self._kept = _Kept(kept)

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(cancel_futures=True)

    def read(self, products: Sequence[Product]) -> list[Pictures]:
        """Of each product; problems name its id."""
        return self.ahead(products)()

    def ahead(self, products: Sequence[Product]) -> Callable[[], list[Pictures]]:
        """Begins to read. What it gives waits for the rest, and is to be called once."""
        waiting = [self._pool.submit(self._of, product) for product in products]
        return lambda: [self._told(each) for each in waiting]

    def _told(self, waiting: Future[Pictures]) -> Pictures:
        pictures = waiting.result()
        with self._telling:
            for problem in pictures.problems:
                self.problems.warn(problem)
        return pictures

    def _of(self, product: Product) -> Pictures:
        found: list[tuple[str, str, _Decoded]] = []
        problems: list[InputError] = []

        def report(location: str, error: InputError) -> None:
            message = f'the picture "{_short(location)}" of the product "{product.id}" is left out: '
            told = InputError(message + error.message, file=self._file, field="picture", fix=error.fix)
            problems.append(told)

        places: list[tuple[str, Path | None]] = []
        for picture in product.pictures:
            try:
                places += self._places(picture.location)
            except InputError as error:
                report(picture.location, error)
        for name, path in places[: self.limits.pictures]:
            try:
                found.append((name, *self._pixels(name, path)))
            except InputError as error:
                report(name, error)
        if len(places) > self.limits.pictures:
            left = InputError(
                f"{self.limits.pictures} of {len(places)} are read", fix="put the best ones first"
            )
            report(places[self.limits.pictures][0], left)
        size = self.preparation.size
        empty = np.zeros((0, size, size, 3), dtype=np.uint8)
        return Pictures(
            np.stack([pixels for _, _, (pixels, _) in found]) if found else empty,
            tuple(name for name, _, _ in found),
            tuple(hash for _, hash, _ in found),
            tuple(own for _, _, (_, own) in found),
            tuple(problems),
        )

    def _places(self, location: str) -> Sequence[tuple[str, Path | None]]:
        """What to call each picture, and its file; None where it is fetched."""
        if "://" in location:
            return [(location, None)]
        return find(location, self.folder, outside=self._outside)

    def _pixels(self, name: str, path: Path | None) -> tuple[str, _Decoded]:
        """The hash of the content, and the decoded picture."""
        data = self._web.fetch(name) if path is None else read_bytes(path, self.limits)
        hash = hashlib.blake2b(data, digest_size=16).hexdigest()
        known = self._kept.get(hash)
        if known is not None:
            return hash, known
        made = decode(data, size=self.preparation.size, limits=self.limits)
        self._kept.put(hash, made)
        return hash, made


class _Kept:
    """The pictures used last, by the hash of their files, within ``most`` bytes."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._lock = Lock()
        self._found: OrderedDict[str, _Decoded] = OrderedDict()

    def get(self, hash: str) -> _Decoded | None:
        with self._lock:
            if hash in self._found:
                self._found.move_to_end(hash)
            return self._found.get(hash)

    def put(self, hash: str, made: _Decoded) -> None:
        with self._lock:
            if hash in self._found:
                return
            self._found[hash] = made
            self._size += made[0].nbytes
            while self._size > self._most:
                _, oldest = self._found.popitem(last=False)
                self._size -= oldest[0].nbytes


def _short(location: str) -> str:
    return location if len(location) <= 120 else f"{location[:80]}...{location[-30:]}"
