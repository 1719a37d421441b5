"""A look before the leap: what fitting would learn from, and how long it would take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from attrex.api.few_labels import few_labels
from attrex.api.fitting import (
    GivenSchema,
    build,
    known_of,
    learn,
    notes_on,
    parts_of,
    see_pictures,
    settings_of,
    settle_schema,
)
from attrex.api.gating import GateReport, learn_gate, picture_size
from attrex.api.products import stream_products
from attrex.api.recipe import Recipe
from attrex.core import Product
from attrex.errors import InputError
from attrex.io.pictures import PictureAccess
from attrex.io.rows import Reader
from attrex.models.folder import StorableModel
from attrex.models.interface import Learner, Warming
from attrex.schema import Schema
from attrex.supervision.distant import LabelReport, label
from attrex.supervision.pool import Pool

if TYPE_CHECKING:
    from rich.console import RenderableType


EXAMPLES = 10
TIMED = 300
"""Products on which learning is tried, to tell how long all of it takes."""
WARMED = 32
"""The same for what a part of a model learns by itself first."""
MORE = 4
"""By how many times more examples each training step that is tried has."""
ENOUGH = 4
"""Seconds that a step may take for it to be tried, by the one before."""


@dataclass(frozen=True, slots=True)
class Preview:
    """``mapping``: (column, role, name, reason), empty where the format has no columns. ``attributes``:
    per attribute the cells filled and askable, and the share of values found in the texts. ``examples``:
    (product id, attribute, value, as found in the text). ``seconds`` expected;
    fewer where training stops early. ``gate``: what it would spare, None where there would be none.
    ``pictured``: products for which a picture is named; ``readable``: those of which one can be read, None
    where the model reads none."""

    file: str
    format: str
    recipe: str
    products: int
    categories: int
    mapping: tuple[tuple[str, str, str, str], ...]
    attributes: tuple[tuple[str, int, int, float | None], ...]
    examples: tuple[tuple[str, str, str, str], ...]
    notes: tuple[str, ...]
    seconds: float
    gate: GateReport | None = None
    pictured: int = 0
    readable: int | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "file": self.file,
            "format": self.format,
            "recipe": self.recipe,
            "products": self.products,
            "categories": self.categories,
            "mapping": [
                {"column": column, "role": role, "name": name, "reason": reason}
                for column, role, name, reason in self.mapping
            ],
            "attributes": [
                {"attribute": name, "filled": filled, "cells": cells, "share_located": share}
                for name, filled, cells, share in self.attributes
            ],
            "examples": [
                {"product_id": id, "attribute": name, "value": value, "found": found}
                for id, name, value, found in self.examples
            ],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 1),
            "gate": None if self.gate is None else self.gate.to_json(),
            "pictured": self.pictured,
            "readable": self.readable,
        }


def preview(
    reader: Reader,
    *,
    schema: GivenSchema | None = None,
    recipe: Recipe,
    complete: bool = False,
    pictures: PictureAccess | None = None,
    seed: int = 0,
) -> Preview:
    """Reads and labels everything, pictures included where the model reads them; learns a gate only. Raises
    what ``fit`` would raise of the data."""
    begun = time.monotonic()
    products = list(stream_products(reader, known_of(schema)))
    if not products:
        raise InputError("there is no product to learn from", file=reader.path, fix="give at least one row")
    products, drawn = few_labels(products, recipe.labels_per_value, complete=complete, seed=seed)
    settled = settle_schema(schema, reader, products)
    model = build(recipe.builder, recipe.arguments)
    pictured = sum(bool(product.pictures) for product in products)
    size = picture_size(model, recipe.gate)
    products, told = see_pictures(products, size, pictures or PictureAccess.beside(reader))
    pool, report = label(products, settled, complete=complete)
    read = time.monotonic() - begun
    learning = _expected(model, pool, recipe, seed)
    parts = parts_of(products, recipe, seed)
    apart = parts.pop("calibrate", [])
    gated = learn_gate(
        [product for part in parts.values() for product in part],
        apart,
        settled,
        recipe.gate,
        complete=complete,
    )
    return Preview(
        reader.path,
        reader.format,
        recipe.name,
        len(products),
        len({p.category for p in products if p.category is not None}),
        tuple((c.name, c.role, c.target, c.reason) for c in (reader.mapping or {}).values()),
        _rates(products, settled, report),
        _examples(report),
        (*drawn, *notes_on(products, settled, reader), *told),
        read + learning,
        None if gated is None else gated[1],
        pictured,
        None if size is None else sum(bool(product.pictures) for product in products),
    )


def _rates(
    products: Sequence[Product], schema: Schema, report: LabelReport
) -> tuple[tuple[str, int, int, float | None], ...]:
    cells: Counter[str] = Counter()
    for category, number in Counter(p.category for p in products).items():
        for attribute in schema.of(category):
            cells[attribute.name] += number
    return tuple(
        (name, counts.filled, cells[name], counts.share_located)
        for name, counts in sorted(report.attributes.items(), key=lambda item: (-item[1].filled, item[0]))
    )


def _examples(report: LabelReport) -> tuple[tuple[str, str, str, str], ...]:
    """A few of every attribute in turn, so that none fills the list alone."""
    found: list[tuple[str, str, str, str]] = []
    for depth in range(EXAMPLES):
        for name, counts in report.attributes.items():
            if depth < len(counts.examples) and len(found) < EXAMPLES:
                id, value, text = counts.examples[depth]
                found.append((id, name, value, text))
    return tuple(found)


def _expected(model: StorableModel, pool: Pool, recipe: Recipe, seed: int) -> float:
    """Seconds that learning will take, by trying a part of it."""
    indices = range(min(TIMED, len(pool.products)))
    labels = [each for each in pool.labels if each.product in indices]
    part = Pool([pool.products[i] for i in indices], labels, pool.schema)
    settings = settings_of(recipe, seed)
    if settings is not None:
        epochs = settings.epochs_over(len(pool.products))
        share = len(pool.products) / len(indices)
        learner = cast(Learner, model)
        seconds = _training_time(learner, part, settings.batch) * epochs * share
        return seconds + _warming_time(learner, part) * len(pool.products)
    begun = time.monotonic()
    learn(model, part, [], recipe, None, lambda line: None, complete=False, seed=seed)
    return (time.monotonic() - begun) * len(pool.products) / len(indices)


def _training_time(learner: Learner, part: Pool, size: int) -> float:
    """Seconds for an epoch over the part in batches of ``size``. Tried is a step with one example, then with
    ever more, as long as none takes long; a step costs something of its own, and so much an example."""
    learner.begin(part)
    examples = sorted(learner.examples(part, 0), key=learner.length)
    if not examples:
        return 0.0
    learner.network.train()
    most = min(size, len(examples))
    _step(learner, examples, 1)  # the first takes longer
    number, before = 1, 0.0
    took = _step(learner, examples, 1)
    each = took
    while number < most and MORE * took <= ENOUGH:
        before, fewer, number = took, number, min(most, MORE * number)
        took = _step(learner, examples, number)
        each = max(0.0, took - before) / (number - fewer)
    return (took + each * (most - number)) * len(examples) / most


def _warming_time(learner: Learner, part: Pool) -> float:
    """Seconds a product of what a part of the model learns by itself, by trying a few."""
    if not isinstance(learner, Warming):
        return 0.0
    few = min(WARMED, len(part.products))
    labels = [each for each in part.labels if each.product < few]
    begun = time.monotonic()
    learner.warm_up(Pool(part.products[:few], labels, part.schema), lambda line: None)
    return (time.monotonic() - begun) / few


def _step(learner: Learner, examples: Sequence[Any], number: int) -> float:
    """The seconds of a step with so many examples, drawn evenly from the shortest to the longest."""
    batch = [examples[(2 * at + 1) * len(examples) // (2 * number)] for at in range(number)]
    begun = time.monotonic()
    learner.network(learner.collate(batch))["loss"].backward()
    return time.monotonic() - begun


def preview_terminal(seen: Preview) -> RenderableType:
    """Tables for the terminal."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from attrex.report.numbers import counted, percent

    def table(title: str, *heads: str) -> Table:
        made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for head in heads:
            made.add_column(head, overflow="fold")
        return made

    parts: list[RenderableType] = [
        Text(
            f"{seen.file}: format {seen.format}, {counted(seen.products, 'product')}, "
            f"{counted(seen.categories, 'category', 'categories')}",
            style="bold",
        )
    ]
    if seen.mapping:
        columns = table("Columns", "column", "is", "called", "because")
        for row in seen.mapping:
            columns.add_row(*map(Text, row))
        parts.append(columns)
    rates = table("Attributes", "attribute", "filled", "of", "fill rate", "found in the text")
    for name, filled, cells, share in seen.attributes:
        rate = percent(filled / cells if cells else None)
        rates.add_row(Text(name), f"{filled:,}", f"{cells:,}", rate, percent(share))
    parts.append(rates)
    examples = table("Examples", "product", "attribute", "cell", "in the text")
    for row in seen.examples:
        examples.add_row(*map(Text, row))
    parts.append(examples)
    if seen.pictured:
        named = f"{counted(seen.pictured, 'product')} {'has' if seen.pictured == 1 else 'have'} a picture"
        read = None if seen.readable is None else f"of {seen.readable:,} one can be read"
        parts.append(Text(f"{named}; {read or 'this set-up reads none'}."))
    parts += [Text(f"note: {note}") for note in seen.notes]
    if seen.gate is not None:
        parts.append(Text(str(seen.gate)))
    minutes, rest = divmod(round(seen.seconds), 60)
    parts.append(Text(f"Fitting with the recipe {seen.recipe} will take about {minutes} min {rest} s."))
    return Group(*parts)
