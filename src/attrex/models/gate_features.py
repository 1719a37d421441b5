"""What a gate reads of a product: its words and, where it looks at pictures, what these show.

A map of both tells by either alone, too, for small weights are shared out among all that tells the same:
learning from products of which one or the other was withheld came to no more, on the drawn catalogue and on
a crawled one.

Shapes: ``F`` words, ``G`` features of pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from attrex.core import Product
from attrex.models.gate_pictures import PIXELS, Sights
from attrex.models.gate_words import Bags, Words

_WORDS, _SIGHTS = "features", ("sights.words", "sights.mean", "sights.scale")


class Features:
    """``sights`` is None where no pictures are looked at."""

    def __init__(self, words: Words, sights: Sights | None = None) -> None:
        self.words, self.sights = words, sights

    @classmethod
    def learn(cls, products: Sequence[Product], outputs: int, *, pictures: bool) -> Features:
        """From training products, for a map with so many outputs. With ``pictures`` those of products are
        looked at too, where there are enough."""
        return cls(Words.learn(products, outputs), Sights.learn(products) if pictures else None)

    @property
    def size(self) -> int:
        """F + G, the rows of a map's weights."""
        return len(self.words.kept_F) + (0 if self.sights is None else self.sights.size)

    @property
    def pictures(self) -> int | None:
        """How many pixels a side pictures are wanted with, if any are."""
        return None if self.sights is None else PIXELS

    def bags(self, products: Sequence[Product]) -> Bags:
        """Of each product; of one without words or pictures these are nought."""
        bags = self.words.bags(products)
        return bags if self.sights is None else replace(bags, sights_NG=self.sights.of(products))

    def tensors(self) -> dict[str, Tensor]:
        """By name, to be restored from."""
        words = {_WORDS: torch.from_numpy(self.words.kept_F)}
        if self.sights is None:
            return words
        own = (self.sights.words_WE, self.sights.mean_G, self.sights.scale_G)
        return {**words, **dict(zip(_SIGHTS, own, strict=True))}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor]) -> Features:
        """From ``tensors``. Raises ``KeyError`` where a part is missing."""
        sights = Sights(*(tensors[name] for name in _SIGHTS)) if _SIGHTS[0] in tensors else None
        return cls(Words(tensors[_WORDS].numpy()), sights)
