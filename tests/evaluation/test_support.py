from attrex.core import Product, Stated
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
