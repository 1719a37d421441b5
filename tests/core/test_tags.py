"""Spans as tags and back, for both schemes, well-formed or not."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core.tags import BIO, BIOE, SCHEMES, TagScheme

Spans = list[tuple[int, int]]
EACH = pytest.mark.parametrize("scheme", [BIO, BIOE], ids=lambda scheme: scheme.name)


@st.composite
def spans_of_a_sequence(draw: st.DrawFn) -> tuple[Spans, int]:
    """Disjoint spans, some of them neighbours, in order; and the sequence's length."""
    spans: Spans = []
    at = 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=6)):
        spans.append((at + gap, at + gap + length))
        at += gap + length
    return spans, at + draw(st.integers(0, 3))


def spelt(scheme: TagScheme, tags: list[int]) -> str:
    return "".join(scheme.tags[tag] for tag in tags)


def read(scheme: TagScheme, letters: str) -> Spans:
    return scheme.decode([scheme.index(letter) for letter in letters])


def by_the_rule(letters: str) -> Spans:
    """The rule as it is written: opens at B, or at an I or E that nothing opened; runs on through I and
    one closing E; ends before any other tag."""
    spans: Spans = []
    at = 0
    while at < len(letters):
        if letters[at] == "O":
            at += 1
            continue
        start = at
        at += 1
        if letters[start] != "E":
            while at < len(letters) and letters[at] == "I":
                at += 1
            if at < len(letters) and letters[at] == "E":
                at += 1
        spans.append((start, at))
    return spans


@EACH
@given(spans_of_a_sequence())
def test_spans_to_tags_to_spans_is_the_identity(scheme: TagScheme, case: tuple[Spans, int]) -> None:
    spans, length = case
    tags = scheme.encode(reversed(spans), length)
    assert len(tags) == length
    assert scheme.well_formed(tags)
    assert scheme.decode(tags) == spans


@EACH
@given(st.data())
def test_any_sequence_reads_as_the_rule_says(scheme: TagScheme, data: st.DataObject) -> None:
    tags = data.draw(st.lists(st.integers(0, len(scheme.tags) - 1), max_size=12))
    spans = scheme.decode(tags)
    assert spans == by_the_rule(spelt(scheme, tags))
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(start < end <= len(tags) for start, end in spans)
    inside = {at for start, end in spans for at in range(start, end)}
    assert inside == {at for at, tag in enumerate(tags) if scheme.tags[tag] != "O"}


@EACH
@pytest.mark.parametrize("length", range(6))
def test_well_formed_are_the_sequences_that_encoding_makes(scheme: TagScheme, length: int) -> None:
    for sequence in product(range(len(scheme.tags)), repeat=length):
        tags = list(sequence)
        assert scheme.well_formed(tags) == (scheme.encode(scheme.decode(tags), length) == tags)


@pytest.mark.parametrize(
    ("scheme", "length", "letters"),
    [(BIO, 1, "B"), (BIO, 2, "BI"), (BIO, 4, "BIII"), (BIOE, 1, "B"), (BIOE, 2, "BE"), (BIOE, 4, "BIIE")],
)
def test_pattern(scheme: TagScheme, length: int, letters: str) -> None:
    assert spelt(scheme, scheme.pattern(length)) == letters


def test_the_example_of_adatag_table_1() -> None:
    # orchid / cherry pie / mango ice cream scent
    assert spelt(BIOE, BIOE.encode([(0, 1), (2, 4), (5, 8)], 9)) == "BOBEOBIEO"


@pytest.mark.parametrize(
    ("scheme", "letters", "spans"),
    [
        (BIO, "OII", [(1, 3)]),
        (BIO, "BBI", [(0, 1), (1, 3)]),
        (BIO, "IOB", [(0, 1), (2, 3)]),
        (BIOE, "OEO", [(1, 2)]),
        (BIOE, "IE", [(0, 2)]),
        (BIOE, "BII", [(0, 3)]),
        (BIOE, "BEE", [(0, 2), (2, 3)]),
        (BIOE, "BEI", [(0, 2), (2, 3)]),
        (BIOE, "BIBE", [(0, 2), (2, 4)]),
        (BIOE, "", []),
    ],
)
def test_ill_formed_sequences_are_repaired(scheme: TagScheme, letters: str, spans: Spans) -> None:
    assert read(scheme, letters) == spans


@EACH
def test_overlapping_spans_are_refused(scheme: TagScheme) -> None:
    with pytest.raises(ValueError, match=r"^spans overlap at token 2$"):
        scheme.encode([(2, 4), (1, 3)], 5)


@EACH
@pytest.mark.parametrize("span", [(-1, 2), (2, 2), (3, 2), (4, 6)])
def test_spans_outside_are_refused(scheme: TagScheme, span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"^span \[{span[0]}, {span[1]}\) does not lie in 5 tokens$"):
        scheme.encode([span], 5)


def test_schemes_by_name() -> None:
    assert SCHEMES == {"BIO": BIO, "BIOE": BIOE}
    with pytest.raises(ValueError, match="tuple"):
        BIO.index("E")
