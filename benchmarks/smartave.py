"""SMARTAVE (Wang et al., 2022) and its rivals, and what each of its parts is worth.

``headline``: one run a model, judged on a fifth of the titles and learnt from the others, with intervals,
paired tests, and the four commonest attributes apart. WDC-PAVE as it is; flipkart with many sources: title,
description and a table of those specifications that are not asked, and all statements of what is asked taken
out (appendix B); fashion, 1,500 products with pictures. The other tables are ablations on a fixed small set,
short fits (``TRAINING``). Of the paper's form: ``attentions`` (Figure 4), ``alpha`` (Figure 6), ``depth``
(Table 3) and ``forms`` on WDC-PAVE; of the recipe's: ``modalities`` (Figure 3) and ``length`` (Figure 5) on
flipkart. ``--titles`` names a set of titles alone, which cost less, in the place of WDC-PAVE. Every fit is
kept in ``--keep``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import attrex
from attrex.api.gating import GateSettings
from attrex.api.recipe import Recipe, load_recipe, recipe_names
from attrex.api.scoring import judge_all
from attrex.core import Attribute, Product, Source, content_hash
from attrex.evaluation import Judged, compare, report
from attrex.io.pictures import PictureAccess, gather
from attrex.io.reader import open_reader
from attrex.nn.structured import PATTERNS
from attrex.schema import Schema
from attrex.supervision.leaks import find_leaks, remove_leaks
from attrex.supervision.splits import folds, split
from fixed_set import FixedSet, Kept, asked, fewer, filled, fixed_set, micro, tuples
from record import DATA, write

TRAINING: Mapping[str, Any] = {
    "epochs": 5,
    "examples": None,
    "batch": 16,
    "rates": {"encoder": 4.0e-4, "default": 1.0e-3},
    "averaging": 0.98,
}
"""Of the ablations; of those of the recipe's form its own rates."""
MODELS = ("smartave", "smartave-text", "aveqa", "maveqa", "m-jave", "pam", "adatag-minilm")
ASKED, PRODUCTS, SIDE = 8, 1500, 112
"""Attributes of flipkart that are asked; products of fashion; pixels a side."""
TAUGHT = 4
"""Of a product's cells that the headline's models learn from, at most."""
CELLS = 3
"""Of an ablation's product that is learnt from, at most: the paper's form reads it anew for each."""


# --- sets ---


@dataclass(frozen=True, slots=True)
class Titles:
    """Products, what is asked of them, and which pictures may be read."""

    products: Sequence[Product]
    schema: Schema
    pictures: PictureAccess | None = None


def wdc_pave(data: Path) -> Titles:
    """As it is."""
    reader = open_reader(data / "wdc_pave/wdc_with_all_attributes/train_large.jsonl", format="wdc-pave")
    return Titles([row.product for row in reader], reader.schema() or Schema(()))


def flipkart(data: Path) -> Titles:
    """Its commonest attributes; the other specifications are a source."""
    reader = open_reader(data / "flipkart/products.csv", format="flipkart")
    products = [row.product for row in reader]
    names = [name for name, _ in filled(products).most_common(ASKED)]
    schema = Schema([Attribute(name) for name in names])
    made = [_told(product, names) for product in products]
    leaks = find_leaks(made, schema, min_share=0.0)
    return Titles([remove_leaks(p, leaks) for p in made], schema, PictureAccess(data / "flipkart"))


def _told(product: Product, names: Sequence[str]) -> Product:
    others = [
        f"{name}: {', '.join(value.text for value in values)}"
        for name, values in product.stated.items()
        if name not in names
    ]
    sources = (*product.sources, Source("specification", "; ".join(others)))
    stated = {name: values for name, values in product.stated.items() if name in names}
    return replace(product, sources=sources, stated=stated)


def fashion(data: Path) -> Titles:
    """A part of it."""
    reader = open_reader(data / "fashion/styles.csv", format="fashion")
    products = [row.product for row in reader][:PRODUCTS]
    names = list(filled(products))
    return Titles(products, Schema([Attribute(name) for name in names]), PictureAccess(data / "fashion"))


SETS: Mapping[str, Callable[[Path], Titles]] = {
    "wdc-pave": wdc_pave,
    "flipkart": flipkart,
    "fashion": fashion,
}


# --- the headline ---


def headline(given: argparse.Namespace) -> None:
    """See the module's text."""
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    models = [model for model in given.models if model in recipe_names()]
    for name in given.sets:
        titles = SETS[name](given.data)
        products = titles.products[:60] if given.quick else titles.products
        outside = set(folds(products, 5, 0)[0])
        held = [products[at] for at in sorted(outside)]
        rest = [product for at, product in enumerate(products) if at not in outside]
        commonest = [each for each, _ in filled(held).most_common(4)]
        runs = {model: fit_and_judge(f"{name}-{model}", model, rest, held, titles, given) for model in models}
        for model, judged in runs.items():
            scored = report(judged, name=model)
            own = scored.micro.scores
            interval = own.intervals["f1"] if own.intervals else None
            row = [name, model, scored.asks, own.precision, own.recall, own.f1]
            row.append(f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else "–")
            if model == models[0]:
                row += ["", ""]
            else:
                found = compare(runs[models[0]], judged).micro
                ends = found.interval
                row.append(
                    f"{100 * found.difference:+.1f}"
                    + (f" ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})" if ends else "")
                )
                row.append("–" if found.p is None else f"{found.p:.3f}")
            each = [micro([one for one in judged if one.attribute == a])[2] for a in commonest]
            row.append(", ".join(f"{a} {f1:.3f}" for a, f1 in zip(commonest, each, strict=True)))
            rows.append(row)
            raw[f"{name}, {model}"] = scored.to_json()
    columns = [
        *("set", "model", "asks", "P", "R", "F1", "95 %", f"points above {models[0]}", "p"),
        "F1 of the four commonest",
    ]
    notes = [
        "Report part: the first of five folds grouped by title; learnt from: the other four. One seed. "
        "Points above, 95 % interval and p: paired, by product.",
        f"Of a product's cells at most {TAUGHT} are learnt from, by every model alike, and at most "
        f"{given.examples:,} examples are seen over all epochs; all that are stated are asked, with no gate.",
    ]
    if not given.quick:
        write(given.name, "SMARTAVE and its rivals", columns, rows, notes, raw)


def fit_and_judge(
    title: str,
    model: str,
    rest: Sequence[Product],
    held: Sequence[Product],
    titles: Titles,
    given: argparse.Namespace,
) -> list[Judged]:
    """The answers to what the held products state; kept."""
    recipe = short(model) if given.quick else bounded(load_recipe(model), given.examples)
    recipe = replace(recipe, gate=GateSettings("none"))
    rest = [fewer(product, TAUGHT) for product in rest]
    told = {k: v for k, v in asdict(recipe).items() if k not in ("name", "description")}
    key = content_hash([title, told, len(rest), len(held), titles.schema.version])
    kept = given.keep / f"smartave-{title}-{key}.json"
    if kept.is_file():
        return [Judged(**tuples(one)) for one in json.loads(kept.read_text("utf-8"))]
    began = time.monotonic()
    extractor = attrex.fit(rest, schema=titles.schema, recipe=recipe, pictures=titles.pictures)
    judged = judge_all(extractor, held)
    print(f"{title}: F1 {micro(judged)[2]:.4f}, {time.monotonic() - began:.0f} s", flush=True)
    if not given.quick:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([asdict(one) for one in judged]), "utf-8")
    return judged


# --- ablations ---


@dataclass(frozen=True, slots=True)
class Row:
    """A setting, the sources that are left out, and how often the epochs are those of ``TRAINING``."""

    label: str
    recipe: str = "smartave-text"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    times: int = 1


ATTENTIONS = [
    Row("all"),
    *(
        Row(f"without {left_out}", arguments={"attentions": [p for p in PATTERNS if p != left_out]})
        for left_out in PATTERNS
    ),
]
ALPHA = [Row(f"alpha {alpha:g}", arguments={"alpha": alpha}) for alpha in (0.0, 0.1, 0.6, 1.0, 10.0)]
DEPTH = [
    Row("encoder 2L", arguments={"layers": 2}),
    Row("encoder 4L", arguments={"layers": 4}),
    Row("encoder 6L (the whole)"),
    Row("encoder 6L, shared queries", arguments={"queries": "shared"}),
    Row("decoder 2L", arguments={"decoder_layers": 2}),
    Row("decoder 4L (as above)"),
    Row("decoder 12L", arguments={"decoder_layers": 12}),
]
FORMS = [
    Row("attribute seen (the paper's form)"),
    Row("attribute seen, and added", arguments={"attribute_added": True}),
    # A step has as many products as the other's has asks.
    Row("attribute apart", arguments={"attribute": "apart"}, times=CELLS),
]
MODALITIES = [
    Row("all", "smartave"),
    Row("without title", "smartave", without=("title",)),
    Row("without description", "smartave", without=("description",)),
    Row("without specification", "smartave", without=("specification",)),
    Row("without pictures"),
]
LENGTH = [
    Row(f"{length} tokens", arguments={"window": length, "block": min(256, length)})
    for length in (64, 128, 256, 512, 1024, 2048)
]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, the set they are on, and whether they are of the recipe's form, in which what is asked is added
    to all tokens, or of the paper's."""

    title: str
    rows: Sequence[Row]
    set: str
    own: bool = False


TABLES: Mapping[str, Table] = {
    "attentions": Table("SMARTAVE without each attention (Figure 4)", ATTENTIONS, "wdc-pave"),
    "alpha": Table("SMARTAVE's auxiliary task (Figure 6)", ALPHA, "wdc-pave"),
    "depth": Table("SMARTAVE's layers and queries (Table 3)", DEPTH, "wdc-pave"),
    "forms": Table("SMARTAVE with and without the attribute in all states", FORMS, "wdc-pave"),
    "modalities": Table("SMARTAVE without each modality (Figure 3)", MODALITIES, "flipkart", own=True),
    "length": Table("SMARTAVE at most so long (Figure 5)", LENGTH, "flipkart", own=True),
}


def bounded(recipe: Recipe, examples: int) -> Recipe:
    """A recipe that sees so many examples at most over all epochs; of models that read attribute and text
    together an example is an ask."""
    if recipe.training is None:
        return recipe
    most = min(recipe.training.get("examples") or examples, examples)
    return replace(recipe, training={**recipe.training, "examples": most})


def short(name: str, *, own_rates: bool = False) -> Recipe:
    """A recipe with the ablations' training."""
    recipe = load_recipe(name)
    if recipe.training is None:
        return recipe
    rates = recipe.training["rates"] if own_rates else TRAINING["rates"]
    return replace(recipe, training={**TRAINING, "rates": rates})


def small(given: argparse.Namespace, name: str) -> FixedSet:
    """The set of a table."""
    if name != "flipkart":
        made = fixed_set(given.data, name, quick=given.quick)
        train = [fewer(product, CELLS) for product in made.train[: given.train]]
        return replace(made, train=train, report=made.report[: given.report])
    titles = flipkart(given.data)
    share = min(0.4, given.report / len(titles.products))
    parts = split(titles.products, {"report": share, "train": 1 - share}, 0)
    few = 20 if given.quick else 1
    train, held = (
        [titles.products[at] for at in parts[part]][: size // few]
        for part, size in (("train", given.train), ("report", given.report))
    )
    assert titles.pictures is not None
    reader = titles.pictures.reader(SIDE)
    train = [fewer(product, CELLS) for product in train]
    return FixedSet(name, titles.schema, gather(train, reader), gather(held, reader))


def left_out(products: Sequence[Product], sources: Sequence[str]) -> list[Product]:
    """The products without these sources."""
    return [
        replace(product, sources=tuple(s for s in product.sources if s.name not in sources))
        for product in products
    ]


def ablation(given: argparse.Namespace, name: str) -> None:
    """One of ``TABLES``."""
    table = TABLES[name]
    chosen = small(given, given.titles if given.titles and table.set != "flipkart" else table.set)
    keep = Kept(given.keep / "quick" if given.quick else given.keep, "smartave")
    rows: list[list[Any]] = []
    first: list[float] = []
    raw: dict[str, Any] = {}
    for row in table.rows:
        recipe = short(row.recipe, own_rates=table.own)
        recipe = replace(
            recipe, arguments={**recipe.arguments, "attribute_added": table.own, **row.arguments}
        )
        if recipe.training is not None:
            epochs = TRAINING["epochs"] * row.times
            recipe = replace(recipe, training={**recipe.training, "epochs": epochs})
        if given.quick:
            recipe = replace(recipe, training={**TRAINING, "epochs": 1})
        train, held = (left_out(part, row.without) for part in (chosen.train, chosen.report))
        asks = {"report": asked(held)}
        runs = [
            keep.run(f"{name}, {row.label}", recipe, chosen.schema, train, asks, [], seed)
            for seed in given.seeds
        ]
        scores = [micro(run.judged["report"]) for run in runs]
        f1 = [score[2] for score in scores]
        first = first or f1
        rows.append(
            [
                row.label,
                *(statistics.mean(part) for part in zip(*scores, strict=True)),
                statistics.stdev(f1) if len(f1) > 1 else "–",
                f"{100 * (statistics.mean(f1) - statistics.mean(first)):+.1f}",
                f"{statistics.mean(run.seconds for run in runs):.0f}",
            ]
        )
        raw[row.label] = {"f1": f1, "seconds": [run.seconds for run in runs]}
    notes = [
        f"{chosen.told}; seeds {', '.join(map(str, given.seeds))}; micro F1; nothing is calibrated: a value "
        "counts where the model gives it one half or more.",
        f"{'The recipe' if table.own else 'The paper'}'s form where a row says nothing else; fits of "
        f"{TRAINING['epochs']} epochs, on MiniLM"
        + (
            f"; of the last row {TRAINING['epochs'] * CELLS}, which are as many steps."
            if CELLS in [row.times for row in table.rows]
            else "."
        ),
    ]
    columns = ["", "P", "R", "F1", "s.d. of F1", "points above the first", "s a fit"]
    if not given.quick:
        write(f"smartave_{name}" + "_f1" * (name == "forms"), table.title, columns, rows, notes, raw)


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--tables", nargs="+", default=["headline", *TABLES], choices=["headline", *TABLES])
    options.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    options.add_argument("--models", nargs="+", default=list(MODELS))
    options.add_argument("--examples", type=int, default=12_000, help="that a headline's model sees at most")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--train", type=int, default=300, help="products that an ablation learns from")
    options.add_argument("--report", type=int, default=300, help="products that it is judged on")
    options.add_argument("--titles", choices=["ae-110k", "oa-mine"], help="instead of WDC-PAVE")
    options.add_argument("--name", default="smartave", help="of the headline's table")
    options.add_argument("--keep", type=Path, default=Path("benchmarks/kept"))
    options.add_argument("--quick", action="store_true", help="a few products, one seed, nothing written")
    given = options.parse_args()
    if given.quick:
        given.seeds, given.train, given.report = given.seeds[:1], 240, 200
    for name in given.tables:
        headline(given) if name == "headline" else ablation(given, name)


if __name__ == "__main__":
    main()
