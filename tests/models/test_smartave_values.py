"""What SMARTAVE's decoder should write of an ask, and what is read of what it wrote."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Attribute, Evidence, Product, Source, Span
from attrex.models.smartave_values import (
    ReadAttributes,
    Said,
    Standing,
    ValueTable,
    answer,
    gold,
    said,
    standing,
)
from attrex.models.tagging import TaggedAsk, TaggedWindow, Trims
from attrex.models.writing import Grounding, Script
from attrex.nn.beams import Written
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import WordPieces
from tests.conformance.base import make_base
from tests.conformance.ten import COLOUR

MANY = replace(COLOUR, many=True)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Script:
    base = make_base(tmp_path_factory.mktemp("bases") / "tiny")
    return Script(WordPieces.from_file(base / "tokenizer.json"))


def reading_of(script: Script, *texts: str) -> Reading:
    names = ("title", "bullets", "notes")
    sources = tuple(Source(n, t) for n, t in zip(names, texts, strict=False))
    return read([Product("1", sources=sources)], script.pieces)[0]


def tagged(
    attribute: Attribute, *spans: tuple[int, int], unlocated: tuple[str, ...] = (), weight: float = 1.0
) -> TaggedAsk:
    return TaggedAsk(attribute, spans, tuple(Span("title", 0, 1) for _ in spans), weight, unlocated)


def in_words(script: Script, ids: tuple[int, ...]) -> str:
    marks = {script.pair_mark: "|", script.end: "."}
    return " ".join(marks.get(id) or script.pieces.text_of([id]) for id in ids)


@pytest.mark.parametrize(
    ("attribute", "spans", "unlocated", "expected"),
    [
        (COLOUR, [], (), "."),
        (COLOUR, [(0, 1)], (), "red ."),
        (COLOUR, [(4, 6), (0, 1), (2, 3)], (), "red ."),  # the commonest, for there is one
        (MANY, [(4, 6), (0, 1), (2, 3)], (), "red | dark blue ."),  # each once, as they stand
        (COLOUR, [], ("Green",), "green ."),
        (MANY, [(0, 1)], ("Green", "red"), "red | green ."),
    ],
)
def test_an_ask_is_written_as_its_values(
    attribute: Attribute,
    spans: list[tuple[int, int]],
    unlocated: tuple[str, ...],
    expected: str,
    script: Script,
) -> None:
    reading = reading_of(script, "red hat red cap dark blue")
    made = gold(tagged(attribute, *spans, unlocated=unlocated), reading, script, longest=3, parts=2)
    assert in_words(script, made.ids) == expected
    assert made.weight > 0


@pytest.mark.parametrize(
    ("spans", "unlocated"),
    [([(3, 6)], ()), ([(0, 1), (1, 2), (2, 3)], ()), ([], ("\u2603",)), ([], ("cap dark blue hat",))],
)
def test_what_cannot_be_written_teaches_nothing_of_writing(
    spans: list[tuple[int, int]], unlocated: tuple[str, ...], script: Script
) -> None:
    """Longer than the decoder writes, more than it writes, or of a word that has no piece."""
    reading = reading_of(script, "red hat green cap dark blue")
    made = gold(tagged(MANY, *spans, unlocated=unlocated), reading, script, longest=2, parts=2)
    assert made.weight == 0


def test_a_value_that_stands_nowhere_weighs_as_much_as_any_other(script: Script) -> None:
    reading = reading_of(script, "red hat")
    weak = gold(tagged(COLOUR, unlocated=("green",), weight=0.2), reading, script, longest=3, parts=1)
    assert weak.weight == pytest.approx(1.0)  # 0.2 is what it weighs as a negative for taggers


def sequence(script: Script, text: str, chance: float) -> tuple[list[int], Written]:
    ids: list[int] = []
    for at, value in enumerate(text.split("|")):
        ids += [script.pair_mark] * bool(at) + script.pieces.encode([value])[0].ids
    return ids, Written((), (), math.log(chance))


def test_a_value_has_the_probability_of_all_sequences_that_say_it(script: Script) -> None:
    found = [
        sequence(script, "white|blue", 0.4),
        sequence(script, "blue", 0.3),
        sequence(script, "", 0.2),
        sequence(script, "blue||blue", 0.05),
    ]
    values = said(found, script)
    scores = {script.pieces.text_of(v.pieces): v.score for v in values}
    assert scores == pytest.approx({"blue": 0.75, "white": 0.4})
    assert [v.score for v in values] == sorted(scores.values(), reverse=True)
    assert (values[0].sequence, values[0].at) == (0, len(found[0][0]) - 1)
    assert said([], script) == []


@given(st.data())
def test_what_should_be_written_is_read_back_as_the_same_values(script: Script, data: st.DataObject) -> None:
    words = ["red", "dark", "blue", "wool", "steel", "green", "silk", "cotton", "hat", "mug"]
    reading = reading_of(script, " ".join(words))
    edges = sorted(data.draw(st.sets(st.integers(0, len(words)), max_size=8)))
    spans = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if a < b]
    made = gold(tagged(MANY, *spans), reading, script, longest=10, parts=8)
    assert made.ids[-1] == script.end
    found = said([(list(made.ids[:-1]), Written((), (), -0.5))], script)
    own = script.own_pieces(reading)
    assert {v.pieces for v in found} == {tuple(own[a:b]) for a, b in spans}
    for value in found:
        assert made.ids[value.at : value.at + len(value.pieces)] == value.pieces


def grounding(script: Script, trims: Trims | None = None) -> Grounding:
    return Grounding(script, {}, {script.keys(["green"])[0]: "Green"}, trims or Trims({}))


def stands(script: Script, reading: Reading, value: str, score: float = 0.8) -> list[Standing]:
    (key,) = script.keys([value])
    return standing([Said(key, score, 0, 0)], grounding(script), script.own_pieces(reading))


def test_the_likeliest_place_comes_first_and_the_others_in_proportion(script: Script) -> None:
    reading = reading_of(script, "red hat", "a red cap", "red")
    (value,) = stands(script, reading, "red")
    starts = value.starts
    assert len(starts) == 3
    key = value.said.pieces
    pointed = {(key, starts[0]): -1.0, (key, starts[1]): 0.0, (key, starts[2]): -9.0}
    made = answer("Colour", [value], 0.1, reading, grounding(script), pointed)
    assert [c.evidence.span for c in made.candidates] == [Span("bullets", 2, 5), Span("title", 0, 3)]
    assert [c.score for c in made.candidates] == pytest.approx([0.8, 0.8 * math.exp(-1)])
    assert made.none_score == 0.1


def test_what_stands_nowhere_is_inferred_as_the_training_data_spell_it(script: Script) -> None:
    reading = reading_of(script, "red hat")
    made = answer("Colour", stands(script, reading, "green"), 0.1, reading, grounding(script), {})
    (candidate,) = made.candidates
    assert (candidate.text, candidate.score, candidate.evidence) == ("Green", 0.8, Evidence("inferred"))


def test_what_is_generated_and_stands_there_otherwise_is_found(script: Script) -> None:
    reading = reading_of(script, "hat, 40 cm")
    made = answer("Size", stands(script, reading, "40cm"), 0.1, reading, grounding(script), {})
    assert [(c.text, c.evidence.alignment) for c in made.candidates] == [("40 cm", "normalised")]


def test_the_table_knows_sources_values_and_how_many_there_are(script: Script) -> None:
    reading = reading_of(script, "red hat", "blue cap")
    window = TaggedWindow(
        Product("1"), reading, (tagged(MANY, (0, 1), (3, 4)), tagged(COLOUR, (0, 1), (3, 4)))
    )
    table = ReadAttributes().begin([COLOUR], [window, window])
    assert table.sources == ("bullets", "title")
    assert set(table.values) == {"r"}  # what the given characters have
    assert table.parts == 2
    again = ReadAttributes().remake(table.files())
    assert isinstance(again, ValueTable)
    assert again.files() == table.files()
