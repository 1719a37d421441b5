"""A model that reads nothing but pictures, and a shop of which the pictures tell all."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from attrex.core import Answer, Attribute, Candidate, Evidence, Product, Region
from attrex.models import catalog
from attrex.models.interface import Traits
from attrex.supervision.pool import Pool

SIZE = 8
BUILDER = "mean-colour"
COLOURS = {"red": (220, 30, 40), "blue": (40, 80, 210), "green": (40, 160, 70)}
ATTRIBUTE = "Colour"


class MeanColour:
    """Answers with the value whose pictures were most like this one in their mean colour."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._means: dict[str, list[float]] = {}

    @property
    def traits(self) -> Traits:
        return Traits(pictures=self._size)

    @property
    def tokeniser(self) -> None:
        return None

    def learn(self, pool: Pool) -> None:
        found: dict[str, list[Any]] = {}
        for product in pool.products:
            for stated in product.stated.get(ATTRIBUTE, ()):
                found.setdefault(stated.text, []).extend(_mean(p.pixels) for p in product.pictures)
        self._means = {
            value: [float(part) for part in np.mean(means, axis=0)] for value, means in found.items() if means
        }

    def prepare(self, products: Sequence[Product]) -> list[Product]:
        for product in products:
            assert all(p.pixels.shape == (self._size, self._size, 3) for p in product.pictures)
        return list(products)

    def describe(self, attributes: Sequence[Attribute]) -> list[Attribute]:
        return list(attributes)

    def answer(
        self,
        prepared: Sequence[Product],
        described: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        return [self._answer(prepared[product], described[attribute]) for product, attribute in asks]

    def _answer(self, product: Product, attribute: Attribute) -> Answer:
        if attribute.name != ATTRIBUTE or not product.pictures:
            return Answer((), 0.9)
        picture = product.pictures[0]
        own = _mean(picture.pixels)
        value = min(self._means, key=lambda each: float(np.abs(own - self._means[each]).sum()))
        evidence = Evidence("region", region=Region(0, (0.0, 0.0, 1.0, 0.5)))
        return Answer((Candidate(value, 0.9, evidence),), 0.1)

    def config(self) -> dict[str, Any]:
        return {"builder": BUILDER, "arguments": {"size": self._size}}

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def files(self) -> dict[str, str]:
        return {"means.json": json.dumps(self._means)}

    def restore(self, tensors: Mapping[str, Tensor], files: Mapping[str, str]) -> None:
        self._means = json.loads(files["means.json"])


def _mean(pixels: Any) -> Any:
    return pixels.reshape(-1, 3).mean(axis=0)


def install(patch: pytest.MonkeyPatch) -> None:
    """Puts the model into the catalogue of models."""
    patch.setattr(catalog, "CATALOG", catalog.CATALOG)
    patch.setitem(catalog.CATALOG, BUILDER, MeanColour)  # type: ignore[arg-type]


def write_recipe(path: Path) -> Path:
    path.write_text(f"model: {{builder: {BUILDER}}}\nrelearn: true\ngate: {{kind: none}}\n", encoding="utf-8")
    return path


def write_shop(folder: Path, rows: int = 60, *, empty: int = 10, column: bool = True) -> Path:
    """A table of so many products, whose last cells are empty; each has a picture of its colour, by path in a
    column or by id. The titles say nothing."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    path = folder / "shop.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "title", *(["image"] if column else []), ATTRIBUTE])
        for number in range(rows):
            colour = list(COLOURS)[number % len(COLOURS)]
            shade = [int(np.clip(part + draw.integers(-15, 15), 0, 255)) for part in COLOURS[colour]]
            Image.new("RGB", (20, 16), tuple(shade)).save(folder / "images" / f"p{number}.png")
            place = [f"images/p{number}.png"] if column else []
            out.writerow(
                [f"p{number}", f"thing no. {number}", *place, "" if number >= rows - empty else colour]
            )
    return path
