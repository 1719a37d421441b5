from __future__ import annotations

from pathlib import Path

import pytest

from attrex.api import Extractor, fit
from attrex.api.caching import open_cache
from attrex.cache import MemoryCache
from attrex.errors import ConfigError
from tests.api.shop import shop


@pytest.fixture(scope="module")
def lexicon() -> Extractor:
    return fit(shop(60), recipe="lexicon")


def test_a_model_that_prepares_next_to_nothing_has_no_disk_cache(lexicon: Extractor, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r'cache: "lexicon" prepares next to nothing .* Fix: leave the cache out'
    ):
        lexicon.fill(shop(3), cache=tmp_path)
    with pytest.raises(ConfigError, match="cache limit: -1 gigabytes is not above 0"):
        open_cache(lexicon.model, lexicon.version, tmp_path, limit=-1)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_in_memory_serves_any_model(lexicon: Extractor) -> None:
    cache, products = MemoryCache(), shop(20, seed=1)
    filled = [
        lexicon.fill(products, attributes=names, cache=cache) for names in (["Brand"], ["Brand", "Size"])
    ]
    assert (cache.hits, cache.misses) == (20, 20 + 2)
    assert filled == [lexicon.fill(products, attributes=names) for names in (["Brand"], ["Brand", "Size"])]


def test_only_the_latest_cache_is_kept_open(lexicon: Extractor) -> None:
    """Or a new one for every call would keep them all alive."""
    first, second = MemoryCache(), MemoryCache()
    plain, one = lexicon.pipeline, lexicon.cached(first)
    assert lexicon.cached(first) is one
    lexicon.cached(second)
    assert lexicon.cached(first) is not one
    assert lexicon.pipeline is plain
