"""Values in training texts give way to others, and the tags go with them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Attribute, Product, Source
from attrex.errors import ConfigError
from attrex.models.replacement import check_replacement, with_replacements
from attrex.models.tagging import TaggedAsk, TaggedWindow
from attrex.text.reading import Reading

BRAND, COLOUR = Attribute("Brand"), Attribute("Colour")


def window(ids: list[int], category: str | None = "Hats", **spans: tuple[int, int]) -> TaggedWindow:
    places = list(range(len(ids)))
    reading = Reading(("title",), ("x" * len(ids),), [], ids, [0] * len(ids), places, [p + 1 for p in places])
    asks = tuple(TaggedAsk(Attribute(name), (span,), (), 1.0) for name, span in spans.items())
    return TaggedWindow(Product("1", category, (Source("title", "x" * len(ids)),)), reading, asks)


def values(made: TaggedWindow) -> dict[str, list[int]]:
    return {ask.attribute.name: made.reading.ids[slice(*ask.spans[0])] for ask in made.asks}


def around(made: TaggedWindow) -> list[int]:
    inside = {at for ask in made.asks for at in range(*ask.spans[0])}
    return [token for at, token in enumerate(made.reading.ids) if at not in inside]


FIRST = window([1, 2, 3, 4, 5], Brand=(0, 2), Colour=(2, 3))
SECOND = window([6, 7, 8, 9], Brand=(1, 2), Colour=(2, 4))
OTHER = window([20, 21], category="Mugs", Brand=(0, 1))


def test_values_come_from_the_same_attribute_and_category() -> None:
    seen = {name: set() for name in ("Brand", "Colour")}  # type: dict[str, set[tuple[int, ...]]]
    for seed in range(30):
        first, second, other = with_replacements([FIRST, SECOND, OTHER], 1.0, limit=100, seed=str(seed))
        for made, old in ((first, FIRST), (second, SECOND)):
            assert around(made) == around(old)
            for name, ids in values(made).items():
                seen[name].add(tuple(ids))
        assert other == OTHER
    assert seen == {"Brand": {(1, 2), (7,)}, "Colour": {(3,), (8, 9)}}


def test_without_a_chance_nothing_changes_and_a_seed_repeats() -> None:
    windows = [FIRST, SECOND]
    assert with_replacements(windows, 0.0, limit=100, seed="0") == windows
    once, again, other = (with_replacements(windows * 20, 0.5, limit=100, seed=s) for s in "001")
    assert once == again != other


def test_values_that_overlap_another_attributes_stay() -> None:
    overlapping = window([1, 2, 3], Brand=(0, 2), Colour=(1, 2))
    for seed in range(10):
        assert with_replacements([overlapping, SECOND], 1.0, limit=100, seed=str(seed))[0] == overlapping


def test_a_window_never_grows_past_its_limit() -> None:
    small = window([1, 2], Brand=(0, 1))
    large = window(list(range(3, 60)), Brand=(0, 50))
    made = {len(with_replacements([small, large], 1.0, limit=57, seed=str(s))[0].reading) for s in range(20)}
    assert made == {2, 51}
    made = {len(with_replacements([small, large], 1.0, limit=40, seed=str(s))[0].reading) for s in range(20)}
    assert made == {2}


@given(st.integers(0, 10_000))
def test_all_tokens_around_stay_and_each_value_is_one_of_the_known(seed: int) -> None:
    chance = random.Random(seed)
    windows = []
    for _ in range(4):
        ids = [chance.randrange(100) for _ in range(chance.randrange(4, 12))]
        cuts = sorted(chance.sample(range(len(ids) + 1), 4))
        windows.append(window(ids, Brand=(cuts[0], cuts[1]), Colour=(cuts[2], cuts[3])))
    known = {name: [values(w)[name] for w in windows] for name in ("Brand", "Colour")}
    for made, old in zip(with_replacements(windows, 0.7, limit=100, seed=str(seed)), windows, strict=True):
        assert around(made) == around(old)
        assert all(ids in known[name] for name, ids in values(made).items())
        reading = made.reading
        assert len(reading.ids) == len(reading.sources) == len(reading.starts) == len(reading.ends)


@pytest.mark.parametrize("probability", [-0.1, 1.5])
def test_a_wrong_probability_is_said(probability: float) -> None:
    with pytest.raises(ConfigError, match=rf"replacement is {probability:g}; it must lie in \[0, 1\]"):
        check_replacement(probability)
