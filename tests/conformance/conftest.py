from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from attrex.models.folder import StorableModel
from attrex.models.interface import Learner
from attrex.nn.threads import one_thread
from attrex.training import Settings, fit
from tests.conformance.base import make_base, make_decoder_base
from tests.conformance.table import TABLE, Row
from tests.conformance.ten import pool
from tests.nn.detectors import write_detector

Trained = Callable[[str], StorableModel]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On a busy machine the second thread of so small an operation makes it a hundred times slower."""
    with one_thread():
        yield


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases")
    make_decoder_base(folder / "decoder")
    write_detector(folder / "detector")
    return make_base(folder / "tiny")


def begun(row: Row, base: Path) -> Any:
    """The row's model before its first step."""
    torch.manual_seed(0)
    model: Any = row.build(base)
    model.begin(pool())
    return model


@pytest.fixture(scope="session")
def trained(base: Path) -> Trained:
    """A row's model, trained on the ten products once for all tests."""
    made: dict[str, StorableModel] = {}
    rows = {row.name: row for row in TABLE}

    def of(name: str) -> StorableModel:
        if name not in made:
            row = rows[name]
            model: Any = row.build(base)
            if row.rate is None:
                model.learn(pool())
            else:
                rates = {"default": row.rate}
                settings = Settings(epochs=row.epochs, batch=8, rates=rates, weight_decay=0.0)
                fit(cast(Learner, model), pool(), None, settings)
            made[name] = model
        return made[name]

    return of
