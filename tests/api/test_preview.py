from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from attrex.api import load_recipe
from attrex.api.preview import EXAMPLES, Preview, preview, preview_terminal
from attrex.core import Stated
from attrex.errors import InputError
from attrex.io.reader import open_reader
from tests.api.shop import shop, write_csv


@pytest.fixture
def seen(tmp_path: Path) -> Preview:
    products = [
        replace(p, stated={**p.stated, "Size": (Stated("90 inches"),)}) if at < 20 else p
        for at, p in enumerate(shop(100))
    ]
    path = write_csv(tmp_path / "shop.csv", products)
    return preview(open_reader(path), recipe=load_recipe("lexicon"))


def test_it_tells_mapping_rates_examples_and_time(seen: Preview) -> None:
    assert (seen.products, seen.categories, seen.format) == (100, 2, "table")
    assert ("title", "source", "title") in {row[:3] for row in seen.mapping}
    assert ("Brand", "attribute", "Brand") in {row[:3] for row in seen.mapping}
    rates = {name: (filled, cells, share) for name, filled, cells, share in seen.attributes}
    filled, cells, share = rates["Brand"]
    assert 50 < filled < 90
    assert cells == 100
    assert share == 1.0
    assert (rates["Size"][2] or 0) < 0.85
    assert len(seen.examples) == EXAMPLES
    assert {row[1] for row in seen.examples} == {"Brand", "Colour", "Size"}
    assert 0 < seen.seconds < 60


def test_it_is_json_able_and_printable(seen: Preview) -> None:
    from rich.console import Console

    content = seen.to_json()
    assert content["attributes"][0].keys() == {"attribute", "filled", "cells", "share_located"}
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(preview_terminal(seen))
    console.file.close()
    text = console.export_text()
    for expected in (
        "Columns",
        "Attributes",
        "Examples",
        "fill rate",
        "Fitting with the recipe lexicon will take",
    ):
        assert expected in text


def test_nothing_to_look_at_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("id,title\n", encoding="utf-8")
    with pytest.raises(InputError, match="there is no product to learn from"):
        preview(open_reader(path), recipe=load_recipe("lexicon"))
