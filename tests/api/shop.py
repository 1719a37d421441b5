"""A small made-up shop whose answers are known."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from attrex.core import Product, Source, Stated

BRANDS = ("Acme", "Borealis", "Cindertop", "Dunmore")
COLOURS = ("red", "blue", "green", "black")
SIZES = ("40 cm", "55 cm", "70 cm")
KINDS = {"Lamps": ("floor lamp", "desk lamp"), "Rugs": ("wool rug", "jute rug")}


def shop(rows: int = 200, seed: int = 0, blank: float = 0.3) -> list[Product]:
    """Products whose title states brand, kind, colour and size; each cell blank with that chance."""
    draw = random.Random(seed)
    products = []
    for number in range(rows):
        category = draw.choice(list(KINDS))
        brand, colour, size = draw.choice(BRANDS), draw.choice(COLOURS), draw.choice(SIZES)
        title = f"{brand} {draw.choice(KINDS[category])} No. {number} {colour} {size}"
        known = {"Brand": brand, "Colour": colour, "Size": size}
        stated = {name: (Stated(value),) for name, value in known.items() if draw.random() >= blank}
        products.append(Product(f"p{number}", category, (Source("title", title),), stated=stated))
    return products


COLUMNS = ("Brand", "Colour", "Size")


def write_csv(path: Path, products: list[Product], attributes: tuple[str, ...] = COLUMNS) -> Path:
    """The products as a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "category", "title", *attributes])
        for product in products:
            cells = [product.stated.get(name, ()) for name in attributes]
            title = product.sources[0].text if product.sources else ""
            out.writerow([product.id, product.category, title, *(c[0].text if c else "" for c in cells)])
    return path
