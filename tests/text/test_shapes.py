"""What an uncased tokeniser forgets."""

from __future__ import annotations

import pytest

from attrex.text.shapes import BITS, ShapedPieces, shape_of
from tests.text.tokenisers import word_pieces


@pytest.mark.parametrize(
    ("text", "start", "end", "bits"),
    [
        ("Sun hat", 0, 3, 1 | 16 | 32),
        ("Sun hat", 4, 7, 16),
        ("LED lamp", 0, 3, 1 | 2 | 16 | 32),
        ("a LED", 2, 3, 1 | 16),
        ("a 40mm", 2, 6, 4 | 16),
        ("a-b", 1, 2, 8),
        ("a-b", 2, 3, 0),
        ("x 12", 2, 4, 4 | 16),
        ("é É", 2, 3, 1 | 16),
        ("帽子", 1, 2, 0),
    ],
)
def test_shapes(text: str, start: int, end: int, bits: int) -> None:
    assert shape_of(text, start, end) == bits
    assert bits < 2**BITS


def test_ids_carry_the_shape_and_offsets_stay() -> None:
    plain = word_pieces()
    shaped = ShapedPieces(plain)
    (before,), (after,) = plain.encode(["Blue men"]), shaped.encode(["Blue men"])
    assert [id % shaped.size for id in after.ids] == before.ids
    assert [id // shaped.size for id in after.ids] == [1 | 16 | 32, 16]
    assert (after.starts, after.ends) == (before.starts, before.ends)
    assert (shaped.opening, shaped.separator, shaped.padding) == (
        plain.opening,
        plain.separator,
        plain.padding,
    )
