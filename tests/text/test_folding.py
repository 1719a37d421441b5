"""Folded texts, and that every folded range leads back to the characters it came from."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.text.folding import fold, fold_text

TEXTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "aZ5 .,-'\"\t\n\u00a0\u00ad\u200d\u0301\u0345ßİﬁ½™×″–“éÅ㎜ｶﾞ가👩\U0001f3fd\u05d0\u0628\u0915\u093e"
        ),
    ),
    max_size=40,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Crème  Brûlée", "creme brulee"),
        ("STRASSE straße", "strasse strasse"),
        ("İstanbul", "istanbul"),
        ("ﬁne 40㎜ m²", "fine 40mm m2"),
        ("10×20″ – “wide”", '10x20" - "wide"'),
        ("Men’s\tT‑Shirt\r\nXL", "men's t-shirt xl"),
        ("Nike™ Air Max®", "nike air max "),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("ガード", "ガード".replace("ガ", "カ\u3099").replace("ド", "ト\u3099")),
        ("`a`", "'a'"),
        ("", ""),
    ],
)
def test_what_folding_makes_of_texts(text: str, folded: str) -> None:
    assert fold(text).text == folded


def test_entities_are_left_alone() -> None:
    assert fold("Tom &amp; Co").text == "tom &amp; co"


def test_a_letter_keeps_its_accents() -> None:
    text = "cafe\u0301 bar"
    assert fold(text).text == "cafe bar"
    assert fold(text).origin(0, 4) == (0, 5)
    assert fold(text).origin(5, 8) == (6, 9)


def test_half_a_folded_character_leads_to_the_whole() -> None:
    assert fold("aßb").origin(2, 3) == (1, 2)
    assert fold("aßb").origin(0, 2) == (0, 2)


def test_a_run_of_white_space_is_one_and_leads_back_to_all() -> None:
    assert fold("a \t\n b").origin(1, 2) == (1, 5)
    assert fold("a \t\n b").origin(0, 3) == (0, 6)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (2, 1), (-1, 1), (0, 4)])
@pytest.mark.parametrize("text", ["abc", "äbc"])
def test_a_range_outside_is_an_error(text: str, start: int, end: int) -> None:
    with pytest.raises(ValueError, match=rf"\[{start}, {end}\) is no range within 3 folded characters"):
        fold(text).origin(start, end)


def test_keys_have_no_outer_white_space() -> None:
    assert fold_text("  Nike® ") == "nike"
    assert fold_text("\u00ad") == ""


def test_a_long_text_is_folded_too() -> None:
    text = "É" * 10_000
    assert fold(text).text == "e" * 10_000
    assert fold(text).origin(9_999, 10_000) == (9_999, 10_000)


@given(TEXTS)
def test_ranges_lead_back_in_order_and_within_the_text(text: str) -> None:
    folded = fold(text)
    origins = [folded.origin(i, i + 1) for i in range(len(folded.text))]
    assert all(0 <= start < end <= len(text) for start, end in origins)
    assert origins == sorted(origins)
    assert all(a == b or a[1] <= b[0] for a, b in itertools.pairwise(origins))


@given(TEXTS, st.data())
def test_the_original_of_a_range_folds_to_the_range(text: str, data: st.DataObject) -> None:
    folded = fold(text)
    if not folded.text:
        return
    start = data.draw(st.integers(0, len(folded.text) - 1))
    end = data.draw(st.integers(start + 1, len(folded.text)))
    from_, to = folded.origin(start, end)
    again = fold(text[from_:to]).text
    assert folded.text[start:end] in again


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


@given(TEXTS)
def test_composed_and_decomposed_texts_fold_alike(text: str) -> None:
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert fold(composed).text == fold(decomposed).text


@given(TEXTS, TEXTS)
def test_folding_parts_is_folding_the_whole(left: str, right: str) -> None:
    apart = f"{fold(left).text} {fold(right).text}"
    assert fold(f"{left} {right}").text.split(" ") == fold(apart).text.split(" ")
