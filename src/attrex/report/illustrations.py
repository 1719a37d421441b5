"""Pictures for pages: as thumbnails, and with what is attended to made bright. Needs Pillow.

Shapes: ``S`` pixels a side, ``P`` patches a side.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from attrex.io.pictures import need_pillow

SIDE = 112
"""Pixels of a thumbnail, of about 3 KB, and of a heat map, of 7."""
CROP = (240, 112)
"""Pixels across and down of a crop, at most."""
_COLOURS = 96
_QUALITY = 75
_DIM = 0.5
"""How much of a picture's light is left where nothing is attended to."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Where a picture is attended to by ``words``; ``image`` is a data URI."""

    words: str
    image: str


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a picture from which ``words`` were read, or in which they are seen (``how``); ``image`` is a
    data URI of that size."""

    words: str
    image: str
    width: int
    height: int
    how: Literal["printed", "seen"] = "printed"


@dataclass(frozen=True, slots=True)
class Illustrations:
    """``pictures``: thumbnails (data URIs) by product id. ``heat_maps`` and ``crops``: those of a row, by its
    number from 0. ``note`` tells what is left out, if anything."""

    pictures: Mapping[str, str] = field(default_factory=dict)
    heat_maps: Mapping[int, Sequence[HeatMap]] = field(default_factory=dict)
    note: str = ""
    crops: Mapping[int, Sequence[Crop]] = field(default_factory=dict)


def thumbnail(pixels_SS3: Pixels) -> str:
    """The picture as a data URI. Raises ``ConfigError`` without Pillow."""
    need_pillow()
    from PIL import Image

    file = io.BytesIO()
    small = Image.fromarray(pixels_SS3).resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    small.save(file, "JPEG", quality=_QUALITY)
    return _uri(file, "jpeg")


def heat_map(pixels_SS3: Pixels, grid_PP: Sequence[Sequence[float]]) -> str:
    """The picture as a data URI: bright and warm where it is attended to, dim elsewhere, in proportion to the
    share of the most attended patch; between patches it runs smoothly. Raises ``ConfigError`` without Pillow.
    """
    need_pillow()
    from PIL import Image

    shares_PP = np.asarray(grid_PP, dtype=np.float32)
    assert shares_PP.ndim == 2
    assert shares_PP.shape[0] == shares_PP.shape[1]
    assert shares_PP.min() >= 0
    small = Image.fromarray(pixels_SS3).resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    heat = Image.fromarray(shares_PP / max(float(shares_PP.max()), 1e-12))
    heat_SS1 = np.asarray(heat.resize((SIDE, SIDE), Image.Resampling.BILINEAR))[..., None]
    warm_SS3 = np.concatenate([np.full_like(heat_SS1, 255), 60 + 175 * heat_SS1, 20 + 0 * heat_SS1], axis=-1)
    weight_SS1 = 0.6 * heat_SS1
    light_SS1 = _DIM + (1 - _DIM) * heat_SS1
    shown = np.asarray(small, dtype=np.float32) * light_SS1 * (1 - weight_SS1) + warm_SS3 * weight_SS1
    file = io.BytesIO()
    made = Image.fromarray(np.clip(shown, 0, 255).round().astype(np.uint8))
    made.quantize(_COLOURS).save(file, "PNG", optimize=True)
    return _uri(file, "png")


def crop(
    pixels_HW3: Pixels,
    box: tuple[float, float, float, float],
    words: str,
    how: Literal["printed", "seen"] = "printed",
) -> Crop | None:
    """The box (left, top, right, bottom, in pixels), where something is printed with half its height around;
    None where it lies outside. Raises ``ConfigError`` without Pillow."""
    need_pillow()
    from PIL import Image

    height, width = pixels_HW3.shape[:2]
    around = (box[3] - box[1]) / 2 if how == "printed" else 0.0
    left, top = (max(0, math.floor(edge - around)) for edge in box[:2])
    right, bottom = (
        min(most, math.ceil(edge + around)) for edge, most in zip(box[2:], (width, height), strict=True)
    )
    if left >= right or top >= bottom:
        return None
    part = Image.fromarray(np.ascontiguousarray(pixels_HW3[top:bottom, left:right]))
    part.thumbnail(CROP)
    file = io.BytesIO()
    part.save(file, "JPEG", quality=_QUALITY)
    return Crop(words, _uri(file, "jpeg"), part.width, part.height, how)


def _uri(file: io.BytesIO, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
