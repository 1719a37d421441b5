"""Filled cells become labels, by the rules of evidence."""

import pytest

from attrex.core import Attribute, Product, Source, Span, Stated
from attrex.schema.schema import Category, Schema
from attrex.supervision.distant import label, longest
from attrex.supervision.pool import Label

COLOUR = Attribute("Colour")
SCHEMA = Schema([COLOUR])


def product(*values: str, title: str = "Red shoes, red laces", **sources: str) -> Product:
    texts = (Source("title", title), *(Source(name, text) for name, text in sources.items()))
    return Product("p1", None, texts, (), {"Colour": tuple(Stated(v) for v in values)})


def only(product: Product, schema: Schema = SCHEMA, *, complete: bool = False) -> Label:
    (made,) = label([product], schema, complete=complete)[0].labels
    return made


def test_a_filled_cell_is_a_positive_with_all_its_occurrences_in_the_title() -> None:
    made = only(product("red"))
    assert made == Label(
        0, COLOUR, "positive", ("red",), (Span("title", 0, 3), Span("title", 11, 14)), complete=True
    )


def test_an_empty_cell_teaches_nothing_unless_the_table_is_complete() -> None:
    blank = Product("p1", None, (Source("title", "Red shoes"),))
    assert label([blank], SCHEMA)[0].labels == []
    assert only(blank, complete=True).kind == "negative"


def test_an_explicit_no_value_is_a_negative() -> None:
    made = only(product())
    assert (made.kind, made.values, made.spans) == ("negative", (), ())


def test_a_value_found_nowhere_is_unlocated_and_not_negative() -> None:
    made = only(product("turquoise"))
    assert (made.kind, made.values, made.spans) == ("unlocated", ("turquoise",), ())


def test_occurrences_in_a_description_need_not_all_be_the_attributes() -> None:
    made = only(product("red", title="Shoes", description="red, or rather dark red"))
    assert [s.source for s in made.spans] == ["description", "description"]
    assert not made.complete


def test_specification_and_bullets_are_tagged_like_titles() -> None:
    assert only(product("red", title="Shoes", bullets="red", specification="red")).complete


def test_the_best_rung_counts_over_all_sources() -> None:
    made = only(product("water proof", title="Waterproof bag", description="It is water proof"))
    assert made.spans == (Span("description", 6, 17),)


def test_several_values_share_a_label() -> None:
    made = only(product("red", "blue", title="blue and red"))
    assert made.values == ("red", "blue")
    assert made.spans == (Span("title", 0, 4), Span("title", 9, 12))
    assert made.complete


def test_a_label_with_a_value_missing_from_the_text_is_not_complete() -> None:
    made = only(product("red", "blue"))
    assert made.kind == "positive"
    assert not made.complete


def test_the_longer_of_two_values_wins() -> None:
    made = only(product("red", "dark red", title="dark red"))
    assert made.spans == (Span("title", 0, 8),)


def test_annotated_spans_go_before_matching() -> None:
    annotated = Product(
        "p1",
        None,
        (Source("title", "red shoes, red laces"),),
        (),
        {"Colour": (Stated("red", (Span("title", 11, 14),)),)},
    )
    made = only(annotated)
    assert made.spans == (Span("title", 11, 14),)
    assert not made.complete  # the first "red" was not annotated


@pytest.mark.parametrize("span", [Span("title", 5, 99), Span("nowhere", 0, 3)])
def test_annotated_spans_outside_the_text_are_passed_over(span: Span) -> None:
    annotated = Product(
        "p1", None, (Source("title", "red shoes"),), (), {"Colour": (Stated("red", (span,)),)}
    )
    assert only(annotated).spans == (Span("title", 0, 3),)


def test_a_bare_number_is_sought_before_its_unit() -> None:
    length = Attribute("Length", unit="cm")
    sold = Product("p", None, (Source("title", "Set of 40, 40cm long"),), (), {"Length": (Stated("40"),)})
    assert only(sold, Schema([length])).spans == (Span("title", 11, 13),)
    bare = Product("p", None, (Source("title", "Set of 40"),), (), {"Length": (Stated("40"),)})
    assert only(bare, Schema([length])).spans == (Span("title", 7, 9),)


def test_only_the_categorys_attributes_are_labelled() -> None:
    schema = Schema((), [Category("Shoes", None, (COLOUR,)), Category("Tea", None, (Attribute("Flavour"),))])
    stated = {"Colour": (Stated("red"),), "Flavour": (Stated("red"),)}
    tea = Product("p", "Tea", (Source("title", "red tea"),), (), stated)
    assert only(tea, schema).attribute.name == "Flavour"


def test_the_report_counts_what_was_matched_and_what_was_not() -> None:
    products = [product("red"), product("t-shirt", title="t shirt"), product("turquoise"), product()]
    report = label(products, Schema([COLOUR, Attribute("Brand")]))[1]
    assert report.rows() == [
        {
            "attribute": "Colour",
            "filled": 3,
            "values": 3,
            "exact": 1,
            "normalised": 1,
            "fuzzy": 0,
            "unlocated": 1,
            "negatives": 1,
            "share_located": 2 / 3,
        },
        {
            "attribute": "Brand",
            "filled": 0,
            "values": 0,
            "exact": 0,
            "normalised": 0,
            "fuzzy": 0,
            "unlocated": 0,
            "negatives": 0,
            "share_located": None,
        },
    ]
    counts = report.of("Colour")
    assert counts.examples == [("p1", "red", "Red"), ("p1", "t-shirt", "t shirt")]
    assert counts.missed == [("p1", "turquoise")]
    assert report.total().filled == 3
    assert report.total().located == {"exact": 1, "normalised": 1, "fuzzy": 0}


def test_longest_keeps_other_sources_apart() -> None:
    spans = [Span("a", 0, 5), Span("a", 4, 6), Span("b", 4, 6), Span("a", 5, 7), Span("a", 0, 5)]
    assert longest(spans) == (Span("a", 0, 5), Span("a", 5, 7), Span("b", 4, 6))
