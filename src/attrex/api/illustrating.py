"""The pictures beside extractions, and which parts of them a model's words attend to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from attrex.api.extractor import Extractor
from attrex.core import Picture, Product, Span
from attrex.errors import ConfigError, InputError
from attrex.io.pictures import PictureAccess, gather
from attrex.models.interface import Attending, Grid, Model
from attrex.report.illustrations import SIDE, Crop, HeatMap, Illustrations, crop, heat_map, thumbnail
from attrex.report.row import InspectRow
from attrex.text.matching import locate
from attrex.text.windows import Window, cut

ROWS = 500
"""Rows that are illustrated: more would make a page slow."""
HEAT_MAPS = 300
CROPS = 3
"""Places of one value of which the picture's part is shown."""
ALL = "all of the text"
"""What a heat map is called whose value stands nowhere in the text."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Whose: the model's, and of which ``words``; where none are named, those of each value."""

    extractor: Extractor
    words: Sequence[str] = ()


def illustrate(
    rows: Iterable[InspectRow],
    pictures: PictureAccess,
    *,
    products: Iterable[Product] | None = None,
    attention: Attention | None = None,
) -> Illustrations:
    """Thumbnails and heat maps for the first ``ROWS`` rows, of each product's first picture that can be read.

    ``products`` are of the catalogue that was filled, which tells texts and pictures; without it, only
    pictures that are a value's evidence are known. What cannot be read is among the access's ``problems``.
    Raises ``ConfigError`` for a model whose words attend to no picture.
    """
    shown = list(islice(rows, ROWS + 1))
    more, shown = len(shown) > ROWS, shown[:ROWS]
    known: dict[str, Product] = {}
    for row in shown:
        if row.product_id not in known or not known[row.product_id].pictures:
            known[row.product_id] = Product(row.product_id, pictures=_evidence(row))
    if products is not None:
        known |= {each.id: each for each in products if each.id in known}
    size = SIDE if attention is None else _size(attention.extractor.model)
    with pictures.reader(size) as reader:
        seen = {each.id: each for each in gather(list(known.values()), reader) if each.pictures}
    maps = {} if attention is None else _heat_maps(shown, seen, attention)
    crops = _crops(shown, pictures)
    left = [f"Pictures stand beside the first {ROWS} rows."] if more else []
    if sum(map(len, maps.values())) >= HEAT_MAPS:
        left.append(f"The first {HEAT_MAPS} heat maps are shown.")
    if attention is not None and not maps:
        left.append("There is no heat map: no words here attend to a picture, as far as the model tells.")
    return Illustrations(
        {id: thumbnail(product.pictures[0].pixels) for id, product in seen.items()},
        maps,
        " ".join(left),
        crops,
    )


def _evidence(row: InspectRow) -> tuple[Picture, ...]:
    """The pictures in which the row's value was found."""
    return tuple(Picture(p.source) for p in row.places if p.kind == "region" and p.source is not None)


def _crops(rows: Sequence[InspectRow], pictures: PictureAccess) -> dict[int, list[Crop]]:
    """By the row's number, the parts of pictures from which its values were read, or where they are seen."""
    made: dict[int, list[Crop]] = {}
    latest: tuple[str, NDArray[np.uint8] | None, float] = ("", None, 1.0)
    for number, row in enumerate(rows):
        for place in row.places[:CROPS]:
            how: Literal["printed", "seen"] = "printed" if place.kind == "span" else "seen"
            on_picture = place.read_on or place.seen_in
            if on_picture is None or place.edges is None or place.picture is None:
                continue
            if latest[0] != place.picture:
                try:
                    latest = (place.picture, *pictures.whole(place.picture))
                except InputError as problem:
                    said = (
                        f'the picture "{place.picture}" of the product "{row.product_id}" is left out: '
                        f"{problem.message}"
                    )
                    pictures.problems.warn(InputError(said, file=pictures.file, fix=problem.fix))
                    latest = (place.picture, None, 1.0)
            _, pixels_HW3, scale = latest
            left, top, right, bottom = (edge * scale for edge in place.edges)
            box, words = (left, top, right, bottom), row.value or ""
            if pixels_HW3 is not None and (part := crop(pixels_HW3, box, words, how)):
                made.setdefault(number, []).append(part)
    return made


def _size(model: Model) -> int:
    size = model.traits.pictures
    if size is None or not isinstance(model, Attending):
        raise ConfigError(
            "--model: this model's words attend to no picture, so that there is no heat map. Fix: leave it "
            "out, or give one that was fitted with a recipe such as uls-dram"
        )
    return size


def _heat_maps(
    rows: Sequence[InspectRow], seen: Mapping[str, Product], attention: Attention
) -> dict[int, list[HeatMap]]:
    """By the row's number. The maps of named words stand beside a product's first row."""
    made: dict[int, list[HeatMap]] = {}
    met: set[str] = set()
    left = HEAT_MAPS
    for number, row in enumerate(rows):
        product, first = seen.get(row.product_id), row.product_id not in met
        met.add(row.product_id)
        if product is None or (attention.words and not first):
            continue
        wanted = _named(product, attention.words) if attention.words else _of_value(row)
        found = [
            HeatMap(words, heat_map(product.pictures[0].pixels, grid))
            for words, span in wanted[:left]
            if (grid := attend(attention.extractor.model, product, span)) is not None
        ]
        left -= len(found)
        if found:
            made[number] = found
    return made


def _of_value(row: InspectRow) -> list[tuple[str, Span | None]]:
    if row.value is None:
        return []
    spans = [
        Span(place.source, *place.span)
        for place in row.places
        if place.source is not None and place.span is not None and 0 <= place.span[0] < place.span[1]
    ]
    return [(row.value, spans[0])] if spans else [(ALL, None)]


def _named(product: Product, words: Sequence[str]) -> list[tuple[str, Span | None]]:
    """Each word where it first stands in the product's texts, if it does."""
    found: list[tuple[str, Span | None]] = []
    for word in words:
        places = [Span(s.name, o.start, o.end) for s in product.sources for o in locate(word, s.text)[:1]]
        found += [(word, place) for place in places[:1]]
    return found


def attend(model: Model, product: Product, span: Span | None) -> Grid | None:
    """How the words in ``span``, in the product's own texts, attend to the patches of its first picture; None
    where they do not, or the texts are others now. Of a long product, in the first window that has them all.
    """
    if not isinstance(model, Attending):
        return None
    for window in cut([product], model.tokeniser, model.traits.window):
        if span is None:
            return model.attention(window.product, None)
        if (own := _within(window, span)) is not None:
            return model.attention(window.product, own)
    return None


def _within(window: Window, span: Span) -> Span | None:
    """The span in the window's own characters, if it is all there."""
    text, offset = window.product.text(span.source), window.offsets.get(span.source, 0)
    if text is None or span.start < offset or span.end - offset > len(text):
        return None
    return span.shifted(-offset)
