"""The pictures of all products at once, to be learnt from: decoded once, and kept on the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attrex.core import Picture, Product
from attrex.errors import OutputError
from attrex.io.pictures.reader import PictureReader, Pictures

BATCH = 64
"""Products that are read at a time."""


def gather(products: Sequence[Product], reader: PictureReader) -> list[Product]:
    """The products with those pictures that could be read, each with its pixels; the others are among the
    reader's ``problems``. One that has them already stays as it is.

    The pixels lie in a temporary file without a name, which goes with them, and are read from there as they
    are used: a catalogue of 100,000 pictures of 224 pixels has 15 GB. Pictures of the same content lie there
    once. Raises ``OutputError`` where the disk is full.
    """
    size = reader.preparation.size
    unseen = [product for product in products if not product.is_seen]
    places: dict[str, int] = {}
    found: list[list[Picture]] = []
    rows: list[list[int]] = []
    try:
        with tempfile.TemporaryFile() as file:
            for pictures in _read(unseen, reader):
                for hash, pixels in zip(pictures.hashes, pictures.pixels_NSS3, strict=True):
                    if hash not in places:
                        places[hash] = len(places)
                        file.write(pixels.tobytes())
                rows.append([places[hash] for hash in pictures.hashes])
                named = zip(pictures.locations, pictures.sizes, strict=True)
                found.append([Picture(location, size=own) for location, own in named])
            file.flush()
            pixels_NSS3 = _mapped(file, (len(places), size, size, 3))
    except OSError as error:
        raise OutputError(
            f"the pictures cannot be kept: {error.strerror or error}",
            file=tempfile.gettempdir(),
            fix="make room, or name another folder in TMPDIR",
        ) from None
    read = iter(zip(found, rows, strict=True))

    def seen(product: Product) -> Product:
        own = zip(*next(read), strict=True)
        return replace(product, pictures=tuple([replace(p, pixels=pixels_NSS3[at]) for p, at in own]))

    return [product if product.is_seen else seen(product) for product in products]


def _read(products: Sequence[Product], reader: PictureReader) -> Iterator[Pictures]:
    """A batch is read while the one before is written."""
    begins = range(0, len(products), BATCH)
    ahead = reader.ahead(products[:BATCH])
    for begin in begins:
        now, ahead = ahead, reader.ahead(products[begin + BATCH : begin + 2 * BATCH])
        yield from now()


def _mapped(file: Any, shape: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    if not shape[0]:  # an empty file cannot be mapped
        return np.zeros(shape, dtype=np.uint8)
    # Copy on write: what is read-only makes torch warn.
    mapped = np.memmap(file, dtype=np.uint8, mode="c", shape=shape)
    return np.asarray(mapped)
