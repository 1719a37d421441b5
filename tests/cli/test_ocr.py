"""A size that stands only on the picture is found, with its box; by the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrex.io.long_form import read_long
from tests.cli.shell import Shell

pytest.importorskip("rapidocr", reason="the extra attrex[ocr] is not installed")

SIZES = ("250 ml", "12 pieces")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image, ImageDraw, ImageFont

    folder = tmp_path_factory.mktemp("shop")
    rows = ["id,title,Size,image"]
    for at, size in enumerate(SIZES):
        picture = Image.new("RGB", (800, 500), "white")
        pen = ImageDraw.Draw(picture)
        pen.text((80, 60), "Florisse", fill=(20, 60, 30), font=ImageFont.load_default(size=80))
        pen.text((300, 300), size, fill=(20, 60, 30), font=ImageFont.load_default(size=60))
        picture.save(folder / f"{at}.png")
        rows.append(f"{at},Florisse no. {at},,{at}.png")
    (folder / "shop.csv").write_text("\n".join(rows) + "\n")
    (folder / "schema.yaml").write_text("attributes:\n  - {name: Size, values: [250 ml, 12 pieces]}\n")
    return folder


def test_a_size_on_the_picture_only_is_found_with_its_box(shop: Path, tmp_path: Path, shell: Shell) -> None:
    model, out, kept = tmp_path / "model", tmp_path / "long.jsonl", tmp_path / "kept"
    learnt = ("--schema", shop / "schema.yaml", "--recipe", "lexicon", "--ocr", "--ocr-cache", kept)
    ran = shell("fit", shop / "shop.csv", "-o", model, "-q", *learnt)
    assert ran.code == 0, ran.err
    assert len(list(kept.rglob("*.json"))) == 2
    ran = shell("fill", shop / "shop.csv", "-m", model, "-o", out, "--ocr", "--ocr-cache", kept, "-q")
    assert ran.code == 0, ran.err
    records = list(read_long(out))
    assert [(r["value"], r["source"], r["picture"]) for r in records] == [
        (size, "ocr", f"{at}.png") for at, size in enumerate(SIZES)
    ]
    for record in records:
        left, top, right, bottom = map(float, record["box"].split())
        assert 280 < left < 320
        assert 290 < top < 330
        assert right < 700
        assert bottom < 390
        assert record["confidence"] > 0.9
    page = tmp_path / "page.html"
    ran = shell("inspect", out, "--pictures-folder", shop, "--html", page)
    assert ran.code == 0, ran.err
    assert page.read_text().count('<img class="crop"') == 2
    assert "12 pieces, as it is printed" in page.read_text().replace('<bdi dir="auto">', "").replace(
        "</bdi>", ""
    )
    (shop / "1.png").rename(shop / "gone.png")
    ran = shell("inspect", out, "--pictures-folder", shop, "--html", page)
    assert ran.code == 0, ran.err
    assert page.read_text().count('<img class="crop"') == 1
    assert 'the picture "1.png" of the product "1" is left out: there is no such file' in ran.err
    ran = shell("fill", shop / "shop.csv", "-m", model, "-o", tmp_path / "without.jsonl", "-q")
    assert [r["status"] for r in read_long(tmp_path / "without.jsonl")] == ["not_stated"] * 2


def test_a_cache_without_reading_is_a_mistake(shop: Path, tmp_path: Path, shell: Shell) -> None:
    ran = shell("plan", shop / "shop.csv", "-m", tmp_path, "--ocr-cache", tmp_path / "kept")
    assert ran.code == 2
    assert "--ocr-cache: belongs to --ocr" in ran.err
