from __future__ import annotations

import contextlib
import struct
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from attrex.errors import ConfigError, InputError
from attrex.io.pictures import Limits, decode
from tests.io.pictures.made import BLUE, RED, WHITE, halves, saved


def corners(data: bytes, size: int = 32) -> list[tuple[int, ...]]:
    """The colours near the corners: top left, top right, bottom left, bottom right."""
    pixels, _ = decode(data, size=size)
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8
    near, far = size // 8, -size // 8
    return [tuple(map(int, pixels[y, x])) for y in (near, far) for x in (near, far)]


def assert_near(found: list[tuple[int, ...]], wanted: list[tuple[int, ...]]) -> None:
    assert np.abs(np.array(found) - np.array(wanted)).max() <= 3, found


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_kind_is_read_and_stretched_to_a_square(kind: str) -> None:
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    assert_near(corners(saved(halves(), kind, **options)), [RED, BLUE, RED, BLUE])


def test_a_large_jpeg_is_unpacked_smaller() -> None:
    assert_near(corners(saved(halves(size=(1600, 1200)), "JPEG", quality=100)), [RED, BLUE, RED, BLUE])


@pytest.mark.parametrize(
    ("orientation", "wanted"),
    list(enumerate(["ab cd", "ba dc", "dc ba", "cd ab", "ac bd", "ca db", "db ca", "bd ac"], 1)),
)
def test_the_eight_orientations_of_exif(orientation: int, wanted: str) -> None:
    colours = {"a": RED, "b": BLUE, "c": (0, 255, 0), "d": WHITE}
    image = Image.new("RGB", (64, 64))
    for at, colour in enumerate(colours.values()):
        x, y = at % 2 * 32, at // 2 * 32
        image.paste(colour, (x, y, x + 32, y + 32))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(image, "JPEG", exif=exif, quality=100, subsampling=0)
    assert_near(corners(data), [colours[letter] for letter in wanted.replace(" ", "")])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_s_own_size_is_the_upright_one_s(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    own = (1007, 1001) if orientation < 5 else (1001, 1007)  # an eighth of either is 126
    assert decode(saved(halves(size=(1007, 1001)), "JPEG", exif=exif), size=16)[1] == own


def test_exif_that_cannot_be_read_turns_nothing() -> None:
    data = saved(halves(), "JPEG", exif=b"Exif\0\0MM\0\x2a\0\0\xff\xff", quality=100, subsampling=0)
    assert_near(corners(data), [RED, BLUE, RED, BLUE])


def test_what_is_transparent_stands_on_white() -> None:
    half = halves((*RED, 255), (*BLUE, 0), mode="RGBA")
    assert_near(corners(saved(half)), [RED, WHITE, RED, WHITE])
    assert_near(corners(saved(half.convert("LA"))), [(76,) * 3, WHITE, (76,) * 3, WHITE])
    blended = decode(saved(half), size=15)[0].astype(int)  # the edge runs through a pixel
    assert np.abs(blended[..., 1] - blended[..., 2]).max() <= 3  # red to white, without the blue unseen
    thin = halves((*RED, 255), (0, 0, 0, 128), mode="RGBA")
    assert_near(corners(saved(thin)), [RED, (127, 127, 127), RED, (127, 127, 127)])


def test_palettes_with_and_without_a_transparent_colour() -> None:
    image = halves().quantize(4)
    assert image.mode == "P"
    assert_near(corners(saved(image)), [RED, BLUE, RED, BLUE])
    left = image.getpixel((0, 0))
    assert_near(corners(saved(image, transparency=left)), [WHITE, BLUE, WHITE, BLUE])
    assert_near(corners(saved(image, "GIF", transparency=left)), [WHITE, BLUE, WHITE, BLUE])


def test_cmyk_grey_and_single_bits() -> None:
    inks = halves((0, 255, 255, 0), (255, 255, 0, 0), mode="CMYK")
    assert_near(corners(saved(inks, "JPEG", quality=100)), [RED, BLUE, RED, BLUE])
    grey = [(40,) * 3, (200,) * 3] * 2
    assert_near(corners(saved(halves(40, 200, mode="L"))), grey)
    assert_near(corners(saved(halves(0, 255, mode="L").convert("1"))), [(0,) * 3, WHITE] * 2)


def test_grey_values_of_sixteen_bits_are_scaled() -> None:
    values = np.full((48, 64), 40 * 257, dtype=np.uint16)
    values[:, 32:] = 200 * 257
    assert_near(corners(saved(Image.fromarray(values))), [(40,) * 3, (200,) * 3] * 2)
    shares = (values / 65535).astype(np.float32)
    assert_near(corners(saved(Image.fromarray(shares), "TIFF")), [(40,) * 3, (200,) * 3] * 2)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_a_moving_picture_the_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert_near(corners(data), [RED] * 4)


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and holds nothing."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


JPEG = saved(halves(size=(200, 200)), "JPEG")
WRONG: list[tuple[bytes, str]] = [
    (b"", r"^the file is empty"),
    (JPEG[: len(JPEG) // 2], r"^the picture is damaged or cut off \(.*truncated.*\)\. Fix: copy it again$"),
    (saved(halves())[:-30], r"^the picture is damaged or cut off \("),
    (saved(halves(size=(1, 1))), r"^it has 1 x 1 pixels, too few to show a product\. Fix: give one"),
    (saved(halves(size=(300, 2))), r"^it has 300 x 2 pixels, too few"),
    (png_of(7_000, 7_000), r"^it has 7,000 x 7,000 pixels; 40 million are read at most\. Fix: save"),
    (png_of(20_000, 20_000), r"^it has more pixels; 40 million are read at most"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", r"^this is an SVG drawing, not a photograph\. Fix: save"),
    (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>", r"^this is an SVG drawing"),
    (b"\n <!DOCTYPE html><p>404", r"^this is an HTML page, not a photograph"),
    (b"<html><body>", r"^this is an HTML page"),
    (b"%PDF-1.7", r"^this is a PDF file"),
    (b"\0" * 500, r"^this is no picture of a known kind\. Fix: save it as one of JPEG, PNG, WEBP, GIF$"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n", r"^this is no picture of a known kind"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), WRONG)
def test_what_is_no_picture_says_what_it_is(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode(data, size=32)


def test_the_limits_are_the_caller_s() -> None:
    data = saved(halves())
    with pytest.raises(InputError, match=r"^it has 64 x 48 pixels; 0 million"):
        decode(data, size=8, limits=Limits(pixels=3000))
    with pytest.raises(
        InputError, match=r"^the file has 0\.0 MB; 0\.0 MB are read at most\. Fix: save it smaller"
    ):
        decode(data, size=8, limits=Limits(bytes=100))
    assert decode(saved(halves(size=(2, 2))), size=8, limits=Limits(shortest=1))[0].shape == (8, 8, 3)


def test_nothing_is_unpacked_before_its_size_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    with pytest.raises(InputError, match="pixels"):
        decode(png_of(7_000, 7_000), size=32)


@settings(max_examples=150)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]),
    at=st.floats(0, 1, exclude_max=True),
    bytes=st.binary(min_size=1, max_size=6),
    cut=st.booleans(),
)
def test_whatever_is_damaged_is_a_picture_or_an_input_error(
    kind: str, at: float, bytes: bytes, cut: bool
) -> None:
    data = saved(halves(size=(40, 30)), kind)
    place = int(at * len(data))
    damaged = data[:place] + bytes + (b"" if cut else data[place + len(bytes) :])
    with contextlib.suppress(InputError):
        assert decode(damaged, size=16)[0].shape == (16, 16, 3)


def test_without_pillow_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ConfigError) as caught:
        decode(JPEG, size=32)
    assert str(caught.value) == 'pictures: Pillow is not installed. Fix: pip install "attrex[pictures]"'
