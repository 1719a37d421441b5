from collections.abc import Sequence
from dataclasses import replace

from attrex.cache import Cache
from attrex.core import Picture, Product, Source


def product(text: str, **more: object) -> Product:
    return replace(Product("p", None, (Source("title", text),)), **more)


class Counting:
    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, products: Sequence[Product]) -> list[str]:
        self.calls.append([p.sources[0].text for p in products])
        return [f"prepared {p.sources[0].text}" for p in products]


def test_only_what_is_not_kept_is_prepared_in_one_call() -> None:
    cache, prepare = Cache(), Counting()
    first = cache.prepared(prepare, [product("a"), product("b"), product("a")], version="1")
    assert first == ["prepared a", "prepared b", "prepared a"]
    assert cache.prepared(prepare, [product("b"), product("c")], version="1") == ["prepared b", "prepared c"]
    assert prepare.calls == [["a", "b"], ["c"]]
    assert cache.prepared(prepare, [product("a")], version="1") == ["prepared a"]
    assert len(prepare.calls) == 2


def test_another_model_text_category_or_picture_is_another_record() -> None:
    cache, prepare = Cache(), Counting()
    one = product("a")
    for given, version in (
        (one, "1"),
        (one, "2"),
        (replace(one, category="Lamps"), "1"),
        (replace(one, pictures=(Picture("a.jpg"),)), "1"),
        (replace(one, sources=(Source("description", "a"),)), "1"),
    ):
        cache.prepared(prepare, [given], version=version)
    assert len(prepare.calls) == 5
    cache.prepared(prepare, [replace(one, id="another")], version="1")
    assert len(prepare.calls) == 5


def test_the_longest_unused_go_first_even_within_a_large_batch() -> None:
    cache, prepare = Cache(limit=2), Counting()
    cache.prepared(prepare, [product("a"), product("b")], version="1")
    cache.prepared(prepare, [product("a"), product("c")], version="1")  # b goes
    cache.prepared(prepare, [product("a"), product("b")], version="1")
    assert prepare.calls == [["a", "b"], ["c"], ["b"]]
    many = [product(str(i)) for i in range(5)]
    assert len(cache.prepared(prepare, many, version="1")) == 5
