"""What the models' tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.base import make_base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pretrained encoder's folder."""
    return make_base(tmp_path_factory.mktemp("bases") / "tiny")
