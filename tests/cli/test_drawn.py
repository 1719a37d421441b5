"""A model that reads text and pictures: from a drawn catalogue to a page with heat maps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attrex.sample.drawn.__main__ import main as draw
from tests.cli.shell import Shell
from tests.report.reading import Page

RECIPE = """
model:
  builder: uls-vl
  arguments: {encoder: bilstm, embedding: 16, width: 16, decoder_width: 16, vision: small, vision_size: 56,
    vision_widths: [16, 16, 16, 16]}
training: {epochs: 1, batch: 16}
gate: {kind: none}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    assert draw([str(folder), "--products", "40", "--size", "96"]) == 0
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return folder


def test_from_drawings_to_heat_maps(shell: Shell, folder: Path) -> None:
    cut = folder / "images" / "named-train-00000.png"
    cut.write_bytes(cut.read_bytes()[:200])
    (folder / "images" / "unnamed-test-00001.png").unlink()
    schema, recipe = folder / "schema.yaml", folder / "recipe.yaml"
    fitted = shell("fit", folder / "train.csv", "-o", folder / "m", "--schema", schema, "--recipe", recipe)
    assert fitted.code == 0
    assert "24 products with a picture; 23 of them have one that can be read" in fitted.err
    assert (
        f'note: {folder / "train.csv"}, field "picture": the picture "images/named-train-00000.png"'
        in fitted.err
    )
    long = folder / "long.jsonl"
    filled = shell("fill", folder / "test.csv", "-m", folder / "m", "-o", long, "--all")
    assert filled.code == 0
    assert 'the picture "images/unnamed-test-00001.png" of the product "unnamed-test-00001"' in filled.err
    rows = [json.loads(line) for line in long.read_text().splitlines()]
    read = {row["product_id"]: row["input_read"] for row in rows if row["status"] != "not_applicable"}
    assert set(read.values()) <= {"all", "part"}
    assert read.get("unnamed-test-00001", "part") == "part"
    inspected = shell("inspect", long, "--data", folder / "test.csv", "-m", folder / "m", "--word", "or")
    assert inspected.code == 0
    page = Page(long.with_suffix(".html").read_text(encoding="utf-8"))
    products = {row["product_id"] for row in rows}
    assert len(products) == 8
    named = sum(id.startswith("named") for id in products)
    assert page.text.count("attention of or over the picture") == named == 4
    assert {value for value in page.values("alt") if value.startswith("picture of")} == {
        f"picture of {id}" for id in products - {"unnamed-test-00001"}
    }
