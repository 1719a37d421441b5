"""Texts as bags of hashed words and pairs of words, and a linear map over them, learnt in seconds.

Shapes: ``N`` products, ``F`` features kept, ``K`` outputs.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from attrex.core import Product
from attrex.text.folding import fold_text

HASHES = 2**20
"""Different words of a catalogue hardly ever share one."""
LEAST_TEXTS = 2
"""A feature that stands in fewer training texts says nothing of others."""
MOST_FEATURES = 2**15
"""The commonest are kept."""
MOST_WEIGHTS = 2**22
"""Features by outputs; learning holds some twenty times as many, 320 MB: of 500 attributes 8,000 features."""
LONGEST = 20_000
"""Characters that are read of a source."""
STEPS = 60
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W_]+")
"""Chinese and Japanese write no spaces: a character is a word there, and two are a pair."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bags:
    """The features of N products, one product after another: ``features`` index the kept ones, ``starts_N``
    say where each product's begin, ``weights`` make each product's length one. ``sights_NG`` are features of
    its pictures, whose weights stand behind those of the words."""

    features: Tensor
    starts_N: Tensor
    weights: Tensor
    sights_NG: Tensor | None = None

    def of(self, weight_FK: Tensor, bias_K: Tensor) -> Tensor:
        """N×K: the linear map of the bags."""
        mapped_NK = bias_K + functional.embedding_bag(
            self.features, weight_FK, self.starts_N, mode="sum", per_sample_weights=self.weights
        )
        if self.sights_NG is None:
            return mapped_NK
        words = len(weight_FK) - self.sights_NG.shape[1]
        return mapped_NK + self.sights_NG @ weight_FK[words:]


class Words:
    """The features that are kept, ``kept_F`` being their hashes in rising order."""

    def __init__(self, kept_F: Ints) -> None:
        self.kept_F = kept_F

    @classmethod
    def learn(cls, products: Sequence[Product], outputs: int = 1) -> Words:
        """Keeps what stands in at least two texts, the commonest first where there is too much for a map with
        so many outputs."""
        counts = np.zeros(HASHES, dtype=np.int64)
        for product in products:
            counts[_hashes(product)] += 1
        kept = np.flatnonzero(counts >= LEAST_TEXTS)
        most = min(MOST_FEATURES, MOST_WEIGHTS // max(1, outputs))
        if len(kept) > most:
            order = np.argsort(-counts[kept], kind="stable")
            kept = np.sort(kept[order[:most]])
        return cls(kept)

    def bags(self, products: Sequence[Product]) -> Bags:
        """A product without a known word has none, and gets the bias alone."""
        found = [self._kept(_hashes(product)) for product in products]
        sizes = np.array([len(own) for own in found], dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        every = np.concatenate([np.empty(0, np.int64), *found])
        weights = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
        return Bags(torch.from_numpy(every), torch.from_numpy(starts), torch.from_numpy(weights))

    def _kept(self, hashes: Ints) -> Ints:
        if not len(self.kept_F):
            return np.empty(0, np.int64)
        places = np.minimum(np.searchsorted(self.kept_F, hashes), len(self.kept_F) - 1)
        known: Ints = places[self.kept_F[places] == hashes]
        return known


def fit_linear(
    bags: Bags,
    features: int,
    outputs: int,
    loss: Callable[[Tensor], Tensor],
    *,
    decay: float,
) -> tuple[Tensor, Tensor]:
    """Weight F×K and bias K that make ``loss`` (of N×K) least, with ``decay`` times the squared weights
    added. By L-BFGS from nought: convex losses end at the same place, and nothing is drawn at random."""
    weight_FK = torch.zeros(features, outputs, requires_grad=True)
    bias_K = torch.zeros(outputs, requires_grad=True)
    if not outputs:
        return weight_FK.detach(), bias_K.detach()  # the search has no largest of no gradients
    search = torch.optim.LBFGS(
        [weight_FK, bias_K], max_iter=STEPS, history_size=8, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        search.zero_grad()
        value = loss(bags.of(weight_FK, bias_K)) + decay * weight_FK.square().sum()
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return value

    search.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return weight_FK.detach(), bias_K.detach()


def _hashes(product: Product) -> Ints:
    """Of the words and of the pairs of neighbours, each once."""
    found: set[int] = set()
    for source in product.sources:
        before = 1
        for word in _WORD.findall(fold_text(source.text[:LONGEST])):
            own = _hash(word)
            found.add(own % HASHES)
            found.add((before * 1_000_003 ^ own) % HASHES)
            before = own
    return np.fromiter(found, np.int64, len(found))


@lru_cache(maxsize=65_536)
def _hash(word: str) -> int:
    """The same in every process, unlike Python's own."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))
