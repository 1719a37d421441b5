"""A part of a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """``box``, (left, top, right, bottom) in shares of width and height, of one of a product's pictures, by
    its place among those that could be read: what a model can say that sees neither names nor sizes."""

    picture: int
    box: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        if self.picture < 0 or not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(f"the region {self.box} of picture {self.picture} is empty or lies outside")
