"""Drawn tops whose values are easily taken for each other: three lengths of sleeve, four necklines.

Sleeves end where they like around their length, so that a short one at its longest and an elbow sleeve at its
shortest are close; crew and scoop, and crew and boat, differ in depth and width alone. The title names no
value; one of its words often goes with a sleeve's length, and another with a neckline.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from attrex.core import Attribute, Picture, Product, Source, Stated
from attrex.schema import Schema
from attrex.supervision.pool import Label, Pool

SLEEVE = Attribute("Sleeve Style", values=("Short Sleeve", "Elbow Sleeve", "Long Sleeve"))
NECK = Attribute("Neckline", values=("Crew Neck", "Scoop Neck", "Boat Neck", "V Neck"))
ATTRIBUTES = (SLEEVE, NECK)
SCHEMA = Schema(list(ATTRIBUTES))
SIMILAR = {
    frozenset(pair)
    for pair in (
        ("Short Sleeve", "Elbow Sleeve"),
        ("Elbow Sleeve", "Long Sleeve"),
        ("Crew Neck", "Scoop Neck"),
        ("Crew Neck", "Boat Neck"),
    )
}
"""Pairs of values that are easily confused."""
WORDS = {
    "Short Sleeve": ("beach", "summer", "holiday"),
    "Elbow Sleeve": ("office", "spring", "city"),
    "Long Sleeve": ("winter", "ski", "evening"),
    "Crew Neck": ("sport", "gym"),
    "Scoop Neck": ("dance", "party"),
    "Boat Neck": ("sailor", "harbour"),
    "V Neck": ("tennis", "club"),
}
"""Words that go with a value, in so many of its titles; else any of the attribute's."""
TELLING = {"Sleeve Style": 0.6, "Neckline": 0.4}
CLOTH = {
    "red": (200, 40, 45),
    "blue": (45, 80, 200),
    "green": (50, 150, 70),
    "yellow": (225, 200, 60),
    "purple": (125, 60, 165),
    "brown": (110, 75, 45),
    "grey": (125, 125, 130),
    "pink": (225, 140, 180),
}
CAPTIONS = (
    Attribute("Cloth", values=tuple(CLOTH)),
    Attribute("Arms", values=("nearly bare", "half covered", "covered")),
    Attribute("Opening", values=("small and round", "deep and round", "wide", "pointed")),
)
"""What others would have said of the pictures, in words of their own: what encoders are trained on first."""
_LENGTH = {"Short Sleeve": (0.34, 0.06), "Elbow Sleeve": (0.56, 0.06), "Long Sleeve": (0.9, 0.08)}
_NECK = {
    "Crew Neck": (0.2, 0.16),
    "Scoop Neck": (0.22, 0.4),
    "Boat Neck": (0.4, 0.15),
    "V Neck": (0.22, 0.42),
}
"""Half the width, and the depth."""
_FINE = 2


def tops(count: int, *, side: int, seed: int) -> list[Product]:
    """So many, with everything stated and pictures of ``side`` pixels."""
    return [_top(number, side, np.random.default_rng([seed, number])) for number in range(count)]


def _top(number: int, side: int, rng: np.random.Generator) -> Product:
    values = {a.name: a.values[int(rng.integers(len(a.values)))] for a in ATTRIBUTES}
    words = []
    for attribute in ATTRIBUTES:
        told = values[attribute.name]
        if rng.random() > TELLING[attribute.name]:
            told = attribute.values[int(rng.integers(len(attribute.values)))]
        words.append(WORDS[told][int(rng.integers(len(WORDS[told])))])
    cloth = tuple(CLOTH)[int(rng.integers(len(CLOTH)))]
    picture = Picture(f"{number}.png", _drawn(values, cloth, side, rng))
    told = {"Cloth": cloth}
    for caption, attribute in zip(CAPTIONS[1:], ATTRIBUTES, strict=True):
        told[caption.name] = caption.values[attribute.values.index(values[attribute.name])]
    stated = {name: (Stated(value),) for name, value in (values | told).items()}
    return Product(str(number), "Tops", (Source("title", " ".join([*words, "top"])),), (picture,), stated)


def _drawn(values: dict[str, str], cloth: str, side: int, rng: np.random.Generator) -> np.ndarray:
    full = side * _FINE
    image = Image.new("RGB", (full, full), tuple(rng.integers(150, 240, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(4, 9))):
        x, y = rng.uniform(0, full, 2)
        half = rng.uniform(0.02, 0.07) * full
        pen.ellipse((x - half, y - half, x + half, y + half), fill=tuple(rng.integers(90, 240, 3).tolist()))
    scale, angle = full * rng.uniform(0.36, 0.43), rng.uniform(-0.12, 0.12)
    middle = full / 2 + rng.uniform(-0.05, 0.05, 2) * full
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def placed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [tuple(middle + scale * (turn @ np.array(p))) for p in points]

    dyed = np.array(CLOTH[cloth]) + rng.integers(-18, 19, 3)
    shade = tuple(np.clip(dyed, 0, 255).tolist())
    mean, spread = _LENGTH[values["Sleeve Style"]]
    length = mean + rng.uniform(-spread, spread)
    for mirror in (-1, 1):
        reach = (mirror * (0.45 + 0.5 * length), -0.8 + 1.3 * length)
        inner = (mirror * (0.45 + 0.5 * length - 0.22), -0.72 + 1.3 * length)
        pen.polygon(placed([(mirror * 0.45, -0.85), reach, inner, (mirror * 0.42, -0.4)]), fill=shade)
    pen.polygon(placed([(-0.48, -0.85), (0.48, -0.85), (0.46, 0.9), (-0.46, 0.9)]), fill=shade)
    wide, deep = (own * rng.uniform(0.85, 1.15) for own in _NECK[values["Neckline"]])
    skin = tuple(np.clip(np.array([225, 180, 150]) + rng.integers(-50, 25), 0, 255).tolist())
    if values["Neckline"] == "V Neck":
        opening = [(-wide, -0.87), (wide, -0.87), (0.0, -0.87 + deep)]
    else:
        turns = np.linspace(0, np.pi, 16)
        opening = [(wide * np.cos(t), -0.87 + deep * np.sin(t)) for t in turns]
    pen.polygon(placed(opening), fill=skin)
    small = np.asarray(image.resize((side, side), Image.Resampling.LANCZOS), dtype=np.float64)
    return np.clip(small + rng.normal(0, 5, small.shape), 0, 255).astype(np.uint8)


def few(products: Sequence[Product], per_value: int | None) -> Pool:
    """What is known of so many products a value (None: of all), the others' cells unknown to who learns."""
    seen: defaultdict[tuple[str, str], int] = defaultdict(int)
    labels: list[Label] = []
    kept: list[Product] = []
    for product in products:
        own: list[Label] = []
        for attribute in ATTRIBUTES:
            (value,) = product.stated[attribute.name]
            if per_value is None or seen[attribute.name, value.text] < per_value:
                seen[attribute.name, value.text] += 1
                own.append(Label(len(kept), attribute, "unlocated", (value.text,)))
        if own:
            labels += own
            names = {label.attribute.name for label in own}
            stated = {name: value for name, value in product.stated.items() if name in names}
            kept.append(replace(product, stated=stated))
    return Pool(kept, labels, SCHEMA)


def captioned(products: Sequence[Product]) -> Pool:
    """What the captions say of products; the words of their titles go with it as in any other top."""
    labels = [
        Label(at, caption, "unlocated", (product.stated[caption.name][0].text,))
        for at, product in enumerate(products)
        for caption in CAPTIONS
    ]
    return Pool(products, labels, Schema(list(CAPTIONS)))


def without_text(products: Sequence[Product]) -> list[Product]:
    """Their titles say "top"."""
    return [replace(product, sources=(Source("title", "top"),)) for product in products]
