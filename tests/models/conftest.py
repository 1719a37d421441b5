"""What the models' tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from attrex.nn.threads import one_thread
from tests.conformance.base import make_base
from tests.nn.detectors import write_detector


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pretrained encoder's folder; beside it a tiny detector's, called "detector"."""
    folder = tmp_path_factory.mktemp("bases")
    write_detector(folder / "detector")
    return make_base(folder / "tiny")
