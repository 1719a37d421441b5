"""From labels to tagged windows, and from chains to answers."""

from __future__ import annotations

import pytest
import torch

from attrex.core import Attribute, Product, Source, Span
from attrex.core.tags import BIOE
from attrex.models.tagging import (
    PROPOSALS,
    UNLOCATED_WEIGHT,
    TaggedWindow,
    Trims,
    answers,
    tag_tensor,
    tagged_windows,
)
from attrex.nn.crf import Chain
from attrex.schema import Schema
from attrex.supervision.pool import Label, Pool
from attrex.text.reading import read
from attrex.text.tokeniser import WORDS, Vocabulary

COLOUR = Attribute("Colour")
TOKENISER = Vocabulary.learn([], cut=WORDS)


def tagged(title: str, *labels: Label, limit: int = 100, **texts: str) -> list[TaggedWindow]:
    sources = (Source("title", title), *(Source(name, text) for name, text in texts.items()))
    pool = Pool([Product("1", None, sources)], labels, Schema([COLOUR]))
    return tagged_windows(pool, TOKENISER, limit)


def spans(windows: list[TaggedWindow]) -> list[list[tuple[tuple[int, int], ...]]]:
    return [[ask.spans for ask in window.asks] for window in windows]


# --- labels ---


def test_spans_become_tokens() -> None:
    label = Label(0, COLOUR, "positive", ("dark blue",), (Span("title", 4, 13),))
    (window,) = tagged("A   dark blue hat", label)
    (ask,) = window.asks
    assert (ask.spans, ask.exact, ask.weight) == (((1, 3),), (Span("title", 4, 13),), 1.0)


def test_a_value_without_a_token_of_its_own_is_covered() -> None:
    (window,) = tagged("Mens hat", Label(0, COLOUR, "positive", ("Men",), (Span("title", 0, 3),)))
    assert window.asks[0].spans == ((0, 1),)
    assert window.asks[0].exact == (Span("title", 0, 3),)


def test_a_negative_teaches_none_and_an_unlocated_value_does_so_weakly() -> None:
    negative, unlocated = Label(0, COLOUR, "negative"), Label(0, COLOUR, "unlocated", ("teal",), weight=0.5)
    (window,) = tagged("A hat", negative, unlocated)
    assert [(ask.spans, ask.weight) for ask in window.asks] == [((), 1.0), ((), 0.5 * UNLOCATED_WEIGHT)]


LONG = " ".join(f"word{at}" for at in range(40))  # two tokens a word


@pytest.mark.parametrize("complete", [True, False])
def test_a_window_without_the_value_teaches_none_only_where_all_are_known(complete: bool) -> None:
    label = Label(0, COLOUR, "positive", ("word1",), (Span("title", 6, 11),), complete=complete)
    windows = tagged(LONG, label, limit=30)
    with_value = [window for window in windows if window.asks[0].spans]
    assert len(with_value) == 1
    assert (len(windows) > 3) == complete
    assert windows[0] is with_value[0]


def test_offsets_of_later_windows_are_their_own() -> None:
    start = LONG.index("word30")
    label = Label(0, COLOUR, "positive", ("word30",), (Span("title", start, start + 6),))
    windows = tagged(LONG, label, limit=30)
    found = [w for w in windows if w.asks[0].spans]
    assert found
    for window in found:
        (exact,) = window.asks[0].exact
        text = window.product.text("title")
        assert text is not None
        assert text[exact.start : exact.end] == "word30"


def test_a_window_that_holds_half_a_value_teaches_nothing_of_it() -> None:
    label = Label(0, COLOUR, "positive", ("x",), (Span("title", 0, len(LONG)),))
    assert tagged(LONG, label, limit=30) == []


def test_windows_of_which_nothing_is_known_are_left_out() -> None:
    assert tagged("A hat") == []
    assert tagged(" ", Label(0, COLOUR, "negative")) == []


def test_a_value_of_another_source_s_window_is_not_half_of_it() -> None:
    label = Label(0, COLOUR, "positive", ("red",), (Span("bullets", 0, 3),), complete=True)
    windows = tagged(LONG, label, limit=30, bullets="red, soft")
    assert [bool(w.asks[0].spans) for w in windows] == [False] * (len(windows) - 1) + [True]


def test_tags_beyond_an_ask_s_text_are_outside() -> None:
    (window,) = tagged("A red hat", Label(0, COLOUR, "positive", ("red hat",), (Span("title", 2, 9),)))
    tags = tag_tensor([(window.asks[0], 3)], BIOE, 5)
    assert [BIOE.tags[tag] for tag in tags[0].tolist()] == ["O", "B", "E", "O", "O"]


# --- what to cut off ---


def jersey(text: str, start: int, end: int) -> TaggedWindow:
    span = (Span("title", start, end),)
    (window,) = tagged(text, Label(0, COLOUR, "positive", (text[start:end],), span))
    return window


def test_most_examples_say_what_is_cut_off() -> None:
    trims = Trims.learn([jersey("Jerseys", 0, 6), jersey("JERSEYS", 0, 6), jersey("Jerseys", 0, 7)])
    assert trims.of("Colour") == {"jerseys": (0, 1)}
    assert trims.of("Material") == {}
    assert Trims.from_json(trims.to_json()).of("Colour") == {"jerseys": (0, 1)}


def test_where_most_examples_say_nothing_nothing_is_cut_off() -> None:
    assert Trims.learn([jersey("Jerseys", 0, 6), *[jersey("Jerseys", 0, 7)] * 2]).of("Colour") == {}


# --- answers ---


def chain(*scores: dict[int, float], length: int) -> Chain:
    """All O, but for tokens at which B scores as given."""
    emissions = torch.zeros(len(scores), length, 4)
    emissions[:, :, 2] = 4.0
    for row, own in enumerate(scores):
        for token, score in own.items():
            emissions[row, token, 0] = score
    N = len(scores)
    mask = torch.ones(N, length, dtype=torch.bool)
    return Chain(emissions, torch.zeros(N, 4, 4), torch.zeros(N, 4), torch.zeros(N, 4), mask)


def readings(*titles: str) -> list:
    return read([Product("1", None, (Source("title", title),)) for title in titles], TOKENISER)


def test_the_best_spans_that_do_not_overlap() -> None:
    titles = ["blue red hat"] * 2
    one, none = answers(
        chain({0: 9.0, 1: 6.0}, {}, length=3), readings(*titles), ["Colour"] * 2, BIOE, Trims({})
    )
    assert [c.text for c in one.candidates][:2] == ["blue", "red"]
    assert [c.evidence.span for c in one.candidates][:2] == [Span("title", 0, 4), Span("title", 5, 8)]
    assert one.none_score is not None
    assert none.none_score is not None
    assert one.none_score < 0.01 < 0.8 < none.none_score
    taken: set[int] = set()
    for candidate in one.candidates:
        span = candidate.evidence.span
        assert span is not None
        own = set(range(span.start, span.end))
        assert not taken & own
        taken |= own


def test_no_more_than_a_few_are_proposed_and_none_that_is_improbable() -> None:
    words = " ".join("abcdefghij")
    many = chain(dict.fromkeys(range(10), 9.0), {0: -4.0}, length=10)
    several, none = answers(many, readings(words, words), ["Colour"] * 2, BIOE, Trims({}))
    assert len(several.candidates) == PROPOSALS
    assert all(c.score >= 0.01 for c in none.candidates)


def test_a_value_does_not_run_across_two_sources() -> None:
    sources = (Source("title", "hat"), Source("bullets", "red"))
    reading = read([Product("1", None, sources)], TOKENISER)
    emissions = torch.full((1, 3, 4), -9.0)
    for token, tag in enumerate((0, 1, 3)):  # B I E, across the separator
        emissions[0, token, tag] = 9.0
    across = Chain(
        emissions, torch.zeros(1, 4, 4), torch.zeros(1, 4), torch.zeros(1, 4), torch.ones(1, 3) > 0
    )
    (answer,) = answers(across, reading, ["Colour"], BIOE, Trims({}))
    assert answer.candidates == ()


def test_what_training_cut_off_is_cut_off() -> None:
    trims = Trims({"Colour": {"blueish": (0, 3)}})
    made = answers(
        chain({0: 9.0}, {0: 9.0}, length=2),
        readings("Blueish hat", "Blueish hat"),
        ["Colour", "Hue"],
        BIOE,
        trims,
    )
    assert [a.candidates[0].text for a in made] == ["Blue", "Blueish"]
    assert made[0].candidates[0].evidence.span == Span("title", 0, 4)
