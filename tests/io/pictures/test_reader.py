from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attrex.core import Picture, Product
from attrex.errors import ConfigError
from attrex.io.pictures import IMAGENET, Limits, PictureAccess, PictureReader, Preparation
from attrex.io.pictures import reader as reading
from attrex.io.reader import open_reader
from tests.io.files import write
from tests.io.pictures.made import BLUE, RED, halves, saved
from tests.io.pictures.serving import gives, moves, serving

SMALL = Preparation(size=16)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A catalogue's folder with pictures in it, and a picture beside it."""
    folder = tmp_path / "shop"
    (folder / "images" / "7").mkdir(parents=True)
    for name, colour in (
        ("red.png", RED),
        ("blue.png", BLUE),
        ("7/b.png", BLUE),
        ("7/a.jpg", RED),
        ("8.png", RED),
    ):
        image = Image.new("RGB", (20, 20), colour)
        kind = "JPEG" if name.endswith("jpg") else "PNG"
        (folder / "images" / name).write_bytes(saved(image, kind))
    (folder / "images" / "7" / "notes.txt").write_text("no picture")
    (folder / "images" / "empty").mkdir()
    (tmp_path / "secret.png").write_bytes(saved(halves()))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    return folder


@pytest.fixture
def reader(shop: Path) -> Iterator[PictureReader]:
    with PictureReader(shop, preparation=SMALL, threads=2) as made:
        yield made


def of(*locations: str, id: str = "p") -> Product:
    return Product(id, pictures=tuple(map(Picture, locations)))


def test_pictures_of_several_products_in_order(reader: PictureReader) -> None:
    both, none, one = reader.read([of("images/red.png", "images/blue.png"), of(), of("images/blue.png")])
    assert both.pixels_NSS3.shape == (2, 16, 16, 3)
    assert both.pixels_NSS3.dtype == np.uint8
    assert [tuple(p[0, 0]) for p in both.pixels_NSS3] == [RED, BLUE]
    assert both.locations == ("images/red.png", "images/blue.png")
    assert (none.pixels_NSS3.shape, none.locations, none.problems) == ((0, 16, 16, 3), (), ())
    assert one.hashes == both.hashes[1:]
    assert reader.problems.warned == 0


def test_the_default_is_imagenet_s(shop: Path) -> None:
    with PictureReader(shop) as reader:
        (pictures,) = reader.read([of("images/red.png")])
        assert reader.preparation is IMAGENET
    assert IMAGENET.normalised(pictures.pixels_NSS3).shape == (1, 3, 224, 224)


def test_a_folder_by_id_and_an_id_without_an_ending(reader: PictureReader) -> None:
    folder, file = reader.read([of("images/7"), of("images/8")])
    assert folder.locations == ("images/7/a.jpg", "images/7/b.png")
    assert file.locations == ("images/8.png",)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("images/none.png", "there is no such file. Fix: check the path; it is relative to the catalogue's"),
        ("images/none", "there is no such file"),
        ("images/empty", "there is no picture in this folder"),
        ("images/7/notes.txt", "this is no picture of a known kind"),
        ("a\0b.png", "this is no path"),
        ("x" * 5000 + ".png", "this is no path"),
        ("../secret.png", "it lies outside of {shop}. Fix: copy it into that folder, or allow pictures"),
        ("../nothing.png", "it lies outside of {shop}"),
        ("/etc/passwd", "it lies outside of {shop}"),
        ("link.png", "it lies outside of {shop}"),
        ("https://images.example.com/a.jpg", 'the host "images.example.com" is not allowed'),
    ],
)  # fmt: skip
def test_what_cannot_be_had_leaves_the_others(
    reader: PictureReader, shop: Path, location: str, message: str
) -> None:
    (pictures,) = reader.read([of(location, "images/red.png", id="sku-1")])
    assert pictures.locations == ("images/red.png",)
    (problem,) = pictures.problems
    assert f'" of the product "sku-1" is left out: {message.format(shop=shop)}' in str(problem)
    assert reader.problems.warnings == [problem]


def test_pictures_outside_may_be_allowed(shop: Path) -> None:
    with PictureReader(shop, preparation=SMALL, outside=True) as reader:
        (pictures,) = reader.read([of("../secret.png", "link.png", str(shop / "images" / "red.png"))])
    assert len(pictures.locations) == 3
    assert pictures.hashes[0] == pictures.hashes[1]


def test_an_absolute_path_within_the_folder_is_within(reader: PictureReader, shop: Path) -> None:
    (pictures,) = reader.read([of(str(shop / "images" / "red.png"))])
    assert len(pictures.locations) == 1


def test_a_folder_of_links_leads_nowhere_else(reader: PictureReader, shop: Path) -> None:
    (shop / "images" / "7" / "c.png").symlink_to(shop.parent / "secret.png")
    (pictures,) = reader.read([of("images/7")])
    assert pictures.locations == ()
    assert "it lies outside of" in str(pictures.problems[0])


def test_problems_name_file_product_and_field(shop: Path) -> None:
    (shop / "images" / "cut.jpg").write_bytes(saved(halves(size=(200, 200)), "JPEG")[:900])
    table = write(
        shop / "catalog.csv",
        "sku,title,image\n1,Red,images/red.png\n2,Cut,images/cut.jpg\n3,Gone,images/gone.png|images/blue.png\n",
    )
    rows = open_reader(table)
    access = PictureAccess.beside(rows)
    with access.reader(16) as reader:
        found = reader.read([row.product for row in rows])
    assert [each.locations for each in found] == [("images/red.png",), (), ("images/blue.png",)]
    cut, gone = access.problems.warnings
    assert str(cut).startswith(
        f'{table}, field "picture": the picture "images/cut.jpg" of the product "2" is left out: the'
    )
    assert str(gone).startswith(
        f'{table}, field "picture": the picture "images/gone.png" of the product "3" is left out: there is no'
    )


def test_reading_ahead_goes_on_while_nobody_waits(shop: Path) -> None:
    with PictureReader(shop, preparation=SMALL, threads=2) as reader:
        first, second = reader.ahead([of("images/red.png")]), reader.ahead([of("images/blue.png")])
        assert [each.locations for each in second()] == [("images/blue.png",)]
        assert [each.locations for each in first()] == [("images/red.png",)]


def test_no_more_than_so_many_of_one_product(shop: Path) -> None:
    with PictureReader(shop, preparation=SMALL, limits=Limits(pictures=1)) as reader:
        (pictures,) = reader.read([of("images/7")])
    assert pictures.locations == ("images/7/a.jpg",)
    assert str(pictures.problems[0]) == (
        'field "picture": the picture "images/7/b.png" of the product "p" is left out: 1 of 2 are read. '
        "Fix: put the best ones first"
    )


def test_what_is_larger_than_the_limit_is_not_read(shop: Path) -> None:
    with PictureReader(shop, preparation=SMALL, limits=Limits(bytes=50)) as reader:
        (pictures,) = reader.read([of("images/red.png")])
    assert "MB are read at most" in str(pictures.problems[0])


def test_the_same_content_is_decoded_once(
    reader: PictureReader, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    real = reading.decode

    def counted(data: bytes, **options: object) -> object:
        decoded.append(len(data))
        return real(data, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "decode", counted)
    (shop / "copy.png").write_bytes((shop / "images" / "red.png").read_bytes())
    (first,) = reader.read([of("images/red.png")])
    (again,) = reader.read([of("copy.png")])
    assert len(decoded) == 1
    assert again.hashes == first.hashes
    np.testing.assert_array_equal(first.pixels_NSS3, again.pixels_NSS3)
    (shop / "copy.png").write_bytes((shop / "images" / "blue.png").read_bytes())
    (changed,) = reader.read([of("copy.png")])
    assert changed.hashes != first.hashes
    assert tuple(changed.pixels_NSS3[0, 0, 0]) == BLUE


def test_what_is_kept_is_bounded_and_the_longest_unused_goes(shop: Path) -> None:
    kept = reading._Kept(2 * 12)
    arrays = {name: (np.full((2, 2, 3), at, dtype=np.uint8), (2, 2)) for at, name in enumerate("abc")}
    kept.put("a", arrays["a"])
    kept.put("b", arrays["b"])
    kept.put("b", arrays["b"])
    assert kept.get("a") is arrays["a"]
    kept.put("c", arrays["c"])
    assert [kept.get(name) is not None for name in "abc"] == [True, False, True]
    with PictureReader(shop, preparation=SMALL, kept=0) as reader:
        (pictures,) = reader.read([of("images/red.png", "images/red.png")])
        assert len(pictures.locations) == 2


def test_pictures_by_url(shop: Path) -> None:
    with serving() as served:
        served.answers |= {
            "/red.jpg": gives(saved(Image.new("RGB", (20, 20), RED))),
            "/page.jpg": gives(b"<html>sold out"),
            "/inner.jpg": moves("http://10.0.0.1/secret"),
        }
        urls = [served.url(path) for path in served.answers]
        with PictureReader(shop, preparation=SMALL, web=served.web()) as reader:
            (pictures,) = reader.read([of(*urls)])
    assert pictures.locations == (urls[0],)
    assert tuple(pictures.pixels_NSS3[0, 0, 0]) == RED
    page, inner = map(str, pictures.problems)
    assert "is left out: this is an HTML page, not a photograph" in page
    assert 'is left out: the host "10.0.0.1" is not allowed' in inner


def test_a_long_location_is_told_short(reader: PictureReader) -> None:
    (pictures,) = reader.read([of(f"images/{'x' * 400}.png")])
    assert f'the picture "images/{"x" * 73}...{"x" * 26}.png" of' in str(pictures.problems[0])


def test_a_wrong_number_of_threads(shop: Path) -> None:
    with pytest.raises(ConfigError, match=r"^pictures.threads is 0; it must be at least 1$"):
        PictureReader(shop, threads=0)
