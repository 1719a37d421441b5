"""Values that mostly stand nowhere in the text: ImplicitAVE by text alone, and fashion with its photographs.

``text``: a model for each of ImplicitAVE's domains, learnt from 10, 50, 100 or all labels a value of its
training titles, which come without photographs, and judged on its evaluation rows by their titles alone, so
that what only the photograph shows must be guessed. ``pictures``: gender, article type and base colour of
fashion products from name and photograph, one run a model. An ask is answered by the model's best value,
however sure it is of none; one without any counts as missed.

All models are small, for many are fitted: where others read with MiniLM's six layers, these read with its
first two. A domain's twelve fits took seven minutes of processor time on a busy core.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from attrex.api.extractor import Extractor
from attrex.api.fitting import try_on
from attrex.api.recipe import Recipe, load_recipe
from attrex.core import Attribute, Product
from attrex.evaluation import Judged, Report, report
from attrex.io.reader import open_reader
from attrex.nn.pretrained import CONFIG, MINILM, TOKENISER, WEIGHTS, find_base
from attrex.normalise import Normaliser
from attrex.schema import Schema
from attrex.supervision.sampling import labels_per_value
from attrex.supervision.splits import folds, title_key
from attrex.text.matching import locate
from fixed_set import Ask, Kept
from record import DATA, write
from uls_dram import COLOUR, GENDER, SIDE, TYPE, points, products_of, unstated

PARTS = ("text", "pictures")
DOMAINS = ("Clothing", "Footwear", "Home", "Food", "Jewlery_and_General_Apparel")
"""As the data set spells its folders."""
WIDTHS = [16, 32, 64, 128]
BATCH = 8
LAYERS = 2
"""Of MiniLM, and of EIVEN's decoder."""


@dataclass(frozen=True)
class Row:
    """A recipe, and what of it is otherwise."""

    name: str
    recipe: str
    arguments: Mapping[str, Any]
    rates: Mapping[str, float]

    def made(self, base: Path, *, epochs: int) -> Recipe:
        """Reading with that ``base``; the last weights as they are, for the fits are short."""
        recipe = load_recipe(self.recipe)
        assert recipe.training is not None
        own = {"epochs": epochs, "examples": None, "batch": BATCH, "averaging": 0.0, "patience": None}
        reading = {"base": str(base)} if recipe.arguments["base"] == MINILM else {}
        return replace(
            recipe,
            arguments={**recipe.arguments, **reading, **self.arguments},
            training={**recipe.training, **own, "rates": self.rates},
        )


READING = {"encoder": 2e-4, "default": 1e-3}
TEXT = (
    Row("classifier", "cma-clip", {"layers": 1}, READING),
    Row("generator", "generative", {"beams": 2, "layers": 1}, READING),
    Row("EIVEN without picture", "eiven-small", {"pictures": "none", "layers": LAYERS}, {"default": 1e-3}),
)
SEEN = {"vision_size": SIDE, "vision_widths": WIDTHS}
TOKENS = {"picture_size": SIDE, "picture_widths": WIDTHS}
PICTURES = (
    Row("ULS-DRAM's value head", "uls-dram", SEEN, READING),
    Row("CMA-CLIP", "cma-clip", SEEN, READING),
    Row("DEFLATE", "deflate", {**TOKENS, "beams": 2, "layers": 1}, READING),
    Row("EIVEN", "eiven-small", {**TOKENS, "layers": LAYERS}, {"default": 1e-3}),
)


@dataclass(frozen=True)
class Scale:
    """How much of everything. ``labels`` a value, None for all, of which ``most`` titles at most are learnt
    from; ``seeds`` for each of them; ``examples`` that a fit sees, but each at least once. ``products`` with
    pictures, and ``epochs`` over them."""

    labels: tuple[int | None, ...]
    seeds: tuple[int, ...]
    most: int
    examples: int
    products: int
    epochs: int


FULL = Scale((10, 50, 100, None), (1, 1, 1, 1), 3500, 2500, 1500, 4)
QUICK = Scale((2, None), (2, 1), 20, 40, 60, 1)


def shortened(folder: Path) -> Path:
    """MiniLM's first layers as a base of its own: weights beyond its configuration stay unread."""
    if not (folder / CONFIG).is_file():
        base = find_base(MINILM)
        folder.mkdir(parents=True, exist_ok=True)
        for file in (WEIGHTS, TOKENISER):
            shutil.copyfile(base.folder / file, folder / file)
        (folder / CONFIG).write_text(json.dumps({**base.config(), "num_hidden_layers": LAYERS}), "utf-8")
    return folder


def best(held: Sequence[Product]) -> Ask:
    """The model's best value to each cell of the ``held`` products, as the schema writes it, the probability
    of none aside."""
    normaliser = Normaliser()

    def ask(extractor: Extractor) -> list[Judged]:
        _, requests, answers, _ = try_on(extractor.model, extractor.schema, held, complete=False)
        made = []
        for request, own in zip(requests, answers, strict=True):
            product = request.product
            for attribute, (answer, _) in zip(request.attributes, own, strict=True):
                first = answer.candidates[:1]
                made.append(
                    Judged(
                        product.id,
                        product.category,
                        attribute.name,
                        tuple(value.text for value in product.stated[attribute.name]),
                        tuple(normaliser.canonical(candidate.text, attribute) for candidate in first),
                        first[0].score if first else None,
                    )
                )
        assert len(made) == sum(len(product.stated) for product in held)
        return made

    return ask


def commonest(train: Sequence[Product], held: Sequence[Product]) -> list[Judged]:
    """Each attribute's commonest value, whatever the product."""
    counts = counted(train)
    return [
        Judged(p.id, p.category, name, tuple(v.text for v in values), (counts[name].most_common(1)[0][0],))
        for p in held
        for name, values in p.stated.items()
    ]


def counted(products: Sequence[Product]) -> dict[str, Counter[str]]:
    """How often each value of each attribute is stated."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for product in products:
        for name, values in product.stated.items():
            counts[name].update(value.text for value in values)
    return counts


def schema_of(products: Sequence[Product]) -> Schema:
    """One for all categories; each attribute's allowed values are those of the training data."""
    counts = counted(products)
    return Schema([Attribute(name, values=tuple(sorted(counts[name]))) for name in sorted(counts)])


def scored(judged: Sequence[Judged]) -> Report:
    """Letter case aside, for some models answer with the text's own spelling."""
    return report(judged, matching="folded")


def told(scores: Report) -> str:
    """F1 with its interval."""
    low, high = scores.micro.scores.intervals.get("f1", (0.0, 1.0))
    return f"{scores.micro.scores.f1:.3f} ({low:.3f} to {high:.3f})"


def share_in_text(products: Sequence[Product]) -> float:
    """Of the cells whose value stands in a text."""
    cells = [(p, value) for p in products for values in p.stated.values() for value in values]
    return sum(any(locate(v.text, s.text) for s in p.sources) for p, v in cells) / len(cells)


# --- text ---


@dataclass(frozen=True)
class Domain:
    """``train`` and ``held`` share no title; ``dropped`` training rows did."""

    train: list[Product]
    held: list[Product]
    dropped: int


def domain(data: Path, name: str, scale: Scale) -> Domain:
    """ImplicitAVE's training and validation rows to learn from, its evaluation rows to judge on, all without
    photographs."""

    def rows(file: str) -> list[Product]:
        reader = open_reader(data / "implicitave" / name / f"{file}.tsv", format="implicitave")
        products = [replace(row.product, pictures=()) for row in reader]
        return [replace(p, id=f"{name} {file} {at}") for at, p in enumerate(products)]

    held = rows("evaluation")
    titles = {title_key(product) for product in held}
    given = [*rows("train"), *rows("val")]
    train = [product for product in given if title_key(product) not in titles]
    dropped = len(given) - len(train)
    if scale is QUICK:
        train, held = random.Random(0).sample(train, 300), random.Random(0).sample(held, 20)
    return Domain(train, held, dropped)


def drawn(train: Sequence[Product], labels: int | None, seed: int, most: int) -> list[Product]:
    """So many labels of each value; of all labels those of ``most`` titles."""
    if labels is not None:
        return labels_per_value(train, labels, seed=seed)
    return random.Random(seed).sample(list(train), min(most, len(train)))


def text(data: Path, domains: Sequence[str], keep: Path, scale: Scale, name: str) -> None:
    """See the module's text."""
    kept, base = Kept(keep, "implicit"), shortened(keep / "base")
    judged: defaultdict[tuple[str, str, int | None], list[Judged]] = defaultdict(list)
    sizes: dict[str, list[int]] = {}
    notes: list[str] = []
    for each in domains:
        own = domain(data, each, scale)
        schema = schema_of(own.train)
        for labels, seeds in zip(scale.labels, scale.seeds, strict=True):
            size = len(drawn(own.train, labels, 0, scale.most))
            sizes.setdefault(each, []).append(size)
            for seed in range(seeds):
                judged["commonest value", each, labels] += commonest(own.train, own.held)
                train = drawn(own.train, labels, seed, scale.most)
                epochs = max(1, round(scale.examples / len(train)))
                for row in TEXT:
                    recipe = row.made(base, epochs=epochs)
                    what = f"{each}, {labels or 'all'} labels, {row.name}"
                    run = kept.run(what, recipe, schema, train, {"held": best(own.held)}, [], seed)
                    judged[row.name, each, labels] += run.judged["held"]
        values = sum(len(a.values) for a in schema.every)
        notes.append(
            f"{each}: {len(own.held)} rows judged, {len(schema.every)} attributes, {values} values; "
            f"{100 * share_in_text(own.held):.0f} % of the values stand in the title. Labels learnt from: "
            f"{', '.join(f'{n:,}' for n in sizes[each])}, of {len(own.train):,}; {own.dropped} training rows "
            "with a title that is judged were dropped."
        )
    groups = [*domains, "all of these"] if len(domains) > 1 else list(domains)
    if len(domains) > 1:
        for (who, _, labels), one in list(judged.items()):
            judged[who, "all of these", labels] += one
    names = ["commonest value", *(row.name for row in TEXT)]
    reports = {key: scored(one) for key, one in judged.items()}
    silent = [
        f"{sum(reports['generator', each, labels].micro.counts.vn for each in domains):,}"
        for labels in scale.labels
    ]
    write(
        name,
        "ImplicitAVE by text alone",
        ["domain", "model", *(f"F1, {labels or 'all'} a value" for labels in scale.labels)],
        [
            [each, who, *(told(reports[who, each, labels]) for labels in scale.labels)]
            for each in groups
            for who in names
        ],
        [
            "Micro-F1, letter case aside, with 95 % intervals over products. Every row judged is asked and "
            "counted. A model for each domain.",
            f"Seeds, each with its own draw of labels: {', '.join(map(str, scale.seeds))}; their answers are "
            "counted together.",
            f"All: {scale.most:,} titles at most. A fit sees about {scale.examples:,} examples, and each of "
            "its labels at least once: fewer labels are seen more often, and all sizes take about as long.",
            "The commonest value is counted in all training rows. Classifier: CMA-CLIP without its picture, "
            f"on MiniLM's first {LAYERS} layers. Generator: these, and a decoder of one layer; it writes of "
            f"a product what it likes, and an ask that it says nothing to is missed ({', '.join(silent)} of "
            "them by number of labels). "
            f"EIVEN without picture: a decoder of {LAYERS} layers that learns from nothing, each answer one "
            "of the schema's values, which are all of the domain's.",
            *notes,
        ],
        {
            f"{who}, {each}, {labels or 'all'}": {**made.to_json(), "curve": None, "reliability": None}
            for (who, each, labels), made in reports.items()
        },
    )


# --- pictures ---


def pictures(data: Path, keep: Path, scale: Scale, name: str) -> None:
    """See the module's text."""
    products = products_of(data, scale.products)
    outside = set(folds(products, 5, 0)[0])
    held = [products[at] for at in sorted(outside)]
    rest = [product for at, product in enumerate(products) if at not in outside]
    names = {product.id: product.text("title") or "" for product in held}
    schema = schema_of(rest)
    kept, base = Kept(keep, "pictures"), shortened(keep / "base")
    runs = {
        row.name: kept.run(
            f"fashion, {row.name}",
            row.made(base, epochs=scale.epochs),
            schema,
            rest,
            {"held": best(held)},
            [],
            0,
        )
        for row in PICTURES
    }
    judged = {"commonest value": commonest(rest, held)}
    judged |= {who: run.judged["held"] for who, run in runs.items()}
    first = PICTURES[0].name
    lines: list[list[Any]] = []
    for who, one in judged.items():
        whole, hidden = scored(one), unstated(one, names)
        line: list[Any] = [who, told(whole)]
        line += [whole.per_attribute[a].scores.f1 for a in (GENDER, TYPE, COLOUR)]
        line += [told(scored(hidden)), "" if who == first else points(judged[first], one)]
        lines.append([*line, f"{runs[who].seconds:.0f}" if who in runs else ""])
    columns = ["model", "F1", "gender", "article type", "base colour", "F1 of what the name does not state"]
    write(
        name,
        "Fashion products by name and photograph",
        [*columns, f"points above {first}", "s a fit"],
        lines,
        [
            f"{len(rest):,} products learnt from, {len(held)} judged, grouped by name; {scale.epochs} "
            f"epochs, one seed; photographs of {SIDE} pixels a side.",
            "Micro-F1, letter case aside, with 95 % intervals over products. Every cell is asked and "
            f"counted. The name does not state: {len(unstated(judged[first], names))} article types and base "
            "colours. Points: of F1, paired.",
            f"MiniLM's first {LAYERS} layers read the text but for EIVEN, whose decoder of {LAYERS} layers "
            "learns from nothing, as do all picture encoders.",
        ],
        {who: {**scored(one).to_json(), "curve": None, "reliability": None} for who, one in judged.items()},
    )


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--domains", nargs="+", choices=DOMAINS, default=list(DOMAINS), help="of the texts")
    parser.add_argument("--keep", type=Path, help="a folder for what was answered; a second run goes on")
    parser.add_argument("--quick", action="store_true", help="to see that it runs; the numbers mean nothing")
    given = parser.parse_args()
    scale = QUICK if given.quick else FULL
    with tempfile.TemporaryDirectory() as temporary:
        keep = given.keep or Path(temporary)
        prefix = "try_" * given.quick + "implicit"
        if "text" in given.parts:
            text(given.data, given.domains, keep, scale, f"{prefix}_text")
        if "pictures" in given.parts:
            pictures(given.data, keep, scale, f"{prefix}_pictures")


if __name__ == "__main__":
    main()
