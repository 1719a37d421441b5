from __future__ import annotations

import torch

from attrex.cache import MemoryCache
from attrex.cache.records import own, size_of
from tests.cache.made import Maker, made


def ask(cache: MemoryCache, names: list[str], **more: int) -> list[str]:
    """What had to be made."""
    maker = Maker(names, **more)
    assert [r.name for r in cache.records("product", names, maker)] == names
    assert maker.calls <= 1
    return maker.made


def test_only_what_is_not_kept_is_made_in_one_call() -> None:
    cache = MemoryCache()
    assert ask(cache, ["a", "b", "a"]) == ["a", "b"]
    assert ask(cache, ["b", "c"]) == ["c"]
    assert ask(cache, ["a"]) == []
    assert (cache.hits, cache.misses, len(cache)) == (3, 3, 3)


def test_the_longest_unused_go_first_by_their_bytes() -> None:
    one = size_of(own(made("a")))
    cache = MemoryCache(limit=2 * one + one // 2)
    ask(cache, ["a", "b"])
    ask(cache, ["a", "c"])  # b goes
    assert ask(cache, ["a", "b"]) == ["b"]
    assert cache.size == size_of(own(made("a"))) * 2 <= cache.limit
    assert ask(cache, [str(i) for i in range(5)]) == list("01234")
    assert len(cache) == 2
    ask(cache, ["long"], tokens=150)  # alone larger than the limit: it drives nothing out
    assert len(cache) == 2
    assert ask(cache, ["3", "4"]) == []


def test_a_kept_record_does_not_keep_its_batch() -> None:
    batch = torch.zeros(100, 5, 8)
    cache = MemoryCache()
    (kept,) = cache.records("product", ["a"], lambda places: [batch[0]])
    assert kept.untyped_storage().nbytes() == 5 * 8 * 4
