"""Ten products, as a shop would write them, with everything known of three attributes. Most have a picture,
in which nothing is to be seen but that it is another one."""

from __future__ import annotations

import numpy as np

from attrex.core import Attribute, Picture, Printed, Product, Source, Stated
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.supervision.pool import Pool

COLOUR = Attribute("Colour", "what the eye sees first", examples=("teal", "dark red"))
MATERIAL = Attribute("Material", "what it is made of", examples=("linen",))
SIZE = Attribute("Size", "how large it is")
SCHEMA = Schema([COLOUR, MATERIAL, SIZE])
NAMES = [attribute.name for attribute in SCHEMA.every]

SIDE = 56

UNSEEN = Attribute("Fastening", "how it closes", examples=("zip", "button"))
"""No model has been trained on it."""


def product(
    id: str, category: str | None, title: str, stated: dict[str, str | None], **texts: str
) -> Product:
    """``stated``: a value, None for "has none", no key for unknown. Five has no picture, and ten neither;
    nine's bullets were read on its picture."""
    printed = read_on(f"{id}.png", texts["bullets"]) if id == "9" and "bullets" in texts else ()
    sources = (Source("title", title), *(Source(name, text, printed) for name, text in texts.items()))
    cells = {name: () if value is None else (Stated(value),) for name, value in stated.items()}
    pictures = () if id in ("5", "10") else (picture(id),)
    return Product(id, category, sources, pictures, cells)


def read_on(location: str, text: str) -> tuple[Printed, ...]:
    """Sentence by sentence, each a line."""
    lines, start = [], 0
    for at, sentence in enumerate(text.split(".")[:-1]):
        end, top = start + len(sentence) + 1, 20.0 * at
        corners = ((5.0, top), (200.0, top), (200.0, top + 12), (5.0, top + 12))
        lines.append(Printed(start, end, location, corners, 0.9))
        start = end
    return tuple(lines)


def picture(id: str) -> Picture:
    """Noise of the product's own, of the size that the models of the table want."""
    draw = np.random.default_rng([len(id), *id.encode()])
    return Picture(f"{id}.png", draw.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


PRODUCTS = [
    product("1", "Hats", "Red cotton hat, size L", {"Colour": "Red", "Material": "cotton", "Size": "L"}),
    product("2", "Hats", "Wool cap in dark blue", {"Colour": "dark blue", "Material": "Wool", "Size": None}),
    product("3", "Mugs", "Steel mug 40 cm", {"Colour": None, "Material": "Steel", "Size": "40 cm"}),
    product("4", "Mugs", "Green mug", {"Colour": "Green", "Material": None, "Size": None}),
    product("5", "Hats", "Silk scarf", {"Colour": None, "Material": "Silk"}),
    product("6", None, "Blue\U0001f600 cotton\U0001f9e2 cap", {"Colour": "Blue", "Material": "cotton"}),
    product("7", "Mugs", "שלום red glass mug 😀", {"Colour": "red", "Material": "glass", "Size": None}),
    product("8", "Hats", "Cafe\u0301 brown felt hat", {"Colour": "brown", "Material": "felt"}),
    product(
        "9",
        "Hats",
        "Plain hat",
        {"Colour": "sand", "Material": "straw", "Size": None},
        bullets="For beach and for garden, for the sun and for the rain. Colour sand, weave straw.",
    ),
    product("10", "Mugs", "Mug", {"Colour": None, "Material": None, "Size": "12 cm"}, bullets="12 cm high"),
]


def pool() -> Pool:
    """The ten with distant labels."""
    return label(PRODUCTS, SCHEMA)[0]
