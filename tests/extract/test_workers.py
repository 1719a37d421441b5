"""Several workers give what one gives, to the last bit, and in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from attrex.core import Extraction
from attrex.extract import Pipeline, everything
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver
from tests.api.shop import shop
from tests.conformance.base import make_base
from tests.conformance.conftest import begun
from tests.conformance.table import TABLE
from tests.conformance.ten import SCHEMA

PRODUCTS = shop(60, seed=3)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    base: Path = make_base(tmp_path_factory.mktemp("bases") / "tiny")
    made = begun(next(row for row in TABLE if row.name == "adatag, pretrained"), base)
    made.network.eval()
    assert made.traits.concurrent
    return made


def filled(model: Any, workers: int) -> list[tuple[Extraction, ...]]:
    torch.set_num_threads(workers)
    pipeline = Pipeline(model, SCHEMA, Resolver(Policy(), Normaliser()), stage="s", version="v")
    requests = (everything(product, SCHEMA) for product in PRODUCTS)
    made = [result.extractions for result in pipeline.run(requests, batch=7)]
    assert torch.get_num_threads() == workers
    return made


@pytest.mark.parametrize("workers", [2, 3])
def test_several_workers_give_what_one_gives(workers: int, model: Any) -> None:
    alone = filled(model, 1)
    assert [each[0].product_id for each in alone] == [product.id for product in PRODUCTS]
    for _ in range(3):
        assert filled(model, workers) == alone
