"""The drawn catalogue, whose pictures decide: between two values that a title names, or with none named.

Besides: how much of TIR's attention lies where the value is to be seen, beside that region's share of the
picture (``--variants`` that join by TIR), as in ULS-DRAM's Figures 6 and 7.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import attrex
from attrex.api.fitting import see_pictures
from attrex.core import Product, Span, Stated
from attrex.evaluation import Judged, compare
from attrex.evaluation.judged import judge
from attrex.extract import Request
from attrex.io.pictures import PictureAccess
from attrex.io.reader import open_reader
from attrex.models.interface import Attending
from attrex.sample.drawn import DrawnProduct, read_regions, write_catalogue
from attrex.schema import Schema, read_schema
from pictured import PLAIN, TEXT_ONLY, TIR, ULS_DRAM, VARIANTS, fitted, variant
from record import write

SIDE = 112
TABLES = {"test.csv": "test", "held_out.csv": "held out"}
TASKS = ("named", "unnamed")


def read(folder: Path, table: str) -> list[Product]:
    """With their pictures."""
    products = [row.product for row in open_reader(folder / table)]
    return see_pictures(products, SIDE, PictureAccess(folder))[0]


def asked(products: Sequence[Product], truth: Mapping[str, DrawnProduct], schema: Schema) -> list[Request]:
    """What only the picture decides: the attributes of which the title names two values, or all of a product
    whose title names none. The products say what the picture shows."""
    requests = []
    for product in products:
        drawn = truth[product.id]
        names = drawn.rivals if drawn.task == "named" else drawn.values
        stated = {name: (Stated(drawn.values[name]),) for name in names}
        own = [a for a in schema.of(product.category) if a.name in names]
        requests.append(Request(replace(product, stated=stated), own))
    return requests


def answers(extractor: attrex.Extractor, requests: Sequence[Request]) -> list[Judged]:
    """The first proposal of each, whatever its probability: every ask here has a value."""
    judged = []
    for result in extractor.run(requests):
        product = result.request.product
        for extraction in result.extractions:
            one = judge(product, extraction, product.stated[extraction.attribute])
            if not one.predicted and extraction.alternatives:
                one = replace(one, predicted=(extraction.alternatives[0].text,))
            judged.append(one)
    return judged


def share_right(judged: Sequence[Judged]) -> float:
    """Of all asks."""
    return sum(one.predicted[:1] == one.gold[:1] for one in judged) / len(judged)


def within(
    grid: Sequence[Sequence[float]], boxes: Sequence[Sequence[float]], size: int
) -> tuple[float, float]:
    """The attention's mass within the boxes, and their share of the picture; a patch that lies partly inside
    counts by its part."""
    seen = np.zeros((size, size), dtype=bool)
    for left, top, right, bottom in boxes:
        seen[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
    shares = np.asarray(grid)
    edges = np.linspace(0, size, len(shares) + 1).round().astype(int)
    parts = np.array([[seen[a:b, c:d].mean() for c, d in pairwise(edges)] for a, b in pairwise(edges)])
    return float((shares * parts).sum()), float(seen.mean())


def heat(
    extractor: attrex.Extractor, requests: Sequence[Request], truth: Mapping[str, DrawnProduct], size: int
) -> dict[str, list[float]]:
    """By attribute, of each true value that a title names: mass within the region over its share."""
    model = extractor.model
    assert isinstance(model, Attending)
    ratios: defaultdict[str, list[float]] = defaultdict(list)
    for request in requests:
        drawn, product = truth[request.product.id], request.product
        for name in drawn.rivals:
            start = drawn.title.find(drawn.values[name])
            grid = model.attention(product, Span("title", start, start + len(drawn.values[name])))
            if grid is not None:
                mass, share = within(grid, drawn.regions[name], size)
                ratios[name].append(mass / share)
    return dict(ratios)


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--products", type=int, default=6000, help="three fifths of them are learnt from")
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--seeing", type=int, default=12, help="epochs of the vision encoder alone, before")
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--widths", type=int, nargs=4, default=[16, 32, 64, 128])
    options.add_argument("--encoder", default="bilstm", choices=["bilstm", "pretrained"])
    options.add_argument(
        "--variants", nargs="+", default=[TEXT_ONLY, PLAIN, TIR, ULS_DRAM], choices=list(VARIANTS)
    )
    options.add_argument("--quick", action="store_true", help="100 products, one epoch, tiny: a trial")
    options.add_argument("--name", default="uls_dram_drawn")
    options.add_argument(
        "--keep", type=Path, help="folder for finished models, so that a stopped run goes on"
    )
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_catalogue(folder, products=100 if given.quick else given.products, size=SIDE)
        schema, truth = read_schema(folder / "schema.yaml"), {p.id: p for p in read_regions(folder)}
        train = read(folder, "train.csv")
        requests = {table: asked(read(folder, table), truth, schema) for table in TABLES}
    text = (
        {"encoder": "bilstm", "embedding": 64, "width": 64, "dropout": 0.2, "at_least": 2}
        if given.encoder == "bilstm"
        else {}
    )
    judged: dict[str, dict[str, list[Judged]]] = {}
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    for name in given.variants:
        seeing = 1 if given.quick else given.seeing
        vision = {"vision_size": SIDE, "vision_widths": given.widths, "vision_epochs": seeing}
        epochs = 1 if given.quick else given.epochs
        recipe = variant(name, epochs=epochs, batch=given.batch, quick=given.quick, vision=vision, **text)
        extractor, seconds = fitted(recipe, train, schema, given.keep)
        judged[name] = {table: answers(extractor, own) for table, own in requests.items()}
        row: list[Any] = [name]
        told: dict[str, Any] = {}
        for table, label in TABLES.items():
            for task in TASKS:
                own = [one for one in judged[name][table] if one.product_id.startswith(f"{task}-")]
                row.append(share_right(own))
                by_name = {a: [one for one in own if one.attribute == a] for a in {o.attribute for o in own}}
                told[f"{label}, {task}"] = {a: share_right(each) for a, each in sorted(by_name.items())}
        both = [one for table in TABLES for one in judged[name][table]]
        against = [one for table in TABLES for one in judged.get(TEXT_ONLY, judged[name])[table]]
        found = compare(against, both).micro
        row.append(f"{100 * found.difference:+.1f}" if name != TEXT_ONLY and TEXT_ONLY in judged else "")
        ratios = (
            heat(extractor, requests["test.csv"], truth, SIDE)
            if VARIANTS[name][1].get("joined") == "tir"
            else {}
        )
        each = [ratio for own in ratios.values() for ratio in own]
        row.append(f"{np.mean([r >= 2 for r in each]):.3f}" if each else "")
        rows.append([*row, f"{seconds:.0f}"])
        raw[name] = {"right": told, "mass over share": ratios}
    write(
        given.name,
        "ULS-DRAM on the drawn catalogue: where only the picture decides",
        [
            "model",
            *(f"{label}, {task}" for label in TABLES.values() for task in TASKS),
            "points above text only",
            "heat maps with twice the share",
            "s a fit",
        ],
        rows,
        [
            "Share of the asks that are answered rightly. Named: the title names two values of the "
            "attribute; unnamed: none. Held out: pairs of colour and pattern that training never shows.",
            "Heat maps: of the true values that titles of the test part name, those whose word has at least "
            "twice as much of its attention within the region where the value is to be seen as the region "
            "has of the picture.",
            f"{len(train)} products learnt from; text encoder: {given.encoder}; one seed. The vision encoder "
            f"learns of the pictures alone for {given.seeing} epochs first.",
        ],
        raw,
    )


if __name__ == "__main__":
    main()
