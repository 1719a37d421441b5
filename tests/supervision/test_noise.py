"""Noise of EAVE's A.7: other products' values, in the texts and nowhere else."""

from __future__ import annotations

import pytest

from attrex.core import Attribute, Product, Source, Stated
from attrex.errors import ConfigError
from attrex.schema.schema import Schema
from attrex.supervision.distant import label
from attrex.supervision.noise import noisy, values_by_category, with_noise

COLOURS = ["red", "blue", "green", "teal", "pink", "black", "white", "grey"]


def hats(*names: str) -> list[Product]:
    """One hat a colour."""
    return [
        Product(
            colour,
            "Hats",
            (Source("title", f"A {colour} hat"), *(Source(name, f"{name} of it") for name in names)),
            (),
            {"Colour": (Stated(colour),)},
        )
        for colour in COLOURS
    ]


def added(before: Product, after: Product) -> dict[str, list[str]]:
    """By source the words that came behind the old text."""
    old = {source.name: source.text for source in before.sources}
    new = {source.name: source.text for source in after.sources}
    assert list(new)[: len(old)] == list(old)
    assert all(text.startswith(old.get(name, "")) for name, text in new.items())
    return {n: text[len(old.get(n, "")) :].split() for n, text in new.items() if text != old.get(n)}


def test_without_probability_nothing_changes() -> None:
    products = hats()
    assert noisy(products, values_by_category(products), probability=0, seed=0) == products
    pool = label(products, Schema([Attribute("Colour")]))[0]
    assert with_noise(pool, probability=0, seed=0) is pool


def test_up_to_five_values_are_appended_and_up_to_five_make_a_paragraph() -> None:
    products = hats("description", "bullets") * 20
    made = noisy(products, values_by_category(products), probability=1, seed=0)
    counts: dict[str, set[int]] = {"description": set(), "further paragraph": set()}
    for before, after in zip(products, made, strict=True):
        words = added(before, after)
        assert set(words) == {"description", "further paragraph"}
        for name, values in words.items():
            counts[name].add(len(values))
            assert len(set(values)) == len(values)
            assert set(values) <= set(COLOURS) - {before.id}
        assert (after.id, after.category, after.stated) == (before.id, before.category, before.stated)
    assert counts == {"description": {1, 2, 3, 4, 5}, "further paragraph": {1, 2, 3, 4, 5}}


def test_each_of_the_two_has_the_probability_by_itself() -> None:
    products = hats("description") * 250
    made = noisy(products, values_by_category(products), probability=0.25, seed=1)
    seen = [tuple(sorted(added(b, a))) for b, a in zip(products, made, strict=True)]
    shares = {key: seen.count(key) / len(seen) for key in set(seen)}
    expected = {
        (): 0.5625,
        ("description",): 0.1875,
        ("further paragraph",): 0.1875,
        ("description", "further paragraph"): 0.0625,
    }
    assert shares == pytest.approx(expected, abs=0.03)


def test_values_come_from_the_product_s_own_category() -> None:
    mug = Product("m", "Mugs", (Source("title", "Mug"),), (), {"Colour": (Stated("steel"),)})
    hat, other = hats()[0], Product("c", "Mugs", (Source("title", "Cup"),))
    values = values_by_category([mug, hat])
    assert values == {"Mugs": ["steel"], "Hats": ["red"]}
    made = noisy([mug, hat, other], values, probability=1, seed=0)
    assert made[:2] == [mug, hat]  # of its category it knows only its own value
    assert [s.text for s in made[2].sources] == ["Cup steel", "steel"]
    stranger = Product("s", "Lamps", (Source("title", "Lamp"),))
    assert noisy([stranger, Product("e", "Mugs")], values, probability=1, seed=0) == [
        stranger,
        Product("e", "Mugs"),
    ]


def test_one_value_in_two_spellings_is_one() -> None:
    red = [Product(text, "Hats", (), (), {"Colour": (Stated(text),)}) for text in ("Red", "red", " ")]
    assert values_by_category(red) == {"Hats": ["Red"]}


def test_a_product_that_has_a_further_paragraph_gets_another() -> None:
    products = hats("further paragraph", "further paragraph 2")
    made = noisy(products, values_by_category(products), probability=1, seed=0)
    assert [s.name for s in made[0].sources][1:] == [f"further paragraph{n}" for n in ("", " 2", " 3")]


def test_labels_stay_those_of_the_clean_products() -> None:
    pool = label(hats("description"), Schema([Attribute("Colour")]))[0]
    made = with_noise(pool, probability=1, seed=0)
    assert made.labels == pool.labels
    assert made.products != pool.products
    for each in made.labels:
        for span in each.spans:
            text = made.products[each.product].text(span.source)
            assert text is not None
            assert text[span.start : span.end] == each.values[0]
    assert with_noise(pool, probability=1, seed=0) == made
    assert with_noise(pool, probability=1, seed=1) != made


@pytest.mark.parametrize("probability", [-0.1, 1.5])
def test_a_probability_that_is_none_is_refused(probability: float) -> None:
    with pytest.raises(ConfigError, match=rf"noise is {probability}; it must lie in \[0, 1\]"):
        noisy(hats(), {}, probability=probability, seed=0)
