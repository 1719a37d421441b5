import json

import pytest

from attrex.core import Product, Stated
from attrex.errors import ModelError
from attrex.evaluation import Support
from tests.evaluation.asks import ask


def product(number: int, **stated: str) -> Product:
    cells = {name: tuple(Stated(v) for v in filter(None, cell.split("|"))) for name, cell in stated.items()}
    return Product(str(number), stated=cells)


PRODUCTS = [product(1, Color="red|blue", Size=""), product(2, Color="red "), product(3, Size="M")]


def test_rows_are_counted_by_attribute_and_value() -> None:
    support = Support.of(iter(PRODUCTS))
    assert support.attributes == {"Color": 2, "Size": 1}
    assert support.values == {"Color": {"red": 2, "blue": 1}, "Size": {"M": 1}}


def test_the_commonest_gold_value_counts() -> None:
    support = Support.of(PRODUCTS)
    assert support.rows(ask("p", "Color", "blue|red")) == 2
    assert support.rows(ask("p", "Color", "Red")) == 0
    assert support.rows(ask("p", "Weight", "1 kg")) == 0
    assert support.seen(ask("p", "Size", "M"))
    assert Support.of(PRODUCTS, matching="folded").rows(ask("p", "Color", "Red")) == 2


def test_counts_are_read_back_and_may_be_matched_otherwise() -> None:
    support = Support.of([*PRODUCTS, product(4, Color="Red|RED")])
    assert support.to_json()["Color"] == {"rows": 3, "values": {"red": 2, "RED": 1, "Red": 1, "blue": 1}}
    again = Support.from_json(json.loads(json.dumps(support.to_json())))
    assert again == support
    assert again.matched("exact") is again
    assert again.matched("folded").values["Color"] == {"red": 4, "blue": 1}
    assert again.matched("folded").rows(ask("p", "Color", "rEd")) == 4


@pytest.mark.parametrize("content", [[], {"Color": 3}, {"Color": {"rows": "many", "values": {}}}])
def test_damaged_counts_are_a_model_error(content: object) -> None:
    with pytest.raises(ModelError, match=r"support\.json is damaged .* Fix: fit the model again"):
        Support.from_json(content)
