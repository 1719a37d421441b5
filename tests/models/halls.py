"""A made-up warehouse of three halls whose products have different attributes."""

from __future__ import annotations

import random

from attrex.core import Attribute, Product, Source, Stated

RANGES = {
    "Lamps": ("Colour", "Wattage", "Socket"),
    "Rugs": ("Colour", "Pile", "Fibre"),
    "Kettles": ("Colour", "Wattage", "Volume"),
}
WORDS = {
    "Lamps": ("lamp", "light", "shade", "glow"),
    "Rugs": ("rug", "carpet", "runner", "mat"),
    "Kettles": ("kettle", "boiler", "spout", "brew"),
}
NAMES = ("Colour", "Wattage", "Socket", "Pile", "Fibre", "Volume")
ATTRIBUTES = tuple(map(Attribute, NAMES))


def warehouse(
    rows: int = 240, *, seed: int = 0, filled: float = 0.5, categories: bool = True, **more: float
) -> list[Product]:
    """Each cell of a product's range is filled with that chance, ``more`` giving other chances by name."""
    draw = random.Random(seed)
    made = []
    for number in range(rows):
        hall = draw.choice(list(RANGES))
        words = [*draw.sample(WORDS[hall], 2), draw.choice(("grand", "small", "plain")), str(number)]
        draw.shuffle(words)
        stated = {n: (Stated("x"),) for n in RANGES[hall] if draw.random() < more.get(n, filled)}
        category = hall if categories else None
        made.append(Product(f"p{number}", category, (Source("title", " ".join(words)),), stated=stated))
    return made


def hall_of(product: Product) -> str:
    """Whatever its category says."""
    words = set(product.sources[0].text.split())
    return next(hall for hall, own in WORDS.items() if words & set(own))
