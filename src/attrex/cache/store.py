"""What a cache is to those who use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

Kind = Literal["product", "attribute"]
"""Whether records are a model's ``Prepared`` or its ``Described``."""
Make = Callable[[list[int]], list[Any]]
"""Makes the records of some of the keys, given by their places."""


class Cache(Protocol):
    """Keeps a model's records. ``hits`` and ``misses`` count keys."""

    hits: int
    misses: int

    def records(self, kind: Kind, keys: Sequence[str], make: Make) -> list[Any]:
        """One record per key, in order. ``make`` is called at most once, for what is not kept; a key that
        stands twice is made once."""
        ...


def first_places(keys: Sequence[str], missing: set[str]) -> dict[str, int]:
    """The first place of each missing key, in order."""
    places: dict[str, int] = {}
    for at, key in enumerate(keys):
        if key in missing:
            places.setdefault(key, at)
    return places
