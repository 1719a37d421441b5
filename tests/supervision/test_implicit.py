"""Values that stand nowhere, made of values that did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Picture, Product, Source, Span, Stated
from attrex.errors import ConfigError
from attrex.supervision.implicit import make_implicit
from attrex.text.matching import locate


def product(title: str, id: str = "1", **stated: str) -> Product:
    return Product(
        id, "Shirts", (Source("title", title),), stated={n: (Stated(v),) for n, v in stated.items()}
    )


def left(title: str, value: str) -> str:
    (example,), _ = make_implicit([product(title, Value=value)])
    return example.product.sources[0].text


@pytest.mark.parametrize(
    ("title", "value", "bare"),
    [
        ("Red shirt, RED collar", "red", "shirt, collar"),
        ("Shirt with short sleeves", "Short Sleeve", "Shirt with "),
        ("T-Shirt and t shirt", "T-shirt", "and "),
        ("Hat 40mm or 40 mm wide", "40 mm", "Hat or wide"),
        ("Watterproof hat, waterproof", "waterproof", "hat, "),
        ("Size XS, extra small", "Extra small (XS)", "Size , "),
        ("Metal hat, size M", "M", "Metal hat, size "),
        ("red red red hat", "red red", "red hat"),
    ],
)
def test_every_mention_goes_however_it_is_written(title: str, value: str, bare: str) -> None:
    assert left(title, value) == bare


def test_words_that_come_together_by_cutting_are_cut_too() -> None:
    assert left("dark dark blue blue hat", "dark blue") == "hat"


def test_each_cell_is_an_example_of_its_own() -> None:
    shirt = product("Red cotton shirt", Colour="red", Material="cotton", Fit="slim")
    examples, report = make_implicit([shirt])
    assert [(e.product.id, e.product.sources[0].text, dict(e.product.stated)) for e in examples] == [
        ("1: Colour", "cotton shirt", {"Colour": (Stated("red"),)}),
        ("1: Material", "Red shirt", {"Material": (Stated("cotton"),)}),
        ("1: Fit", "Red cotton shirt", {"Fit": (Stated("slim"),)}),
    ]
    assert {e.title for e in examples} == {"red cotton shirt"}
    assert (report.cells, report.explicit, report.mentions, report.examples) == (3, 2, 2, 3)
    (only,), _ = make_implicit([shirt], attributes=["Fit"])
    assert list(only.product.stated) == ["Fit"]


def test_what_an_annotator_pointed_at_goes_too() -> None:
    marked = Product(
        "1",
        None,
        (Source("title", "Kaki hat"),),
        stated={"Colour": (Stated("olive", (Span("title", 0, 4),)),)},
    )
    ((example,), _) = make_implicit([marked])
    assert example.product.sources[0].text == "hat"


def test_a_product_of_nothing_but_the_value_is_left_out_unless_it_has_a_picture() -> None:
    bare = product("Red", Colour="red")
    pictured = Product("2", None, bare.sources, (Picture("2.jpg"),), bare.stated)
    examples, report = make_implicit([bare, pictured])
    assert [e.product.id for e in examples] == ["2: Colour"]
    assert examples[0].product.pictures == (Picture("2.jpg"),)
    assert report.emptied == 1


def test_values_are_drawn_up_to_a_number_and_rare_ones_left_out() -> None:
    shirts = [product(f"Shirt {i}", str(i), Colour="red" if i < 20 else "blue") for i in range(23)]
    examples, report = make_implicit(shirts, per_value=5, at_least=4)
    assert len(examples) == 5
    assert (report.rare, report.values) == (3, {"Colour": {"red": 5}})
    assert examples == make_implicit(shirts, per_value=5, at_least=4)[0]
    assert examples != make_implicit(shirts, per_value=5, at_least=4, seed=1)[0]


@pytest.mark.parametrize(
    ("options", "message"), [({"per_value": 0}, "per value: 0"), ({"at_least": 0}, "at least: 0")]
)
def test_less_than_one_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=f"{message} is below 1"):
        make_implicit([], **options)


@given(
    st.lists(
        st.sampled_from(["red", "dark", "dark red", "shirt", "Red's", "10 cm", "10cm", ","]), max_size=12
    )
)
def test_no_example_mentions_its_value(words: list[str]) -> None:
    for value in ("red", "dark red", "10 cm"):
        for example in make_implicit([product(" ".join(words), V=value)])[0]:
            assert not any(locate(value, s.text) for s in example.product.sources)
