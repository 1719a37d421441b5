"""A picture file's bytes to upright red, green and blue pixels of one size."""

from __future__ import annotations

import importlib.util
import re
import struct
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attrex.errors import ConfigError, InputError

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""What is opened, whatever a file's name says. Pillow knows more, of which some start other programs."""
_PILLOW = re.compile(r"PIL\.")
_ORIENTATION = 0x0112
_ACROSS = (5, 6, 7, 8)
"""Orientations in which width and height have changed places."""
_DAMAGED = (
    OSError, SyntaxError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError, EOFError,
    MemoryError, NotImplementedError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's plugins raise on bytes that are not what they should be."""
_OTHERS = (
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"%pdf", "a PDF file"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is not read: larger files, more pixels (before anything is unpacked), pictures with a side shorter
    than ``shortest``, and more than ``pictures`` of one product."""

    bytes: int = 20 << 20
    pixels: int = 40_000_000
    shortest: int = 8
    pictures: int = 8


def need_pillow() -> None:
    """Raises ``ConfigError`` where Pillow is not installed."""
    if importlib.util.find_spec("PIL") is None:
        raise ConfigError('pictures: Pillow is not installed. Fix: pip install "attrex[pictures]"')


def decode(
    data: bytes, *, size: int, limits: Limits | None = None
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """``(size, size, 3)``: turned as its EXIF says, the first frame, what is transparent on white. And the
    upright picture's own width and height.

    The whole picture is decoded, so that one that is cut short is known. Raises ``InputError``, without a
    place, for anything that is no whole picture within the limits, and ``ConfigError`` without Pillow.
    """
    need_pillow()
    from PIL import Image

    _hush()
    limits = limits or Limits()
    check_bytes(len(data), limits)
    try:
        with _opened(data) as image:
            _check_size(image, limits)
            image.verify()
        with _opened(data) as image:
            # A JPEG is unpacked at a half, a quarter or an eighth, where that is still twice the size.
            wide, high = image.size
            image.draft(None, (2 * size, 2 * size))
            image.load()
            turn = _orientation(image)
            coloured = _coloured(_turned(image, turn))
            small = coloured.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
            own = (high, wide) if turn in _ACROSS else (wide, high)
            return np.asarray(_on_white(small), dtype=np.uint8), own
    except Image.DecompressionBombError:
        raise _too_many("more", limits) from None
    except _DAMAGED as error:
        raise _no_picture(data, error) from None


def decode_whole(
    data: bytes, *, longest: int, shortest: int, limits: Limits | None = None
) -> tuple[NDArray[np.uint8], float]:
    """``(H, W, 3)`` in the picture's own proportions, and its size relative to the upright picture's: a
    longer side above ``longest`` or below ``shortest`` pixels becomes that long. Raises as ``decode`` does.
    """
    need_pillow()
    from PIL import Image

    _hush()
    limits = limits or Limits()
    check_bytes(len(data), limits)
    try:
        with _opened(data) as image:
            _check_size(image, limits)
            image.verify()
        with _opened(data) as image:
            image.load()
            whole = _on_white(_coloured(_turned(image, _orientation(image))))
            side = max(whole.size)
            scale = min(max(side, shortest), longest) / side
            if scale != 1:
                size = (max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
                whole = whole.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
            return np.asarray(whole, dtype=np.uint8), scale
    except Image.DecompressionBombError:
        raise _too_many("more", limits) from None
    except _DAMAGED as error:
        raise _no_picture(data, error) from None


def check_bytes(count: int, limits: Limits) -> None:
    """Raises ``InputError`` for a file that is empty or too large."""
    if count == 0:
        raise InputError("the file is empty", fix="copy it again")
    if count > limits.bytes:
        raise InputError(
            f"the file has {count / 1e6:.1f} MB; {limits.bytes / 1e6:.1f} MB are read at most",
            fix="save it smaller",
        )


def _hush() -> None:
    """Pillow's warnings name no file, and go to standard error; what is wrong is reported here. A filter of
    the process, as one of a block (``warnings.catch_warnings``) is not safe among threads."""
    if ("ignore", None, Warning, _PILLOW, 0) not in warnings.filters:
        warnings.filterwarnings("ignore", category=Warning, module=_PILLOW.pattern)


def _opened(data: bytes) -> Image.Image:
    from PIL import Image

    Image.init()
    return Image.open(BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])


def _check_size(image: Image.Image, limits: Limits) -> None:
    if image.width * image.height > limits.pixels:
        raise _too_many(f"{image.width:,} x {image.height:,}", limits)
    if min(image.size) < limits.shortest:
        raise InputError(
            f"it has {image.width} x {image.height} pixels, too few to show a product",
            fix=f"give one of at least {limits.shortest} x {limits.shortest}",
        )


def _too_many(found: str, limits: Limits) -> InputError:
    return InputError(
        f"it has {found} pixels; {limits.pixels / 1e6:.0f} million are read at most", fix="save it smaller"
    )


def _no_picture(data: bytes, error: BaseException) -> InputError:
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, name in _OTHERS:
        if head.startswith(mark) or (head.startswith(b"<?xml") and mark in head):
            return InputError(f"this is {name}, not a photograph", fix="save it as JPEG or PNG")
    reason = (str(error) or type(error).__name__).splitlines()[0]
    if "cannot identify" in reason:
        return InputError(
            "this is no picture of a known kind", fix=f"save it as one of {', '.join(FORMATS[:4])}"
        )
    return InputError(f"the picture is damaged or cut off ({reason})", fix="copy it again")


def _orientation(image: Image.Image) -> int:
    """What the camera noted, 1 to 8; 1, upright, where the note cannot be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _DAMAGED:
        return 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    """Upright."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation)
    return image if turn is None else image.transpose(turn)


def _coloured(image: Image.Image) -> Image.Image:
    """Red, green and blue, with alpha where something is transparent."""
    from PIL import Image

    if image.mode == "F" or image.mode.startswith("I"):
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _on_white(small: Image.Image) -> Image.Image:
    """After making it small: before, it would take the picture's size thrice. Pillow weighs by alpha."""
    from PIL import Image

    if small.mode == "RGB":
        return small
    return Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")


def _eight_bits(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey values of 16 or 32 bits; Pillow's own conversion cuts off what is above 255."""
    values = grey.astype(np.float64)
    most = 255.0 if values.max() <= 255 else 65535.0 if values.max() <= 65535 else float(values.max())
    if grey.dtype.kind == "f" and values.max() <= 1:
        most = 1.0
    elif grey.dtype == np.uint16:
        most = 65535.0
    return np.clip(values * (255 / most), 0, 255).round().astype(np.uint8)
