"""The pictures of a batch: read ahead of the model, while it works on the batch before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from attrex.core import Picture, Product
from attrex.extract.request import Request
from attrex.io.pictures import PictureReader, Pictures

Seen = Callable[[], list[Request]]


def look(requests: Sequence[Request], reader: PictureReader) -> Seen:
    """Begins to read the pictures of the requests' products. What it gives waits for the rest: the same
    requests, whose products have the pictures that could be read, with their pixels; a product of which one
    could not is ``partly`` read."""
    places = [at for at, request in enumerate(requests) if not request.product.is_seen]
    waiting = reader.ahead([requests[at].product for at in places])

    def seen() -> list[Request]:
        made = list(requests)
        for at, pictures in zip(places, waiting(), strict=True):
            product = with_pixels(requests[at].product, pictures)
            made[at] = replace(requests[at], product=product, partly=bool(pictures.problems))
        return made

    return seen


def with_pixels(product: Product, pictures: Pictures) -> Product:
    """The product with what was read of its pictures."""
    each = zip(pictures.locations, pictures.pixels_NSS3, pictures.sizes, strict=True)
    return replace(product, pictures=tuple([Picture(*one) for one in each]))


def without_unread(product: Product) -> Product:
    """The product with those pictures only that have their pixels."""
    if product.is_seen:
        return product
    return replace(product, pictures=tuple([each for each in product.pictures if each.pixels is not None]))
