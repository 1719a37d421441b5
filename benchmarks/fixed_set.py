"""The fixed set of the ablations: 400 report titles, 800 others to learn from, and runs on it that are kept.

The two share no title, and are the same for every row and seed. Nothing is calibrated: a value counts where
the model gives it one half or more, so that all titles are learnt from and no threshold's chance stands
between two rows.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from attrex.api.extractor import Extractor
from attrex.api.fitting import build, learn, settings_of, try_on
from attrex.api.recipe import Recipe
from attrex.api.scoring import judge_all
from attrex.core import Attribute, Product, content_hash
from attrex.evaluation import Judged, report
from attrex.io.reader import open_reader
from attrex.models.interface import Costed
from attrex.resolve import reachable_f1
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.supervision.splits import split
from attrex.text.reading import read
from attrex.text.windows import cut

REPORT, TRAIN = 400, 800


@dataclass(frozen=True, slots=True)
class Origin:
    """A file, and of how many of its cells a training title keeps at most: what bounds an epoch's time."""

    path: str
    format: str
    cells: int


SETS = {
    "ae-110k": Origin("extractgpt/ae-110k/train.jsonl", "extractgpt", 16),
    "oa-mine": Origin("extractgpt/oa-mine/train.jsonl", "extractgpt", 4),
    "wdc-pave": Origin("wdc_pave/wdc_with_all_attributes/train_large.jsonl", "wdc-pave", 4),
}


@dataclass(frozen=True, slots=True)
class FixedSet:
    """``train`` and ``report`` share no title."""

    name: str
    schema: Schema
    train: Sequence[Product]
    report: Sequence[Product]

    @property
    def told(self) -> str:
        """For a table's notes."""
        return f"{self.name}: {len(self.report)} report titles, {len(self.train)} learnt from"


def fixed_set(data: Path, name: str, *, quick: bool = False) -> FixedSet:
    """The set of that name; ``quick``: a twentieth of it."""
    origin = SETS[name]
    reader = open_reader(data / origin.path, format=origin.format)
    products = [row.product for row in reader]
    random.Random(name).shuffle(products)  # a file may stand in the order of its categories
    share = REPORT / len(products)
    parts = split(products, {"report": share, "train": 1 - share}, 0)
    held, rest = ([products[at] for at in parts[part]] for part in ("report", "train"))
    few = 20 if quick else 1
    train = [fewer(product, origin.cells) for product in rest[: TRAIN // few]]
    return FixedSet(name, reader.schema() or Schema(()), train, held[: REPORT // few])


def fewer(product: Product, most: int) -> Product:
    """The product with so many of its cells at most, drawn by its id."""
    names = list(product.stated)
    if len(names) <= most:
        return product
    chosen = set(random.Random(product.id).sample(names, most))
    return replace(product, stated={n: v for n, v in product.stated.items() if n in chosen})


# --- runs ---


@dataclass(frozen=True, slots=True)
class Run:
    """What was answered, by the name of what was asked; ``flops``: of asking all of a category's attributes
    of the report titles, by category: asks, FLOPs to prepare, FLOPs to answer. ``seconds`` of training.
    ``reachable``: F1 on the titles that are costed at the threshold that is best for them: what one half
    makes of a model that is right and not yet sure is told by it."""

    judged: Mapping[str, list[Judged]]
    flops: Mapping[str, tuple[int, float, float]]
    seconds: float
    reachable: float = 0.0

    @property
    def gflops(self) -> float:
        """An ask of any category; describing, once a catalogue, is left out."""
        asks = sum(each[0] for each in self.flops.values())
        return sum(each[1] + each[2] for each in self.flops.values()) / max(1, asks) / 1e9


Ask = Callable[[Any], list[Judged]]
"""What a fitted model answers."""
Fit = Callable[[Recipe, Schema, Sequence[Product], int], Any]
"""A model that has learnt, by a recipe and a seed."""


def fitted(recipe: Recipe, schema: Schema, train: Sequence[Product], seed: int) -> Extractor:
    """A model that has learnt from all of ``train``, uncalibrated."""
    model = build(recipe.builder, recipe.arguments)
    pool = label(train, schema)[0]
    settings = settings_of(recipe, seed)
    learn(model, pool, [], recipe, settings, lambda line: None, complete=False, seed=seed)
    return Extractor(model, schema)


class Kept:
    """Runs in a folder, so that a stopped benchmark goes on."""

    def __init__(self, folder: Path, title: str) -> None:
        self.folder, self.title = folder, title

    def run(
        self,
        what: str,
        recipe: Recipe,
        schema: Schema,
        train: Sequence[Product],
        asks: Mapping[str, Ask],
        costed: Sequence[Product],
        seed: int,
        fit: Fit = fitted,
    ) -> Run:
        """A fit, and the answers to each of ``asks``; ``what`` is for people. One that was kept without some
        of the asks is fitted anew, and keeps them all."""
        told = {k: v for k, v in asdict(recipe).items() if k not in ("name", "description")}
        key = content_hash([told, [asdict(a) for a in schema.every], [_about(p) for p in train], seed])
        path = self.folder / f"{self.title}-{key}.json"
        old = _read(path)
        if old is not None and asks.keys() <= old.judged.keys():
            return old
        begun = time.monotonic()
        model = fit(recipe, schema, train, seed)
        seconds = time.monotonic() - begun
        judged = {**(old.judged if old else {}), **{name: ask(model) for name, ask in asks.items()}}
        made = Run(judged, category_flops(model, costed), seconds, _reachable(model, schema, costed))
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(made)), "utf-8")
        beside.replace(path)
        f1 = ", ".join(f"{name} {micro(own)[2]:.4f}" for name, own in judged.items())
        print(f"{what}, seed {seed}: F1 {f1}; learnt in {seconds:.0f} s", flush=True)
        return made


def _about(product: Product) -> list[Any]:
    stated = {name: [value.text for value in values] for name, values in product.stated.items()}
    return [product.category, [[s.name, s.text] for s in product.sources], stated]


def _read(path: Path) -> Run | None:
    if not path.is_file():
        return None
    content = json.loads(path.read_text("utf-8"))
    judged = {name: [Judged(**tuples(one)) for one in own] for name, own in content["judged"].items()}
    flops = {name: (asks, prepare, answer) for name, (asks, prepare, answer) in content["flops"].items()}
    return Run(judged, flops, content["seconds"], content["reachable"])


def _reachable(model: Any, schema: Schema, products: Sequence[Product]) -> float:
    return reachable_f1(try_on(model.model, schema, products, complete=False)[0]) if products else 0.0


def tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A ``Judged``'s fields as JSON gave them; its spans, which no table needs, are left out."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items() if not k.endswith("_spans")}


def category_flops(model: Any, products: Sequence[Product]) -> dict[str, tuple[int, float, float]]:
    """See ``Run``. Nothing of a model without a formula."""
    inner: Any = model.model
    if not products or not isinstance(inner, Costed) or inner.tokeniser is None:
        return {}
    found: dict[str, tuple[int, float, float]] = {}
    for category in dict.fromkeys(product.category for product in products):
        own = [product for product in products if product.category == category]
        attributes = list(model.schema.of(category))
        windows = cut(own, inner.tokeniser, inner.traits.window)
        readings = read([window.product for window in windows], inner.tokeniser)
        pairs = [(w, a) for w in range(len(windows)) for a in range(len(attributes))]
        cost = inner.cost(readings, attributes, pairs)
        if cost is not None:
            found[str(category)] = (len(own) * len(attributes), cost.prepare, cost.answer)
    return found


def asked(products: Sequence[Product]) -> Ask:
    """All that the products state."""
    return lambda model: judge_all(model, products)


def micro(judged: Sequence[Judged]) -> tuple[float, float, float]:
    """Precision, recall and F1 over all asks."""
    scores = report(judged, resamples=0).micro.scores
    return scores.precision, scores.recall, scores.f1


def filled(products: Sequence[Product]) -> Counter[str]:
    """How many cells each attribute has."""
    return Counter(name for product in products for name, values in product.stated.items() if values)


def known(schema: Schema, names: Sequence[str]) -> list[Attribute]:
    """The schema's attributes of these names, as the first category has them."""
    by_name = {attribute.name: attribute for attribute in schema.every}
    return [by_name[name] for name in names]
