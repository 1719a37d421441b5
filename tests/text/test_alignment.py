"""Spans of characters to tags and back, through every kind of token."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Product, Source, Span
from attrex.core.tags import BIO, BIOE, TagScheme
from attrex.text.alignment import cover, to_spans, to_tags, token_spans
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import Tokeniser
from tests.text.tokenisers import EACH_KIND, KINDS

SCHEMES = pytest.mark.parametrize("scheme", [BIO, BIOE], ids=lambda scheme: scheme.name)
VALUES = ["Blue", "Cafe\u0301", "40mm", "\u05e9\u05dc\u05d5\u05dd", "한", "中文", "❤\ufe0f", "ﬁ", "Mens 40"]
BETWEEN_VALUES = [" ", " / ", ", ", "\n", "\u3000", " 😀 ", " \u200b "]


@st.composite
def annotated(draw: st.DrawFn) -> tuple[Product, list[Span]]:
    """A product whose sources are values with something between, and the spans of some of them."""
    sources: list[Source] = []
    spans: list[Span] = []
    for name in draw(st.lists(st.sampled_from(["title", "bullets", "description"]), max_size=3, unique=True)):
        text = ""
        for value in draw(st.lists(st.sampled_from(VALUES), max_size=5)):
            text += draw(st.sampled_from(BETWEEN_VALUES))
            if draw(st.booleans()):
                spans.append(Span(name, len(text), len(text) + len(value)))
            text += value
        sources.append(Source(name, text))
    return Product("1", None, tuple(sources)), spans


def reading_of(tokeniser: Tokeniser, product: Product) -> Reading:
    (reading,) = read([product], tokeniser)
    return reading


@SCHEMES
@EACH_KIND
@given(case=annotated())
def test_spans_to_tags_to_spans_is_the_identity(
    tokeniser: Tokeniser, scheme: TagScheme, case: tuple[Product, list[Span]]
) -> None:
    product, spans = case
    reading = reading_of(tokeniser, product)
    tags = to_tags(reading, spans, scheme)
    assert len(tags) == len(reading)
    assert scheme.well_formed(tags)
    assert to_spans(reading, tags, scheme) == spans


@SCHEMES
@EACH_KIND
@given(case=annotated(), data=st.data())
def test_any_tags_read_as_disjoint_spans_within_their_sources(
    tokeniser: Tokeniser, scheme: TagScheme, case: tuple[Product, list[Span]], data: st.DataObject
) -> None:
    product, _ = case
    reading = reading_of(tokeniser, product)
    tag = st.integers(0, len(scheme.tags) - 1)
    tags = data.draw(st.lists(tag, min_size=len(reading), max_size=len(reading)))
    found = to_spans(reading, tags, scheme)
    for span in found:
        text = product.text(span.source)
        assert text is not None
        assert span.end <= len(text)
    for one, other in pairwise(found):
        # Two values may share the one character of two tokens ("한"), never more.
        assert one.source != other.source or one.end - other.start <= 1


def test_of_overlapping_spans_the_longer_stays() -> None:
    product = Product("1", None, (Source("title", "dark blue steel mug"),))
    reading = reading_of(KINDS["words"], product)
    spans = [Span("title", 5, 9), Span("title", 0, 9), Span("title", 5, 19), Span("title", 16, 19)]
    assert token_spans(reading, spans) == [(1, 4)]
    assert token_spans(reading, [spans[0], spans[1], spans[3]]) == [(0, 2), (3, 4)]
    assert token_spans(reading, [*spans[1:2], *spans[1:2]]) == [(0, 2)]


def test_a_span_within_a_token_takes_the_token() -> None:
    product = Product("1", None, (Source("title", "bluemug"),))
    reading = reading_of(KINDS["words"], product)
    assert token_spans(reading, [Span("title", 0, 4)]) == [(0, 1)]


def test_cover_tells_which_characters_its_tokens_stand_for() -> None:
    product = Product("1", None, (Source("title", "Jerseys for men"), Source("bullets", "red Jerseys")))
    reading = reading_of(KINDS["words"], product)
    jersey, again = Span("title", 0, 6), Span("bullets", 4, 10)
    assert cover(reading, [again, jersey]) == [((0, 1), jersey), ((5, 6), again)]


@EACH_KIND
@given(case=annotated())
def test_cover_and_token_spans_agree(tokeniser: Tokeniser, case: tuple[Product, list[Span]]) -> None:
    product, spans = case
    reading = reading_of(tokeniser, product)
    assert [span for _, span in cover(reading, spans)] == spans
    assert [tokens for tokens, _ in cover(reading, spans)] == token_spans(reading, spans)


def test_a_span_without_tokens_is_dropped() -> None:
    product = Product("1", None, (Source("title", "blue  mug"),))
    reading = reading_of(KINDS["words"], product)
    assert token_spans(reading, [Span("title", 4, 6), Span("bullets", 0, 4), Span("title", 20, 24)]) == []
    assert to_tags(reading, [], BIO) == [BIO.index("O")] * 2


@SCHEMES
def test_a_value_never_runs_across_two_sources(scheme: TagScheme) -> None:
    product = Product("1", None, (Source("title", "dark blue"), Source("bullets", "steel mug")))
    reading = reading_of(KINDS["words"], product)
    assert len(reading) == 5
    tags = scheme.encode([(0, 1), (1, 4), (4, 5)], 5)
    assert to_spans(reading, tags, scheme) == [Span("title", 0, 4), Span("bullets", 6, 9)]
