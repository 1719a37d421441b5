"""Outlines of the things that are drawn, in coordinates of their own: -1 to 1 from left to right and from top
to bottom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
Polygon = list[Point]


@dataclass(frozen=True, slots=True)
class Thing:
    """``filled`` polygons carry colour and pattern, ``lines`` are handles; the label is a box on the thing.
    ``regions`` say where each attribute's value is to be seen; of a shirt without sleeves, where short ones
    would be."""

    filled: list[Polygon]
    lines: list[Polygon]
    label: Box
    regions: dict[str, list[Polygon]]


def thing(category: str, values: Mapping[str, str]) -> Thing:
    """The outline of a product of that category with those values."""
    if category == "Shirts":
        return _shirt(values["Sleeve Length"])
    if category == "Bags":
        return _bag(values["Shape"])
    return _mug()


def _shirt(sleeves: str) -> Thing:
    body = [(-0.5, -0.85), (-0.2, -0.85), (0, -0.65), (0.2, -0.85), (0.5, -0.85), (0.52, 0.95), (-0.52, 0.95)]
    short = [(-0.48, -0.85), (-0.98, -0.3), (-0.76, -0.06), (-0.48, -0.34)]
    long = [(-0.48, -0.85), (-1.0, 0.72), (-0.72, 0.84), (-0.48, -0.2)]
    left = {"long sleeves": long, "short sleeves": short, "sleeveless": short}[sleeves]
    both = [left, _mirrored(left)]
    filled = [body] if sleeves == "sleeveless" else [*both, body]
    return Thing(
        filled=filled,
        lines=[],
        label=(-0.42, -0.2, 0.42, 0.24),
        regions={**_of_body(filled), "Sleeve Length": both},
    )


def _bag(shape: str) -> Thing:
    body = {
        "round": _circle(0, 0.3, 0.72),
        "square": [(-0.68, -0.3), (0.68, -0.3), (0.68, 0.95), (-0.68, 0.95)],
        "triangular": [(0, -0.62), (0.95, 0.98), (-0.95, 0.98)],
    }[shape]
    handle = [(x * 0.34, -0.25 - 0.62 * math.sqrt(max(0.0, 1 - x * x))) for x in _steps(-1, 1, 13)]
    return Thing(
        filled=[body],
        lines=[handle],
        label=(-0.4, 0.22, 0.4, 0.66),
        regions={**_of_body([body]), "Shape": [body]},
    )


def _mug() -> Thing:
    body = [(-0.68, -0.75), (0.5, -0.75), (0.44, 0.85), (-0.62, 0.85)]
    handle = [(0.46 + 0.42 * math.cos(a), 0.05 + 0.42 * math.sin(a)) for a in _steps(-1.4, 1.4, 13)]
    return Thing(filled=[body], lines=[handle], label=(-0.5, -0.15, 0.32, 0.29), regions=_of_body([body]))


def _of_body(body: list[Polygon]) -> dict[str, list[Polygon]]:
    return {"Color": body, "Pattern": body}


def _circle(x: float, y: float, radius: float) -> Polygon:
    turns = (2 * math.pi * at / 32 for at in range(32))
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]


def _mirrored(polygon: Polygon) -> Polygon:
    return [(-x, y) for x, y in polygon]


def _steps(first: float, last: float, count: int) -> list[float]:
    return [first + (last - first) * at / (count - 1) for at in range(count)]
