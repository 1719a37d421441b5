from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from attrex.report import inspect_html
from attrex.report.illustrations import SIDE, Crop, HeatMap, Illustrations, crop, heat_map, thumbnail
from tests.report.reading import Page
from tests.report.records import record, valueless
from tests.report.test_inspect import HOSTILE

GREY = np.full((28, 28, 3), 120, dtype=np.uint8)


def opened(uri: str) -> np.ndarray:
    kind, _, data = uri.partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert kind == f"data:image/{str(image.format).lower()}"
    return np.asarray(image.convert("RGB"), dtype=np.float64)


def test_a_thumbnail_is_small_and_shows_the_picture() -> None:
    uri = thumbnail(np.random.default_rng(0).integers(0, 255, (224, 224, 3), dtype=np.uint8))
    assert uri.startswith("data:image/jpeg;base64,")
    assert len(uri) < 12_000
    shown = opened(thumbnail(GREY))
    assert shown.shape == (SIDE, SIDE, 3)
    assert np.abs(shown - 120).max() < 3


def test_what_is_attended_to_is_bright_and_the_rest_is_dim() -> None:
    grid = np.full((7, 7), 0.002)
    grid[1, 5] = 1 - grid.sum() + 0.002
    shown = opened(heat_map(GREY, grid.tolist()))
    light = shown.sum(-1)
    top, left = np.unravel_index(light.argmax(), light.shape)
    patch = SIDE // 7
    assert (top // patch, left // patch) == (1, 5)
    assert shown[-patch:, :patch].max() < 70  # dimmed to half
    assert shown[patch + patch // 2, 5 * patch + patch // 2, 0] > 180
    assert heat_map(GREY, grid.tolist()).startswith("data:image/png;base64,")


def test_even_attention_lights_all_alike() -> None:
    shown = opened(heat_map(GREY, [[0.25, 0.25], [0.25, 0.25]]))
    assert np.ptp(shown.reshape(-1, 3), axis=0).max() < 2


def test_a_shape_that_is_no_square_is_refused() -> None:
    with pytest.raises(AssertionError):
        heat_map(GREY, [[0.5, 0.5]])


def test_pictures_stand_beside_their_rows_and_nothing_else_may_be_loaded() -> None:
    rows = [record(product_id=HOSTILE, value=HOSTILE), valueless("not_stated", product_id="q")]
    image = thumbnail(GREY)
    maps = {0: (HeatMap(HOSTILE, heat_map(GREY, [[1.0]])),)}
    made = inspect_html(rows, illustrations=Illustrations({HOSTILE: image}, maps, "Only <few>."))
    page = Page(made)
    assert page.values("src") == [image, maps[0][0].image]
    assert page.values("alt")[0] == f"picture of {HOSTILE}"[: 11 + 80]
    assert f"attention of {HOSTILE} over the picture" in page.text
    assert "Only <few>." in page.text
    (policy,) = [value for value in page.values("content") if "default-src" in value]
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "img-src" not in inspect_html(rows)
    assert "<img" not in inspect_html(rows)


def test_a_crop_is_the_box_with_a_little_around() -> None:
    picture = np.full((300, 500, 3), 255, dtype=np.uint8)
    picture[100:120, 200:260] = 0
    made = crop(picture, (200.0, 100.0, 260.0, 120.0), "250 ml")
    assert made is not None
    shown = opened(made.image)
    assert shown.shape == (made.height, made.width, 3) == (40, 80, 3)
    assert shown[20, 40].max() < 20
    assert shown[3, 40].min() > 235
    seen = crop(picture, (200.0, 100.0, 260.0, 120.0), "black", "seen")
    assert seen is not None
    assert (seen.width, seen.height) == (60, 20)  # itself alone
    large = crop(picture, (0.0, 0.0, 500.0, 300.0), "x")
    assert large is not None
    assert (large.width, large.height) == (187, 112)
    for outside in ((600.0, 10.0, 700.0, 20.0), (10.0, 400.0, 20.0, 420.0)):
        assert crop(picture, outside, "x") is None


def test_crops_stand_beside_their_rows() -> None:
    part = Crop(HOSTILE, thumbnail(GREY), 90, 30)
    page = Page(inspect_html([record()], illustrations=Illustrations(crops={0: [part]})))
    assert page.values("src") == [part.image]
    assert page.values("width")[-1] == "90"
    assert f"{HOSTILE[:60]}" in page.text
    assert "as it is printed" in page.text
    seen = Page(inspect_html([record()], illustrations=Illustrations(crops={0: [replace(part, how="seen")]})))
    assert "as it is seen" in seen.text
