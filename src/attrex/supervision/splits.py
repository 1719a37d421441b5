"""Products divided so that no title stands on two sides, within a file and across files.

The side of a title is a hash of it, so that two files that share titles divide them alike.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence

from attrex.core import Product
from attrex.errors import ConfigError
from attrex.text.folding import fold_text

_RANGE = float(2**64)


def title_key(product: Product) -> str:
    """The title (or, without one, the first text) decoded and folded; the id where there is no text."""
    texts = [s.text for s in product.sources if s.name.casefold() == "title"]
    texts += [s.text for s in product.sources]
    for text in texts:
        decoded = html.unescape(text)
        while decoded != text:  # "&amp;amp;" is found in the wild
            text, decoded = decoded, html.unescape(decoded)
        if key := fold_text(text):
            return key
    return f"id:{product.id}"


def _fraction(key: str, seed: int) -> float:
    """A number in [0, 1), the same for the same title everywhere."""
    digest = hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _RANGE


def split(products: Sequence[Product], fractions: Mapping[str, float], seed: int) -> dict[str, list[int]]:
    """The products' positions by part, in order. Sizes are near the fractions, never exact.

    Raises ``ConfigError`` unless the fractions are positive and add up to 1.
    """
    for name, fraction in fractions.items():
        if not 0 < fraction <= 1:
            raise ConfigError(f"split.{name}: the fraction is {fraction}; it must lie in (0, 1]")
    total = sum(fractions.values())
    if abs(total - 1) > 1e-6:
        raise ConfigError(f"split: the fractions add up to {total:g}; they must add up to 1")
    parts: dict[str, list[int]] = {name: [] for name in fractions}
    for index, product in enumerate(products):
        parts[part_of(title_key(product), fractions, seed)].append(index)
    return parts


def part_of(key: str, fractions: Mapping[str, float], seed: int) -> str:
    """The part of a title by its key; the ``fractions`` add up to 1."""
    at, upper = _fraction(key, seed), 0.0
    for name, fraction in fractions.items():
        upper += fraction
        if at < upper:
            return name
    return list(fractions)[-1]


def folds(products: Sequence[Product], k: int, seed: int) -> list[list[int]]:
    """The products' positions in ``k`` groups of nearly equal size, in order.

    Raises ``ConfigError`` where ``k`` is below 2.
    """
    if k < 2:
        raise ConfigError(f"folds: k is {k}; it must be at least 2")
    groups: list[list[int]] = [[] for _ in range(k)]
    for index, product in enumerate(products):
        groups[min(k - 1, int(_fraction(title_key(product), seed) * k))].append(index)
    return groups
