"""The lexicon: known values looked up, and believed as far as they proved right."""

import json
import time

import pytest

from attrex.core import Answer, Attribute, Product, Source, Span, Stated
from attrex.errors import ConfigError, ModelError
from attrex.models.interface import Model
from attrex.models.lexicon import FILE, Lexicon, build_lexicon
from attrex.schema.schema import Schema
from attrex.supervision.distant import label
from attrex.supervision.pool import Label, Pool

COLOUR = Attribute("Colour", values=("Red", "Dark Red", "Blue"), examples=("teal",))
FREE = Attribute("Colour")


def product(title: str, *colours: str | None, **sources: str) -> Product:
    stated = {"Colour": tuple(Stated(c) for c in colours if c is not None)} if colours else {}
    texts = (Source("title", title), *(Source(name, text) for name, text in sources.items()))
    return Product(title, None, texts, (), stated)


def ask(lexicon: Lexicon, item: Product, attribute: Attribute = COLOUR) -> Answer:
    (answer,) = lexicon.answer(lexicon.prepare([item]), lexicon.describe([attribute]), [(0, 0)])
    return answer


def taught(*products: Product, attribute: Attribute = FREE) -> Lexicon:
    lexicon = build_lexicon()
    lexicon.learn(label(products, Schema([attribute]))[0])
    return lexicon


def test_it_is_a_model() -> None:
    lexicon = build_lexicon()
    assert isinstance(lexicon, Model)
    assert lexicon.traits.attributes == "open"
    assert lexicon.traits.cacheable == "memory"
    assert lexicon.traits.window is None
    assert lexicon.tokeniser is None


def test_it_answers_without_any_training() -> None:
    answer = ask(build_lexicon(prior=0.6), product("Blue hat, dark RED, teal"))
    assert [(c.text, c.score) for c in answer.candidates] == [("Blue", 0.6), ("dark RED", 0.6), ("teal", 0.6)]
    assert answer.candidates[1].evidence.span == Span("title", 10, 18)
    assert answer.none_score == pytest.approx(0.4)
    assert answer.problem is None


def test_nothing_found_is_none() -> None:
    assert ask(build_lexicon(), product("A hat")) == Answer((), 0.99)


def test_without_values_it_does_not_know() -> None:
    assert ask(build_lexicon(), product("A hat"), FREE) == Answer((), 0.5)


def test_a_product_without_texts_has_no_candidates() -> None:
    assert ask(build_lexicon(), Product("p")).candidates == ()


def test_each_value_is_proposed_once_where_it_first_stands() -> None:
    answer = ask(build_lexicon(), product("Hat", description="red, red", bullets="Red"))
    assert [c.evidence.span for c in answer.candidates] == [Span("description", 0, 3)]


def test_seen_values_are_learnt() -> None:
    lexicon = taught(product("green hat", "Green"), product("pink cap", "pink"))
    assert [c.text for c in ask(lexicon, product("A GREEN coat"), FREE).candidates] == ["GREEN"]


def test_a_value_that_proved_right_is_believed_more() -> None:
    right = [product(f"green hat {n}", "green") for n in range(9)]
    wrong = [product(f"sky blue hat {n}", "sky") for n in range(2)]
    wrong += [product(f"sky coat {n}", None) for n in range(8)]
    lexicon = taught(*right, *wrong)
    answer = ask(lexicon, product("sky green hat"), FREE)
    assert [c.text for c in answer.candidates] == ["green", "sky"]
    # belief: 11 right of 19 found, and the prior, half right of two; less the ask each was learnt from
    belief = (11 + 2 * 0.5) / (19 + 2)
    assert answer.candidates[0].score == pytest.approx((8 + 2 * belief) / (8 + 2))
    assert answer.candidates[1].score == pytest.approx((1 + 2 * belief) / (9 + 2))
    assert answer.none_score == pytest.approx(1 - answer.candidates[0].score)


def test_a_value_seen_once_is_believed_as_its_attribute_is() -> None:
    lexicon = taught(product("green hat", "green"))
    assert ask(lexicon, product("green"), FREE).candidates[0].score == pytest.approx(0.5)


def test_weak_labels_count_less() -> None:
    products = [product("green hat", "green"), product("green tea", None), product("green hat two", "green")]
    labels = [
        Label(0, FREE, "positive", ("green",), (Span("title", 0, 5),)),
        Label(1, FREE, "negative", weight=0.25),
        Label(2, FREE, "positive", ("green",), (Span("title", 0, 5),)),
    ]
    lexicon = build_lexicon()
    lexicon.learn(Pool(products, labels, Schema([FREE])))
    belief = (2 + 2 * 0.5) / (2.25 + 2)
    score = ask(lexicon, product("green"), FREE).candidates[0].score
    assert score == pytest.approx((1 + 2 * belief) / (1.25 + 2))


def test_a_value_that_stands_nowhere_is_known_all_the_same() -> None:
    lexicon = taught(product("plain hat", "green"), product("A green coat", "teal"))
    assert {c.text for c in ask(lexicon, product("green and teal"), FREE).candidates} == {"green", "teal"}


def test_learning_anew_forgets() -> None:
    lexicon = taught(product("green hat", "green"))
    lexicon.learn(label([product("pink hat", "pink")], Schema([FREE]))[0])
    assert ask(lexicon, product("green"), FREE).candidates == ()
    assert ask(lexicon, product("pink"), FREE).candidates != ()


def test_answers_keep_the_order_of_the_asks() -> None:
    lexicon = build_lexicon()
    size = Attribute("Size", values=("L",))
    prepared = lexicon.prepare([product("red hat L"), product("blue hat")])
    answers = lexicon.answer(prepared, lexicon.describe([size, COLOUR]), [(1, 1), (0, 0), (1, 0), (0, 1)])
    assert [[c.text for c in a.candidates] for a in answers] == [["blue"], ["L"], [], ["red"]]


def test_what_was_learnt_is_stored_and_restored() -> None:
    item = product("Ünï green dark red hat")
    lexicon = taught(product("Ünï hat", "Ünï"), product("green hat", "green"), attribute=COLOUR)
    files = lexicon.files()
    assert lexicon.config() == {"builder": "lexicon", "arguments": {"smoothing": 2.0, "prior": 0.5}}
    assert lexicon.tensors() == {}
    assert list(files) == [FILE]
    other = build_lexicon(**lexicon.config()["arguments"])
    other.restore({}, files)
    assert ask(other, item) == ask(lexicon, item)
    assert len(ask(other, item).candidates) == 3
    assert other.files() == files


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "lexicon.json is missing from the model folder"),
        ({FILE: '{"Colour": {"bel'}, "lexicon.json is damaged: "),
        ({FILE: "[]"}, "lexicon.json is damaged: "),
        ({FILE: '{"Colour": {}}'}, "lexicon.json is damaged: "),
        (
            {FILE: json.dumps({"Colour": {"belief": 1, "values": [["red", "x"]]}})},
            "lexicon.json is damaged: ",
        ),
    ],
)
def test_a_damaged_folder(files: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build_lexicon().restore({}, files)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"smoothing": 0.0}, r"model\.smoothing is 0\.0; it must be above 0"),
        ({"prior": 1.0}, r"model\.prior is 1\.0; it must lie between 0 and 1"),
    ],
)
def test_settings_out_of_range(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_lexicon(**arguments)


def test_it_is_fast() -> None:
    words = [f"word{n}" for n in range(2000)]
    attributes = [Attribute(f"a{n}", values=tuple(words[n::10])) for n in range(10)]
    titles = [product(" ".join(words[n % 1900 : n % 1900 + 20])) for n in range(500)]
    lexicon = build_lexicon()
    described = lexicon.describe(attributes)
    asks = [(i, a) for i in range(500) for a in range(10)]
    begun = time.perf_counter()
    lexicon.answer(lexicon.prepare(titles), described, asks)
    rate = len(asks) / (time.perf_counter() - begun)
    assert rate > 5_000  # 20,000 and more on an idle core
