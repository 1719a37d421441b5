"""One picture: a product before a cluttered background, among things that are not it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attrex.sample.drawn.things import Box, Point, Polygon, thing
from attrex.sample.drawn.words import COLOURS, PATTERNS

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
_FINE = 2
"""Drawn so many times larger and then made small, for soft edges."""
_SMALLEST, _LARGEST = 0.24, 0.29
"""Half a product's side, as a share of the picture's: its box takes a quarter to a third of the area."""
_NEAR_WHITE, _NEAR_BLACK = (250, 250, 245), (45, 45, 55)


@dataclass(frozen=True, slots=True)
class Scene:
    """The pixels, and for each attribute the boxes (in pixels) where its value is to be seen."""

    image: Image.Image
    regions: dict[str, list[Box]]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a thing stands: its own coordinates to the picture's."""

    x: float
    y: float
    half: float
    angle: float

    def place(self, point: Point) -> Point:
        u, v = point[0] * self.half, point[1] * self.half
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return self.x + u * cos - v * sin, self.y + u * sin + v * cos

    def polygon(self, points: Sequence[Point]) -> Polygon:
        return [self.place(point) for point in points]


def draw(
    category: str,
    values: Mapping[str, str],
    rivals: Mapping[str, str],
    *,
    size: int,
    rng: np.random.Generator,
) -> Scene:
    """A picture of ``size`` x ``size`` pixels. Somewhere beside the product, smaller, stand things in other
    colours and patterns, one of them with the ``rivals`` where there are any: that a value is to be seen in
    the picture does not make it the product's.
    """
    from PIL import Image, ImageDraw

    full = size * _FINE
    half = full * rng.uniform(_SMALLEST, _LARGEST)
    x, y = (rng.uniform(1.1 * half, full - 1.1 * half) for _ in range(2))
    frame = _Frame(x, y, half, rng.uniform(-0.2, 0.2))
    image = _background(full, rng)
    pen = ImageDraw.Draw(image)
    _clutter(pen, full, rng)
    _distract(image, frame, rivals, full, rng)
    drawn = thing(category, values)
    shade = _shaded(COLOURS[values["Color"]], rng)
    _put(image, [frame.polygon(p) for p in drawn.filled], shade, values["Pattern"], frame)
    for line in drawn.lines:
        ImageDraw.Draw(image).line(
            frame.polygon(line), fill=shade, width=max(2, int(half * 0.12)), joint="curve"
        )
    label = _label(image, drawn.label, values["Brand"].upper(), frame)
    regions = {name: [_box(frame.polygon(p), size) for p in where] for name, where in drawn.regions.items()}
    regions["Brand"] = [_box(label, size)]
    small = image.resize((size, size), Image.Resampling.LANCZOS)
    noisy = np.asarray(small, dtype=np.float64) * rng.uniform(0.9, 1.1) + rng.normal(0, 4, (size, size, 3))
    return Scene(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)), regions)


def _background(full: int, rng: np.random.Generator) -> Image.Image:
    """Two pale colours that run into each other."""
    from PIL import Image

    ends = rng.integers(120, 235, (2, 3))
    across = rng.uniform(0, 2 * math.pi)
    y, x = np.mgrid[0:full, 0:full] / full - 0.5
    share = np.clip(x * math.cos(across) + y * math.sin(across) + 0.5, 0, 1)[..., None]
    blend: NDArray[np.float64] = ends[0] * share + ends[1] * (1 - share)
    return Image.fromarray(blend.astype(np.uint8))


def _clutter(pen: ImageDraw.ImageDraw, full: int, rng: np.random.Generator) -> None:
    """Blots, boards and wires of no meaning."""
    for _ in range(int(rng.integers(8, 16))):
        colour = _any_colour(rng)
        x, y = rng.uniform(0, full, 2)
        wide, high = rng.uniform(0.03, 0.16, 2) * full
        kind = rng.integers(3)
        if kind == 0:
            pen.ellipse((x - wide, y - high, x + wide, y + high), fill=colour)
        elif kind == 1:
            pen.rectangle((x - wide, y - high, x + wide, y + high), fill=colour)
        else:
            end = tuple(rng.uniform(0, full, 2))
            pen.line(((x, y), end), fill=colour, width=int(rng.integers(2, 3 + full // 40)))


def _distract(
    image: Image.Image, frame: _Frame, rivals: Mapping[str, str], full: int, rng: np.random.Generator
) -> None:
    """Balls, boxes and tents beside the product, a third of its size at most."""
    shapes: tuple[Polygon, ...] = (
        [(math.cos(a), math.sin(a)) for a in np.linspace(0, 2 * math.pi, 24)],
        [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        [(0, -1), (1, 0.9), (-1, 0.9)],
    )
    names = tuple(COLOURS)
    for at in range(int(rng.integers(3, 6))):
        half = frame.half * rng.uniform(0.18, 0.32)
        x, y = rng.uniform(half, full - half, 2)
        while max(abs(x - frame.x), abs(y - frame.y)) < frame.half + 0.5 * half:
            x, y = rng.uniform(half, full - half, 2)
        colour, pattern = names[rng.integers(len(names))], PATTERNS[rng.integers(len(PATTERNS))]
        if at == 0:
            colour, pattern = rivals.get("Color", colour), rivals.get("Pattern", pattern)
        place = _Frame(x, y, half, rng.uniform(0, math.pi))
        outline = place.polygon(shapes[rng.integers(len(shapes))])
        _put(image, [outline], _shaded(COLOURS[colour], rng), pattern, place)


def _put(image: Image.Image, filled: list[Polygon], colour: Colour, pattern: str, frame: _Frame) -> None:
    """Polygons with a pattern in them, and a darker edge around."""
    from PIL import Image, ImageDraw

    mask = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(mask)
    for polygon in filled:
        pen.polygon(polygon, fill=255)
    side = int(4 * frame.half)
    cloth = _cloth(side, colour, pattern, frame.half).rotate(-math.degrees(frame.angle), fillcolor=colour)
    sheet = Image.new("RGB", image.size, colour)
    sheet.paste(cloth, (round(frame.x - side / 2), round(frame.y - side / 2)))
    image.paste(sheet, mask=mask)
    edge = tuple(int(channel * 0.6) for channel in colour)
    pen = ImageDraw.Draw(image)
    for polygon in filled:
        pen.line([*polygon, polygon[0]], fill=edge, width=max(1, int(frame.half * 0.03)))


def _cloth(side: int, colour: Colour, pattern: str, half: float) -> Image.Image:
    from PIL import Image

    at = np.arange(side)
    across, down = np.meshgrid(at, at)
    step = max(2.0, half / 3.2)
    if pattern == "striped":
        printed = down % step < 0.4 * step
    elif pattern == "dotted":
        off = [((axis + 0.5 * step) % step) - 0.5 * step for axis in (across, down)]
        printed = off[0] ** 2 + off[1] ** 2 < (0.3 * step) ** 2
    elif pattern == "checked":
        printed = (across // step + down // step) % 2 == 0
    else:
        printed = np.zeros((side, side), dtype=bool)
    light = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 150
    inks = np.array([colour, _NEAR_BLACK if light else _NEAR_WHITE], dtype=np.uint8)
    return Image.fromarray(inks[printed.astype(np.intp)])


def _label(image: Image.Image, box: Box, text: str, frame: _Frame) -> Polygon:
    """A white label with the text; gives its corners."""
    from PIL import Image, ImageDraw, ImageFont

    wide, high = (int((box[i + 2] - box[i]) * frame.half) for i in (0, 1))
    label = Image.new("RGBA", (wide, high), _NEAR_WHITE)
    pen = ImageDraw.Draw(label)
    pen.rectangle((0, 0, wide - 1, high - 1), outline=_NEAR_BLACK, width=max(1, high // 16))
    font = ImageFont.load_default(size=max(6, int(high * 0.86)))
    pen.text(
        (wide / 2, high / 2), text, fill=(15, 15, 20), font=font, anchor="mm", stroke_width=max(0, high // 40)
    )
    turned = label.rotate(-math.degrees(frame.angle), expand=True, resample=Image.Resampling.BICUBIC)
    x, y = frame.place(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
    image.paste(turned, (round(x - turned.width / 2), round(y - turned.height / 2)), turned)
    return frame.polygon([(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])])


def _box(polygon: Polygon, size: int) -> Box:
    """Around a polygon, in pixels of the picture as it is saved, cut off at its edges."""
    sides = [[min(max(p[axis] / _FINE, 0.0), float(size)) for p in polygon] for axis in (0, 1)]
    (left, right), (top, bottom) = ((round(min(side), 1), round(max(side), 1)) for side in sides)
    return left, top, right, bottom


def _shaded(colour: Colour, rng: np.random.Generator) -> Colour:
    moved = np.clip(np.array(colour) + rng.normal(0, 8, 3), 0, 255).astype(int)
    return int(moved[0]), int(moved[1]), int(moved[2])


def _any_colour(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.integers(30, 245, 3)
    return int(red), int(green), int(blue)
