from __future__ import annotations

from pathlib import Path

import pytest

from attrex.api import fit
from tests.api.shop import shop, write_csv
from tests.cli.shell import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "shop.csv", shop())


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(shop(), recipe="lexicon").save_pretrained(tmp_path_factory.mktemp("model") / "lexicon")
