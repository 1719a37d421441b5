"""The documents say of every model what it can."""

from __future__ import annotations

import re
from importlib.resources import files

from attrex.models.catalog import CATALOG

TOLD = files("attrex").joinpath("recipes", "README.md").read_text("utf-8")
ROWS = {
    name: cells
    for line in TOLD.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    for name in re.findall(r"`([\w-]+)`", cells[0])
}


def test_every_model_has_its_four_abilities_told() -> None:
    assert set(CATALOG) <= set(ROWS)
    assert {answer for cells in ROWS.values() for answer in cells[1:5]} == {"yes", "–"}
