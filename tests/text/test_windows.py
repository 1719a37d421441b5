"""Long products in windows: every character is read, none of them by too long a window."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Picture, Product, Source, Stated
from attrex.text.reading import read
from attrex.text.tokeniser import CHARACTERS, Tokeniser, Tokens, Vocabulary
from attrex.text.windows import LONGEST_WORD, OVERLAP, Window, cut
from tests.text.tokenisers import EACH_KIND, KINDS, texts

long_texts = st.lists(
    st.one_of(
        texts,
        st.sampled_from(
            ["Blue stainless mug 40mm ", "x" * 150, "\u05e9\u05dc " * 9, "한" * 40, "中文" * 70, " " * 300]
        ),
    ),
    max_size=12,
).map("".join)
products = st.lists(long_texts, max_size=3).map(
    lambda own: Product("1", "Mugs", tuple(Source(f"source{at}", text) for at, text in enumerate(own)))
)
limits = st.sampled_from([12, 16, 24, 64, 128])


def tokens_of(window: Window, tokeniser: Tokeniser) -> int:
    (reading,) = read([window.product], tokeniser)
    return len(reading)


def slices(product: Product, window: Window) -> dict[str, tuple[int, int]]:
    """Start and end of each of the window's sources in the original text, which it must repeat exactly."""
    found: dict[str, tuple[int, int]] = {}
    for source in window.product.sources:
        text = product.text(source.name)
        assert text is not None
        start = window.offsets.get(source.name, 0)
        end = start + len(source.text)
        assert text[start:end] == source.text
        found[source.name] = start, end
    return found


def one_source(text: str) -> Product:
    return Product("1", None, (Source("description", text),))


@EACH_KIND
@given(product=products, limit=limits)
def test_windows_cover_everything_and_overlap_and_fit(
    tokeniser: Tokeniser, product: Product, limit: int
) -> None:
    windows = cut([product], tokeniser, limit)
    places = [slices(product, window) for window in windows]
    assert all(tokens_of(window, tokeniser) <= limit for window in windows)
    if len(windows) == 1:
        assert windows[0].product == product
        return
    for source in product.sources:
        own = [place[source.name] for place in places if source.name in place]
        assert own[0][0] == 0
        assert own[-1][1] == len(source.text)
        for (start, end), (next_start, next_end) in pairwise(own):
            assert start <= next_start < end <= next_end or (next_start, next_end) == (start, end)
    for one, other in pairwise(places):
        assert set(one) & set(other)
        assert one != other


@EACH_KIND
@given(product=products, limit=limits)
def test_cut_edges_are_told_and_stand_at_words(tokeniser: Tokeniser, product: Product, limit: int) -> None:
    for window in cut([product], tokeniser, limit):
        for name, (start, end) in slices(product, window).items():
            text = product.text(name) or ""
            assert (name in window.cut_left) == bool(text[:start].strip())
            assert (name in window.cut_right) == bool(text[end:].strip())
            # A span at the edge begins with the slice's first character: no white space stands there.
            assert name not in window.cut_left or _stands(text[start])
            assert name not in window.cut_right or _stands(text[end - 1])


def _stands(character: str) -> bool:
    # To Python \x0c and its like are white space; BERT's tokeniser drops them within a word.
    return not character.isspace() or character in "\x0b\x0c\x1c\x1d\x1e\x1f\x85"


@EACH_KIND
@given(own=st.lists(products, max_size=4), limit=limits)
def test_a_batch_is_cut_as_its_products_alone(
    tokeniser: Tokeniser, own: Sequence[Product], limit: int
) -> None:
    expected = [(at, window.product) for at, one in enumerate(own) for window in cut([one], tokeniser, limit)]
    assert [(window.index, window.product) for window in cut(own, tokeniser, limit)] == expected


def test_neighbours_share_at_least_the_overlap() -> None:
    text = " ".join(f"word{at} {'a' * (at % 40)}" for at in range(400))
    tokeniser = KINDS["pieces"]
    windows = cut([one_source(text)], tokeniser, 256)
    assert len(windows) > 10
    for one, other in pairwise(windows):
        end = one.offsets["description"] + len(one.product.sources[0].text)
        (shared,) = tokeniser.encode([text[other.offsets["description"] : end]])
        assert OVERLAP <= len(shared) < 128


def test_windows_are_well_filled() -> None:
    text = "Blue mug " * 2000
    windows = cut([one_source(text)], KINDS["words"], 256)
    counts = [tokens_of(window, KINDS["words"]) for window in windows]
    assert min(counts[:-1]) == 256
    assert len(windows) == 18


@pytest.mark.parametrize("limit", [4, 5, 6])
@EACH_KIND
def test_the_smallest_windows_end_too(tokeniser: Tokeniser, limit: int) -> None:
    product = Product("1", None, (Source("title", "Blue mug 40mm " * 3), Source("bullets", "x" * 120)))
    windows = cut([product], tokeniser, limit)
    assert all(tokens_of(window, tokeniser) <= limit for window in windows)
    covered = {name: set[int]() for name in ("title", "bullets")}
    for window in windows:
        for name, place in slices(product, window).items():
            covered[name] |= set(range(*place))
    for source in product.sources:
        assert covered[source.name] >= {at for at, sign in enumerate(source.text) if sign.strip()}


@pytest.mark.parametrize("limit", [3, 0, -1])
def test_too_small_a_limit_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match=rf"^limit is {limit}; a window needs at least 4 tokens$"):
        cut([one_source("mug")], KINDS["words"], limit)


def test_words_are_not_cut() -> None:
    words = [f"w{at}" + "y" * (at % 30) for at in range(300)]
    windows = cut([one_source(" ".join(words))], KINDS["pieces"], 128)
    assert len(windows) > 5
    assert all(set(window.product.sources[0].text.split()) <= set(words) for window in windows)


def test_a_run_without_white_space_is_cut() -> None:
    product = one_source("x" * 1000)
    windows = cut([product], Vocabulary([], cut=CHARACTERS), 128)
    assert max(len(window.product.sources[0].text) for window in windows) <= 128
    assert slices(product, windows[-1])["description"][1] == 1000
    assert LONGEST_WORD < 128


@pytest.mark.parametrize("text", ["한" * 20, "한 " * 20])
def test_a_character_of_several_tokens_counts_as_several(text: str) -> None:
    # 20 characters, 60 tokens: shorter than the limit in characters, longer in tokens.
    windows = cut([one_source(text)], KINDS["pieces"], 48)
    assert len(windows) > 1
    assert all(tokens_of(window, KINDS["pieces"]) <= 48 for window in windows)


def test_a_window_at_the_limit_is_whole() -> None:
    product = Product("1", None, (Source("title", "mug " * 20), Source("bullets", "mug " * 11)))
    (window,) = cut([product], KINDS["words"], 32)
    assert window == Window(product, 0, {}, frozenset(), frozenset())
    assert tokens_of(window, KINDS["words"]) == 32
    assert len(cut([product], KINDS["words"], 31)) == 2


@pytest.mark.parametrize(("tokeniser", "limit"), [(None, 8), (KINDS["words"], None), (None, None)])
def test_without_a_limit_nothing_is_cut(tokeniser: Tokeniser | None, limit: int | None) -> None:
    product = one_source("mug " * 5000)
    assert cut([product], tokeniser, limit) == [Window(product, 0, {}, frozenset(), frozenset())]


@EACH_KIND
@pytest.mark.parametrize("text", ["", " ", "\n\t\u3000" * 500])
def test_products_without_words_are_whole(tokeniser: Tokeniser, text: str) -> None:
    product = Product("1", None, (Source("title", text), Source("bullets", text)))
    assert [window.product for window in cut([product, Product("2")], tokeniser, 8)] == [
        product,
        Product("2"),
    ]


def test_sources_without_words_stay_with_a_long_one() -> None:
    product = Product(
        "1", None, (Source("title", ""), Source("description", "mug " * 100), Source("bullets", " \n "))
    )
    windows = cut([product], KINDS["words"], 32)
    assert windows[0].product.sources[0] == Source("title", "")
    assert windows[-1].product.sources[-1] == Source("bullets", " \n ")


def test_a_window_keeps_what_else_is_known_of_the_product() -> None:
    product = Product(
        "7",
        "Mugs",
        (Source("description", "mug " * 100),),
        (Picture("front.jpg"),),
        {"Colour": (Stated("Blue"),)},
    )
    for window in cut([product], KINDS["words"], 32):
        part = window.product
        assert (part.id, part.category, part.pictures, part.stated) == (
            "7",
            "Mugs",
            product.pictures,
            product.stated,
        )


class Counting:
    """A tokeniser that notes the longest text it was ever given."""

    opening: tuple[int, ...] = ()
    separator = 2
    padding = 0

    def __init__(self) -> None:
        self.inner = Vocabulary([], cut=CHARACTERS)
        self.longest = 0
        self.characters = 0

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        self.longest = max([self.longest, *map(len, texts)])
        self.characters += sum(map(len, texts))
        return self.inner.encode(texts)


HUGE = {
    "prose": "Blue stainless mug, 40mm wide and 12 high. ",
    "white space": " \n",
    "one run": "x",
    "Chinese": "红色陶瓷杯",
    "emoji": "👩‍👩‍👧",
    "form feeds": "a\x0c",
}


@pytest.mark.parametrize("unit", HUGE.values(), ids=list(HUGE))
def test_a_huge_description_is_cut_in_bounded_time(unit: str) -> None:
    size = 200_000
    text = f"{unit * (size // len(unit))} end"
    tokeniser = Counting()
    began = time.perf_counter()
    windows = cut([one_source(text)], tokeniser, 256)
    # Half a second on an idle machine; a quadratic way takes minutes.
    assert time.perf_counter() - began < 20
    # Words are counted once and alone: the text as a whole is never tokenised.
    assert tokeniser.longest <= LONGEST_WORD
    assert tokeniser.characters <= len(text)
    places = [slices(one_source(text), window)["description"] for window in windows]
    assert places[0][0] == 0
    assert places[-1][1] == len(text)
    assert all(after[0] < before[1] < after[1] for before, after in pairwise(places))
