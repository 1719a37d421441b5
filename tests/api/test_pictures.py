"""Pictures from Python: whose folder they lie in, and what is said of those that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrex import Extractor, PictureAccess, Status, backtest, evaluate, fit
from attrex.api.planning import plan
from attrex.core import Picture, Product, Source, Stated
from attrex.errors import ConfigError
from attrex.io.pictures import decoding
from attrex.io.reader import open_reader
from tests.api.pictured import ATTRIBUTE, install, write_recipe, write_shop


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "seeing.yaml")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_shop(tmp_path / "shop", rows=40, empty=0)


def test_a_file_s_pictures_lie_beside_it(recipe: Path, shop: Path, tmp_path: Path) -> None:
    fitted = fit(shop, recipe=recipe)
    assert fitted.report is not None
    assert fitted.report.notes == ()
    other = write_shop(tmp_path / "other", rows=12, empty=0)
    for data in (other, str(other), open_reader(other)):
        assert evaluate(fitted, data, resamples=0).micro.scores.f1 == 1
    assert backtest(shop, recipe=recipe).overall.model.restored == 1


def test_products_pictures_lie_in_the_folder_that_was_named_or_the_working_one(
    recipe: Path, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = fit(shop, recipe=recipe)
    fitted.save_pretrained(tmp_path / "m")
    loaded = Extractor.from_pretrained(tmp_path / "m")
    given = {"title": "a thing", "pictures": ["images/p1.png"]}
    monkeypatch.chdir(shop.parent)
    (there,) = loaded.fill(given)
    monkeypatch.chdir(tmp_path)
    (elsewhere,) = Extractor.from_pretrained(tmp_path / "m").fill(given)
    (named,) = loaded.with_pictures(PictureAccess(shop.parent)).fill(given)
    (tuned,) = loaded.with_pictures(PictureAccess(shop.parent)).aimed("precision=0.5").fill(given)
    assert [e.status for e in (there, elsewhere, named, tuned)] == [
        Status.FOUND,
        Status.UNREADABLE,
        Status.FOUND,
        Status.FOUND,
    ]
    assert named.values[0].text == "blue"
    assert named.provenance.model == there.provenance.model == loaded.version


def test_products_that_are_given_find_theirs_by_what_was_said(recipe: Path, shop: Path) -> None:
    products = [row.product for row in open_reader(shop)]
    access = PictureAccess(shop.parent)
    fitted = fit(products, recipe=recipe, pictures=access)
    assert fitted.pictures is access
    assert evaluate(fitted, products, resamples=0).micro.scores.f1 == 1
    blind = fit(products, recipe=recipe)
    assert blind.report is not None
    assert len(blind.report.notes) == 23
    assert "there is no such file" in blind.report.notes[0]
    assert blind.report.notes[-3:-1] == (
        "and 20 more pictures are left out",
        "not one picture can be read, so that texts alone are learnt from",
    )
    assert "F1 is 0.000 on the" in blind.report.notes[-1]


def test_the_count_of_pictures_is_told(recipe: Path, shop: Path) -> None:
    (shop.parent / "images" / "p3.png").unlink()
    said: list[str] = []
    fit(shop, recipe=recipe, progress=said.append)
    assert "40 products with a picture; 39 of them have one that can be read" in said


def test_a_catalogue_without_pictures_is_noted(recipe: Path) -> None:
    products = [
        Product(str(n), None, (Source("title", f"no. {n}"),), (), {ATTRIBUTE: (Stated("red"),)})
        for n in range(40)
    ]
    fitted = fit(products, recipe=recipe)
    assert fitted.report is not None
    assert fitted.report.notes[0] == "no product has a picture, so that texts alone are learnt from"


def test_pixels_of_one_s_own_need_no_file(recipe: Path, shop: Path) -> None:
    fitted = fit(shop, recipe=recipe)
    with PictureAccess(shop.parent).reader(8) as reader:
        pixels = reader.read([Product("p", pictures=(Picture("images/p2.png"),))])[0].pixels_NSS3[0]
    (found,) = fitted.fill(Product("p", pictures=(Picture("camera", pixels),)))
    assert (found.values[0].text, found.values[0].evidence[0].picture) == ("green", "camera")


def test_a_plan_reads_pictures(recipe: Path, shop: Path, tmp_path: Path) -> None:
    fit(shop, recipe=recipe, out=tmp_path / "m")
    (planned,) = plan(open_reader(shop), [tmp_path / "m"], all=True, seconds=0.01).models
    assert (planned.asks, planned.windows) == (40, 40)
    (unseen,) = plan(
        open_reader(shop), [tmp_path / "m"], all=True, seconds=0.01, pictures=PictureAccess(tmp_path)
    ).models
    assert unseen.windows == 40  # there are texts, too


def test_pillow_is_needed_where_pictures_are_read(
    recipe: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"Pillow is not installed. Fix: pip install .attrex\[pictures\]"):
        fit(shop, recipe=recipe)
