"""EAVE's formula against PyTorch's counter, for every way in which its encoders may meet."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from attrex.models.catalog import CATALOG
from attrex.nn.layered import PLACES
from attrex.plan.counting import counted
from attrex.text.reading import read
from tests.conformance.base import make_base, make_t5_base
from tests.conformance.ten import PRODUCTS, SCHEMA, pool

VARIANTS: list[dict[str, Any]] = [
    *({"place": place} for place in PLACES),
    *({"place": place, "fusion": "cross_attention"} for place in PLACES),
    {"light_layers": 1},
    {"light_layers": 1, "fusion": "cross_attention", "place": "before_attention"},
    {"mapping": "last"},
    {"mapping": [0, 0]},
    {"mapping": [0, 0], "place": "before_attention"},
    {"shapes": "read", "heavy": "frozen"},
]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    folder = tmp_path_factory.mktemp("bases")
    heavy = make_t5_base(folder / "heavy", width=40)
    return {
        "bert": {"base": str(make_base(folder / "tiny"))},
        "t5": {"base": str(heavy), "light": str(make_t5_base(folder / "light", seed=1))},
    }


def begun(bases: dict[str, str], **arguments: Any) -> Any:
    torch.manual_seed(0)
    model: Any = CATALOG["eave"](**{"window": 60, "light_layers": 2, **bases, **arguments})
    model.begin(pool())
    model.network.eval()
    return model


@pytest.mark.parametrize("kind", ["bert", "t5"])
@pytest.mark.parametrize("arguments", VARIANTS, ids=[" ".join(map(str, v.values())) for v in VARIANTS])
def test_the_formula_is_what_pytorch_counts(
    kind: str, arguments: dict[str, Any], bases: dict[str, dict[str, str]]
) -> None:
    if kind == "t5" and "shapes" in arguments:
        pytest.skip("T5's tokeniser keeps what shapes tell")
    model = begun(bases[kind], **arguments)
    product, attributes = PRODUCTS[1], [SCHEMA.every[0]] * 2  # of one length: no padding
    cost = model.cost(read([product], model.tokeniser), attributes, [(0, 0), (0, 1)])
    prepared, described = model.prepare([product]), model.describe(attributes)
    assert counted(lambda: model.prepare([product])) == cost.prepare
    assert counted(lambda: model.describe(attributes)) == cost.describe
    assert counted(lambda: model.answer(prepared, described, [(0, 0), (0, 1)])) == cost.answer


def test_what_a_context_needs_once_is_counted_once(bases: dict[str, dict[str, str]]) -> None:
    model = begun(bases["bert"])
    readings, attributes = read(PRODUCTS[:1], model.tokeniser), list(SCHEMA.every)
    one, two, three = (model.cost(readings, attributes[:1], [(0, 0)] * number).answer for number in (1, 2, 3))
    assert three - two == two - one < one
    apart = begun(bases["bert"], fusion="cross_attention", place="before_attention")
    one, two = (apart.cost(readings, attributes[:1], [(0, 0)] * number).answer for number in (1, 2))
    assert two == 2 * one
