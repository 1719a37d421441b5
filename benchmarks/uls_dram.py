"""Gender, article type and base colour of fashion products, from their names and photographs.

``fashion/`` has 60 x 80 pixels a photograph. A fifth of the names is the report part. What the name does not
state, only the photograph can tell: those asks are counted apart, and each model is compared with the
text-only one, which has the same head over known values, on the same products (paired).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from attrex.api.fitting import see_pictures
from attrex.core import Attribute, Product, Stated
from attrex.evaluation import Judged, compare, report
from attrex.io.pictures import PictureAccess
from attrex.io.reader import open_reader
from attrex.schema import Schema
from attrex.supervision.splits import folds
from attrex.text.matching import locate
from pictured import PICTURE_ONLY, PLAIN, TEXT_ONLY, VARIANTS, Said, fitted, said_by, variant, without_words
from record import DATA, write

GENDER, TYPE, COLOUR = "gender", "articleType", "baseColour"
SCHEMA = Schema([Attribute(GENDER), Attribute(TYPE), Attribute(COLOUR)])
SIDE = 56


def products_of(data: Path, most: int) -> list[Product]:
    """The first of them, with their photographs; the article type is an attribute here, not a category."""
    reader = open_reader(data / "fashion/styles.csv", format="fashion")
    made = []
    for row in reader:
        product = row.product
        stated = {name: product.stated[name] for name in (GENDER, COLOUR) if product.stated.get(name)}
        if product.category:
            stated[TYPE] = (Stated(product.category),)
        made.append(replace(product, category=None, stated=stated))
        if len(made) == most:
            break
    return see_pictures(made, SIDE, PictureAccess(reader.folder))[0]


def unstated(judged: Sequence[Judged], names: dict[str, str]) -> list[Judged]:
    """Asks for article type and colour whose value the product's name does not state."""
    return [
        one
        for one in judged
        if one.attribute in (TYPE, COLOUR)
        and one.gold
        and not any(locate(value, names[one.product_id]) for value in one.gold)
    ]


def points(against: Sequence[Judged], judged: Sequence[Judged]) -> str:
    """Points of F1 above the other, with the paired interval."""
    found = compare(against, judged, matching="folded").micro
    if found.interval is None:
        return f"{100 * found.difference:+.1f}"
    return f"{100 * found.difference:+.1f} ({100 * found.interval[0]:+.1f} to {100 * found.interval[1]:+.1f})"


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--products", type=int, default=4000)
    options.add_argument("--epochs", type=int, default=8)
    options.add_argument("--seeing", type=int, default=12, help="epochs of the vision encoder alone, before")
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--widths", type=int, nargs=4, default=[16, 32, 64, 128])
    options.add_argument("--models", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options.add_argument("--quick", action="store_true", help="300 products, one epoch, tiny: a trial")
    options.add_argument("--name", default="uls_dram")
    options.add_argument(
        "--keep", type=Path, help="folder for finished models, so that a stopped run goes on"
    )
    given = options.parse_args()
    products = products_of(given.data, 300 if given.quick else given.products)
    outside = set(folds(products, 5, 0)[0])
    held = [products[at] for at in sorted(outside)]
    rest = [product for at, product in enumerate(products) if at not in outside]
    names = {p.id: p.text("title") or "" for p in held}
    said: dict[str, Said] = {}
    seconds: dict[str, float] = {}
    for name in given.models:
        seeing = 1 if given.quick else given.seeing
        vision = {"vision_size": SIDE, "vision_widths": given.widths, "vision_epochs": seeing}
        epochs = 1 if given.quick else given.epochs
        recipe = variant(name, epochs=epochs, batch=given.batch, quick=given.quick, vision=vision)
        own_rest, own_held = rest, held
        if name == PICTURE_ONLY:
            own_rest, own_held = without_words(rest), without_words(held)
        extractor, seconds[name] = fitted(recipe, own_rest, SCHEMA, given.keep)
        kept = given.keep and given.keep / f"{recipe.name.replace(' ', '-')}.json"
        said[name] = said_by(extractor, own_held, kept)
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    for name, own in said.items():
        told = report(own.judged, name=name, matching="folded")
        hidden, guessed = unstated(own.judged, names), unstated(own.best, names)
        apart = report(hidden, name=name, matching="folded")
        best = report(guessed, name=name, matching="folded")
        row: list[Any] = [name, told.micro.scores.f1]
        row += [told.per_attribute[a].scores.f1 for a in (GENDER, TYPE, COLOUR)]
        row += [len(hidden), apart.micro.scores.f1, best.micro.scores.f1]
        for other in (TEXT_ONLY, PLAIN):
            beside = said.get(other) if other != name else None
            row.append(points(unstated(beside.judged, names), hidden) if beside else "")
            row.append(points(unstated(beside.best, names), guessed) if beside else "")
        row += [
            points(said[PLAIN].judged, own.judged) if PLAIN in said and name != PLAIN else "",
            f"{seconds[name]:.0f}",
        ]
        rows.append(row)
        raw[name] = {
            "all": told.to_json(),
            "not in the name": apart.to_json(),
            "not in the name, best proposals": best.to_json(),
        }
    write(
        given.name,
        "ULS-DRAM on fashion products: name and photograph",
        [
            "model",
            "F1",
            "gender",
            "article type",
            "base colour",
            "asks not in the name",
            "F1 of those",
            "F1 of those, best proposals",
            "points above text only",
            "points above text only, best proposals",
            "points above concatenation",
            "points above concatenation, best proposals",
            "points above it on all",
            "s a fit",
        ],
        rows,
        [
            f"{len(rest)} products learnt from, {len(held)} judged, grouped by name; one seed.",
            "Values are compared in their canonical form, as the catalogue writes them, letter case aside. "
            "Asks not in the name: article type and base colour whose value the name does not state. "
            "Best proposals: where the model says its best proposal, however unsure of it. Points: of F1, "
            "with the paired 95 % interval over products.",
            "All have the head over known values; those that see have one of the picture alone beside it. "
            f"MiniLM, and a small ResNet learnt from nothing, first {given.seeing} epochs of pictures alone.",
        ],
        raw,
    )


if __name__ == "__main__":
    main()
