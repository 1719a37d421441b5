"""Learning by comparison: EIVEN's Figure 3, and which products are set beside each other."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from attrex.core import Attribute, Product, Source, Span, Stated
from attrex.models.comparison import Comparison, Question, compared, epoch_of, gold_values, plain
from attrex.models.prompts import question
from attrex.models.tagging import UNLOCATED_WEIGHT, TaggedAsk, TaggedWindow
from attrex.text.reading import Reading

SLEEVE = Attribute("Sleeve Style", values=("Short Sleeve", "Long Sleeve"))
NECK = Attribute("Neckline")


def window(id: str, *asks: tuple[Attribute, str | None]) -> TaggedWindow:
    """With values that stand nowhere; None for "has none"."""
    stated = {a.name: () if value is None else (Stated(value),) for a, value in asks}
    made = tuple(
        TaggedAsk(a, (), (), 1.0 if value is None else UNLOCATED_WEIGHT, () if value is None else (value,))
        for a, value in asks
    )
    reading = Reading(("title",), (f"shirt {id}",), [], [1], [0], [0], [5])
    return TaggedWindow(Product(id, sources=(Source("title", f"shirt {id}"),), stated=stated), reading, made)


def asked(id: str, value: str) -> Question:
    made = window(id, (SLEEVE, value))
    return plain(made, made.asks[0], random.Random(0))


@pytest.mark.parametrize(
    ("strategy", "text", "answer"),
    [
        (
            "judge-last",
            "What is the Sleeve Style of these two products? Are they the same?",
            "First: Short Sleeve; Second: Long Sleeve; No.",
        ),
        (
            "judge-first",
            "Do these two products have the same Sleeve Style? Why?",
            "No; First: Short Sleeve; Second: Long Sleeve.",
        ),
    ],
)
def test_the_questions_and_answers_are_the_figure_s(strategy: Comparison, text: str, answer: str) -> None:
    first, second = asked("1", "Short Sleeve"), asked("2", "Long Sleeve")
    assert first.question == "What is the Sleeve Style of this product?"
    made = compared(strategy, first, second, random.Random(0))
    assert (made.question, made.answer) == (text, answer)
    assert made.windows == (made, second)


def test_the_better_instance_is_either() -> None:
    first, second = asked("1", "Short Sleeve"), asked("2", "Long Sleeve")
    made = {
        (m.question, m.answer)
        for seed in range(8)
        for m in [compared("better-instance", first, second, random.Random(seed))]
    }
    assert made == {
        ("Which product's Sleeve Style is Short Sleeve?", "First product has Short Sleeve."),
        ("Which product's Sleeve Style is Long Sleeve?", "Second product has Long Sleeve."),
    }


@pytest.mark.parametrize(
    ("strategy", "answer"),
    [
        ("judge-last", "First: Short Sleeve; Second: Short Sleeve; Yes."),
        ("judge-first", "Yes; First: Short Sleeve; Second: Short Sleeve."),
        ("better-instance", "Both products have Short Sleeve."),
    ],
)
def test_two_products_may_have_the_same(strategy: Comparison, answer: str) -> None:
    made = compared(strategy, asked("1", "Short Sleeve"), asked("2", "Short Sleeve"), random.Random(0))
    assert made.answer == answer


WINDOWS = [
    window("1", (SLEEVE, "Short Sleeve"), (NECK, "Crew")),
    window("2", (SLEEVE, "Long Sleeve")),
    window("3", (SLEEVE, "Short Sleeve"), (NECK, None)),
    window("4", (SLEEVE, None), (NECK, "Scoop")),
    window("5", (SLEEVE, "Long Sleeve"), (NECK, "Boat")),
]


def test_the_other_product_has_a_value_of_the_same_attribute() -> None:
    pairs: Counter[tuple[str, str]] = Counter()
    for epoch in range(60):
        made = epoch_of(WINDOWS, "judge-last", 1.0, seed=str(epoch))
        assert [each.product.id for each in made] == ["1", "1", "2", "3", "3", "4", "4", "5", "5"]
        for each in made:
            name = each.asks[0].attribute.name
            if each.other is None:
                assert each.answer == ""  # nothing to compare
                continue
            assert each.product.id != each.other.product.id
            assert each.other.product.stated[name]
            pairs[each.product.id, each.other.product.id] += 1
    # Each other product that has one about as often as the next.
    assert {other for product, other in pairs if product == "2"} == {"1", "3", "5"}
    assert min(pairs["2", other] for other in "135") > 8


def test_pairs_are_drawn_anew_each_epoch_and_again_the_same() -> None:
    def others(seed: str) -> list[str | None]:
        made = epoch_of(WINDOWS, "judge-last", 1.0, seed=seed)
        return [None if each.other is None else each.other.product.id for each in made]

    assert others("0/1") == others("0/1")
    assert len({tuple(others(f"0/{epoch}")) for epoch in range(6)}) > 3


def test_only_the_share_is_compared() -> None:
    made = [each for epoch in range(100) for each in epoch_of(WINDOWS, "judge-first", 0.3, seed=f"{epoch}")]
    share = sum(each.other is not None for each in made) / sum(bool(each.answer) for each in made)
    assert 0.25 < share < 0.35
    assert all(each.other is None for each in epoch_of(WINDOWS, "none", 1.0, seed="0"))


def test_a_product_alone_is_compared_with_none() -> None:
    made = epoch_of([WINDOWS[0], WINDOWS[0]], "judge-last", 1.0, seed="0")
    assert all(each.other is None for each in made)


def test_the_question_has_the_description() -> None:
    attribute = Attribute("Neckline", "how the neck is cut")
    assert question(attribute) == "What is the Neckline of this product? how the neck is cut"


def test_the_value_is_written_as_the_schema_writes_it() -> None:
    made = window("1", (SLEEVE, "short sleeve"))
    assert gold_values(made, made.asks[0]) == ("Short Sleeve",)
    free = window("1", (NECK, "crew"))
    assert gold_values(free, free.asks[0]) == ("crew",)


def test_a_value_that_stands_in_the_text_is_the_cell_s_and_one_cut_out_is_none() -> None:
    product = Product("1", sources=(Source("title", "short sleeve shirt"),), stated={})
    reading = Reading(("title",), ("short sleeve shirt",), [], [1, 2, 3], [0] * 3, [0, 6, 13], [5, 12, 18])
    here = TaggedAsk(NECK, ((0, 2),), (Span("title", 0, 12),), 1.0)
    assert gold_values(TaggedWindow(product, reading, (here,)), here) == ("short sleeve",)
    none = TaggedAsk(NECK, (), (), 1.0)
    stated = Product("1", stated={"Neckline": (Stated("crew"),)})
    assert gold_values(TaggedWindow(stated, reading, (none,)), none) == ()


def test_what_stands_nowhere_weighs_as_much_as_what_does() -> None:
    """It is a weak negative for a tagger, and no worse a value for who writes it."""
    assert asked("1", "Short Sleeve").asks[0].weight == pytest.approx(1.0)


def test_of_many_values_one_is_asked_for_at_a_time() -> None:
    many = Attribute("Style", many=True)
    ask = TaggedAsk(many, (), (), UNLOCATED_WEIGHT, ("a", "b"))
    made = window("1", (NECK, "Crew"))
    product = Product("1", stated={"Style": (Stated("a"), Stated("b"))})
    answers = {
        plain(TaggedWindow(product, made.reading, (ask,)), ask, random.Random(seed)).answer
        for seed in range(9)
    }
    assert answers == {"a", "b"}
