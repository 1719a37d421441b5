"""From characters to tokens and back, over several sources, exactly."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Product, Source, Span
from attrex.text.reading import BETWEEN, LONGEST_PREFIX, Reading, read
from attrex.text.tokeniser import Tokeniser
from tests.text.tokenisers import EACH_KIND, KINDS, texts

sources = st.lists(texts, max_size=4).map(
    lambda own: tuple(Source(f"source{at}", text) for at, text in enumerate(own))
)


def reading_of(tokeniser: Tokeniser, *own: Source, category: str | None = None) -> Reading:
    (reading,) = read([Product("1", category, own)], tokeniser)
    return reading


@EACH_KIND
@given(own=sources)
def test_a_reading_is_its_sources_tokens_with_separators_between(
    tokeniser: Tokeniser, own: tuple[Source, ...]
) -> None:
    reading = reading_of(tokeniser, *own)
    assert reading.names == tuple(s.name for s in own)
    assert reading.texts == tuple(s.text for s in own)
    expected: list[int] = []
    for tokens in tokeniser.encode([s.text for s in own]):
        if expected and tokens.ids:
            expected.append(tokeniser.separator)
        expected += tokens.ids
    assert reading.ids == expected
    assert len(reading) == len(reading.sources) == len(reading.starts) == len(reading.ends)
    between = [at for at, source in enumerate(reading.sources) if source == BETWEEN]
    assert 0 not in between
    assert all(reading.ids[at] == tokeniser.separator for at in between)


@EACH_KIND
@given(own=sources, data=st.data())
def test_tokens_to_characters_to_tokens_is_the_identity(
    tokeniser: Tokeniser, own: tuple[Source, ...], data: st.DataObject
) -> None:
    reading = reading_of(tokeniser, *own)
    if not len(reading):
        return
    start = data.draw(st.integers(0, len(reading) - 1))
    end = data.draw(st.integers(start + 1, len(reading)))
    span = reading.span(start, end)
    if len(set(reading.sources[start:end])) > 1 or reading.sources[start] == BETWEEN:
        assert span is None
        return
    assert span is not None
    # Several tokens of one character ("한", "ﬁ") cannot be told apart by characters: all are taken.
    while start and (reading.sources[start - 1], reading.ends[start - 1]) == (
        reading.sources[start],
        reading.ends[start],
    ):
        start -= 1
    while end < len(reading) and (reading.sources[end], reading.starts[end]) == (
        reading.sources[end - 1],
        reading.starts[end - 1],
    ):
        end += 1
    assert reading.tokens(span) == (start, end)
    assert reading.span(start, end) == span


@EACH_KIND
@given(own=sources, data=st.data())
def test_the_tokens_of_any_characters_cover_them(
    tokeniser: Tokeniser, own: tuple[Source, ...], data: st.DataObject
) -> None:
    filled = [source for source in own if source.text]
    if not filled:
        return
    source = data.draw(st.sampled_from(filled))
    start = data.draw(st.integers(0, len(source.text) - 1))
    span = Span(source.name, start, data.draw(st.integers(start + 1, len(source.text))))
    reading = reading_of(tokeniser, *own)
    found = reading.tokens(span)
    own_tokens = [at for at, name in enumerate(reading.sources) if name == own.index(source)]
    touched = {at for at in own_tokens if reading.starts[at] < span.end and span.start < reading.ends[at]}
    if not touched:
        assert found is None
        return
    assert found == (min(touched), max(touched) + 1)
    back = reading.span(*found)
    assert back is not None
    uncovered = set(range(span.start, span.end)) - set(range(back.start, back.end))
    # White space, and what the normaliser strips: neither is ever a value of its own.
    tokens = [range(s, e) for s, e in zip(reading.starts, reading.ends, strict=True)]
    assert not any(at in tokens[t] for at in uncovered for t in own_tokens)


WORTHY = [
    ("words", "Cafe\u0301 cup", "Cafe\u0301"),
    ("pieces", "Cafe\u0301 cup", "Cafe\u0301"),
    ("characters", "Cafe\u0301 cup", "Cafe\u0301"),
    ("pieces", "big Cafe\u0301", "Cafe\u0301"),
    ("pieces", "Café cup", "Café"),
    ("pieces", "mug ❤\ufe0f red", "❤\ufe0f"),
    ("pieces", "no 1\ufe0f\u20e3 mug", "1\ufe0f\u20e3"),
    (
        "pieces",
        "a \U0001f469\u200d\U0001f469\u200d\U0001f467 b",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    ),
    ("characters", "a👍🏽b", "👍🏽"),
    ("words", "a👍🏽b", "👍🏽"),
    ("words", "מידה 40 ס״מ", "40"),
    ("pieces", "\u05e9\u05dc\u05d5\u05dd 40mm", "40mm"),
    ("pieces", "\u202b\u05e9\u05dc\u202c Blue", "\u05e9\u05dc"),
    ("words", "\u202bשלום\u202c Blue", "שלום"),
    ("pieces", "oﬃce ﬁt", "ﬁt"),
    ("characters", "oﬃce", "ﬃ"),
    ("pieces", "the bl\u200bue mug", "bl\u200bue"),
    ("words", "the bl\u200bue mug", "bl\u200bue"),
    ("pieces", "size 한 big", "한"),
    ("characters", "红色中文字", "中文"),
    ("pieces", "中文字", "文"),
    ("words", "हिन्दी किताब", "हिन्दी"),
    ("characters", "हिन्दी किताब", "हिन्दी"),
    ("pieces", "\ufeffBlue mug", "Blue"),
    ("words", "40mm wide", "40"),
    ("pieces", "Mens shoe", "Men"),
    ("pieces", "😀 Blue 😀 mug", "Blue 😀"),
]


@pytest.mark.parametrize(("kind", "text", "value"), WORTHY)
def test_characters_to_tokens_to_characters_is_the_identity(kind: str, text: str, value: str) -> None:
    reading = reading_of(KINDS[kind], Source("title", "Blue 😀 e\u0301"), Source("description", text))
    start = text.index(value)
    span = Span("description", start, start + len(value))
    found = reading.tokens(span)
    assert found is not None
    assert reading.span(*found) == span


@EACH_KIND
@given(text=texts, data=st.data())
def test_values_that_are_words_come_back_exactly(
    tokeniser: Tokeniser, text: str, data: st.DataObject
) -> None:
    # A value between white space that begins and ends with a letter, a digit, or a mark upon one.
    value = data.draw(st.sampled_from(["Blue", "Cafe\u0301", "40 mm", "\u05e9\u05dc", "한", "é", "中文"]))
    other = data.draw(texts)
    whole = f"{text} {value} {other}"
    span = Span("title", len(text) + 1, len(text) + 1 + len(value))
    found = reading_of(tokeniser, Source("title", whole)).tokens(span)
    assert found is not None
    assert reading_of(tokeniser, Source("title", whole)).span(*found) == span


@EACH_KIND
@given(text=texts)
def test_a_span_never_ends_before_a_mark_of_its_last_character(tokeniser: Tokeniser, text: str) -> None:
    reading = reading_of(tokeniser, Source("title", text))
    for at in range(len(reading)):
        span = reading.span(at, at + 1)
        assert span is not None
        next_start = reading.starts[at + 1] if at + 1 < len(reading) else len(text)
        if span.end < next_start:
            assert not unicodedata.category(text[span.end]).startswith("M")


def test_the_category_is_a_prefix_and_no_part_of_the_tokens() -> None:
    tokeniser = KINDS["words"]
    product = Product("1", "Home > Mugs", (Source("title", "Blue mug"),))
    (reading,) = read([product], tokeniser)
    (category,) = tokeniser.encode(["Home > Mugs"])
    assert reading.prefix == [*category.ids, tokeniser.separator]
    assert len(reading) == 2
    (without,) = read([product], tokeniser, category=False)
    assert without.prefix == []
    assert without.ids == reading.ids


def test_of_a_long_category_the_end_is_read() -> None:
    tokeniser = KINDS["characters"]
    (reading,) = read([Product("1", "a" * 30 + "b", (Source("title", "x"),))], tokeniser)
    (tokens,) = tokeniser.encode(["a" * (LONGEST_PREFIX - 1) + "b"])
    assert reading.prefix == [*tokens.ids, tokeniser.separator]


def test_products_of_a_batch_do_not_mix() -> None:
    tokeniser = KINDS["pieces"]
    products = [
        Product("1", "Mugs", (Source("title", "Blue mug"), Source("bullets", ""))),
        Product("2"),
        Product("3", None, (Source("title", "  "), Source("bullets", "40mm"))),
        Product("4", "Mugs", (Source("title", "😀"),)),
    ]
    assert read(products, tokeniser) == [read([product], tokeniser)[0] for product in products]
    assert [len(reading) for reading in read(products, tokeniser)] == [4, 0, 3, 1]


def test_characters_of_no_source_have_no_tokens() -> None:
    reading = reading_of(KINDS["words"], Source("title", "Blue mug"))
    assert reading.tokens(Span("description", 0, 4)) is None
    assert reading.tokens(Span("title", 4, 5)) is None
    assert reading.tokens(Span("title", 40, 50)) is None
