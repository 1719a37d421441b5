"""Where values stand: boundaries, other spellings, slips, and offsets of the original text."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.text.folding import fold_text
from attrex.text.matching import Match, Matcher, Occurrence, find, locate

WORDS = st.text(st.sampled_from("abMs é'ß5.- "), max_size=12)


def shown(value: str, text: str) -> list[tuple[str, str]]:
    return [(text[o.start : o.end], o.alignment) for o in locate(value, text)]


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("red", "Red shoes, RED laces", ["Red", "RED"]),
        ("Men", "Men's shoes", ["Men"]),
        ("Men", "Mens shoes", ["Men"]),
        ("Men", "Men’s shoes", ["Men"]),
        ("Men", "Women's shoes", []),
        ("brush", "two brushes", ["brush"]),
        ("M", "Metal", []),
        ("M", "M's size", ["M"]),
        ("M", "Ms Smith", []),
        ("M", "S/M/L", ["M"]),
        ("5", "1.5 m", []),
        ("1", "1.5 m", []),
        ("1", "chapter 1. end", ["1"]),
        ("5", "v .5", ["5"]),
        ("40", "40mm", []),
        ("T-Shirt", "a T‑SHIRT", ["T‑SHIRT"]),
        ("Crème", "creme fraiche", ["creme"]),
        ("creme", "cre\u0300me fraîche", ["cre\u0300me"]),
        ("Nike® ", "by Nike Air", ["Nike"]),
        ("黄色", "纯棉黄色上衣", ["黄色"]),
        ("#5", "size #5", ["#5"]),
        ("", "anything", []),
        ("\u00ad", "anything", []),
        ("anything", "", []),
        ("aa", "aa aa", ["aa", "aa"]),
    ],
)
def test_find(value: str, text: str, found: list[str]) -> None:
    assert [text[o.start : o.end] for o in find(value, text)] == found


def test_find_inside_words_on_request() -> None:
    assert find("M", "Metal hammer", boundaries=False) == [
        Occurrence(0, 1),
        Occurrence(8, 9),
        Occurrence(9, 10),
    ]


def test_emoji_and_right_to_left_texts_keep_their_offsets() -> None:
    text = "👩🏽‍🦰 شامبو أحمر – Crème"
    assert shown("أحمر", text) == [("أحمر", "exact")]
    assert shown("creme", text) == [("Crème", "exact")]


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("40 mm", "a 40mm lens", "40mm"),
        ("40mm", "a 40 MM lens", "40 MM"),
        ("40 mm", "a 40-millimetre lens", "40-millimetre"),
        ("17 in", 'a 17" screen', '17"'),
        ("5 inches", "5.0 inch wide", "5.0 inch"),
        ("1,000 g", "1000 grams", "1000 grams"),
        ("12 Ounce", "(12 oz)", "12 oz"),
        ("water proof", "Waterproof bag", "Waterproof"),
        ("Waterproof", "a water-proof bag", "water-proof"),
        ("T-Shirt", "a t shirt", "t shirt"),
        ("black/white", "Black, White", "Black, White"),
        ("Shoes", "one shoe", "shoe"),
        ("Men's", "for men", "men"),
        ("Black", "COLOR: BlackALTERNATE ITEM", "Black"),
        ("sticky notes", "Note CubesSticky notes in cubes", "Sticky notes"),
        ("106R01409", "Item 106R01409UPC: 0952", "106R01409"),
        ("6in", "Paper 4inx6in", "6in"),
        ("10", "frame 8x10", "10"),
        ("8", "frame 8x10", "8"),
        ("30", "18w x 30d", "30"),
    ],
)
def test_other_spellings(value: str, text: str, found: str) -> None:
    assert shown(value, text) == [(found, "normalised")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("10", "1 0"),
        ("1020", "10-20"),
        ("40 mm", "140 mm"),
        ("40 mm", "40 m"),
        ("4 g", "4.5 g"),
        ("xl", "x l"),
        ("10 yards", "10 cards"),
        ("stainless steel", "stainless stell"),
        ("indoor", "outdoor"),
        ("winter", "winner"),
        ("women", "men"),
        ("male", "female"),
        ("Black", "go Back"),
        ("Creamy", "Cream"),
        ("3", "3XL"),
        ("30", "DL30"),
        ("red", "coveredX"),
        ("HB-18", "HB-18Z"),
        ("iPhone 6", "iPhone 5"),
        ("cat", "cut"),
        ("12345", "12354"),
        ("...", "a ... b"[:2]),
    ],
)
def test_what_is_not_the_same(value: str, text: str) -> None:
    assert locate(value, text) == []


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("Polyester", "100% polyster fabric", "polyster"),
        ("leather", "lether boots", "lether"),
        ("lether", "leather boots", "leather"),
        ("leather", "real laether, brown", "laether"),
        ("stainless steel", "a stanless steel pan", "stanless steel"),
        ("Adidas Originals", "by Adidas Orignals.", "Adidas Orignals"),
    ],
)
def test_slips(value: str, text: str, found: str) -> None:
    assert shown(value, text) == [(found, "fuzzy")]


def test_the_first_rung_with_a_find_is_the_only_one() -> None:
    assert shown("water proof", "water proof, waterproof") == [("water proof", "exact")]
    assert shown("polyester", "polyester and polyster") == [("polyester", "exact")]


def test_every_occurrence_is_returned() -> None:
    assert shown("40 mm", "40mm, 40-mm and 41mm") == [("40mm", "normalised"), ("40-mm", "normalised")]


def test_the_matcher_takes_the_longest() -> None:
    matcher = Matcher(["Cotton", "Organic Cotton", "cotton blend", "Red"])
    text = "Organic Cotton blend, cotton, reds"
    assert matcher.matches(text) == [Match(1, 0, 14), Match(0, 22, 28), Match(3, 30, 33)]


def test_the_matcher_counts_equal_values_once() -> None:
    matcher = Matcher(["", "Red", "red", "RÉD"])
    assert len(matcher) == 1
    assert matcher.matches("a red hat") == [Match(1, 2, 5)]


def test_a_matcher_without_values_finds_nothing() -> None:
    assert Matcher([]).matches("text") == []
    assert Matcher([" "]).matches("text") == []


@given(WORDS, WORDS)
def test_finds_lie_within_the_text_and_fold_to_the_value(value: str, text: str) -> None:
    for boundaries in (True, False):
        found = find(value, text, boundaries=boundaries)
        assert all(fold_text(value) in fold_text(text[o.start : o.end]) for o in found)
        assert all(a.end <= b.start or "ß" in text for a, b in itertools.pairwise(found))


@given(WORDS, WORDS, WORDS)
def test_a_value_put_between_spaces_is_found(value: str, before: str, after: str) -> None:
    if not fold_text(value):
        return
    text = f"{before} {value} {after}"
    inside = find(value.strip(), text)
    assert inside
    assert locate(value, text)[0].alignment == "exact"


@given(st.text(max_size=30), st.text(max_size=60))
def test_locating_never_leaves_the_text(value: str, text: str) -> None:
    for occurrence in locate(value, text):
        assert 0 <= occurrence.start < occurrence.end <= len(text)


@given(st.lists(WORDS, max_size=5), WORDS)
def test_the_matcher_finds_what_find_finds(values: list[str], text: str) -> None:
    matches = Matcher(values).matches(text)
    for match in matches:
        found = fold_text(text[match.start : match.end])
        assert fold_text(values[match.index]) in found
    for value in values:
        for occurrence in find(value, text):  # found too, or overlapped by a longer one
            assert any(m.start < occurrence.end and occurrence.start < m.end for m in matches)


def test_ten_thousand_cells_take_seconds() -> None:
    title = "SEAPESCA Mini Crankbait Fishing Lure 40mm 3.5g Topwater Artificial Japan Hard Bait number {}"
    begun = time.perf_counter()
    for number in range(10_000):
        locate("Stainless steel", title.format(number))
    assert time.perf_counter() - begun < 10
