"""The gate on OA-Mine with the category withheld: all 51 attributes are asked of every product.

Five folds grouped by title; of each fold's rest four fifths teach the gates and one fifth sets their
thresholds for a recall of 99.5 %. The extraction model is fitted on the same rest, without categories, and
judged behind each gate. ``--gates-only`` leaves it out, in a minute; ``--recipe lexicon`` tries it out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import attrex
from attrex.api.gating import GateSettings, Kind, learn_gate
from attrex.api.scoring import judge_all
from attrex.core import Product
from attrex.evaluation import Judged, compare, report
from attrex.extract import Request
from attrex.extract.gating import excluded
from attrex.io.reader import open_reader
from attrex.models.gate import FittedGate
from attrex.schema import Schema
from attrex.supervision.splits import folds, split
from record import DATA, write

FOLDS = 5
DRAW = 4_517
"""Thresholds are set on a part that is drawn otherwise than the folds."""
NO_GATE = "no gate"
GATES: Mapping[str, tuple[Kind, bool]] = {
    "category guessed from the text": ("category", True),
    "text": ("text", True),
    "text, learnt without categories": ("text", False),
}
"""Kind, and whether the training products have their categories."""


@dataclass
class Counted:
    """Of one gate, over the folds: asks, products, cells with a value, those still asked."""

    asks: int = 0
    products: int = 0
    cells: int = 0
    kept: int = 0
    learning: list[float] = field(default_factory=list)
    judging: float = 0.0
    judged: list[Judged] = field(default_factory=list)


def bare(products: Sequence[Product]) -> list[Product]:
    """Without their categories."""
    return [replace(product, category=None) for product in products]


def asked_all(products: Sequence[Product], schema: Schema) -> list[Product]:
    """Without categories, and stating of every attribute a value or that there is none."""
    none: dict[str, tuple[()]] = {a.name: () for a in schema.every}
    return [replace(p, category=None, stated={**none, **p.stated}) for p in products]


def learnt(
    rest: Sequence[Product], schema: Schema, kind: Kind, categories: bool, recall: float
) -> FittedGate:
    """The gate of that kind; its thresholds are those of products without a category."""
    parts = split(rest, {"train": 0.8, "calibrate": 0.2}, DRAW)
    train, apart = ([rest[at] for at in parts[name]] for name in ("train", "calibrate"))
    made = learn_gate(train if categories else bare(train), bare(apart), schema, GateSettings(kind, recall))
    assert made is not None
    return made[0]


def count(gate: FittedGate | None, held: Sequence[Product], schema: Schema, into: Counted) -> None:
    """Adds the fold's asks and cells."""
    requests = [Request(product, schema.every) for product in held]
    began = time.monotonic()
    without = [{}] * len(held) if gate is None else excluded(gate, requests)
    into.judging += time.monotonic() - began
    into.products += len(held)
    for product, denied in zip(held, without, strict=True):
        filled = [name for name, values in product.stated.items() if values]
        into.asks += len(schema.every) - len(denied)
        into.cells += len(filled)
        into.kept += sum(name not in denied for name in filled)


def answers(
    fold: int, rest: Sequence[Product], held: Sequence[Product], schema: Schema, recipe: str
) -> attrex.Extractor:
    """The extraction model, which never sees a category."""
    began = time.monotonic()
    extractor = attrex.fit(bare(rest), schema=schema, recipe=recipe, gate="none")
    print(f"fold {fold}: {recipe} fitted in {time.monotonic() - began:.0f} s", flush=True)
    return extractor


def judge(extractor: attrex.Extractor, gate: FittedGate | None, held: Sequence[Product]) -> list[Judged]:
    """All asks, those that the gate denies among them."""
    gated = attrex.Extractor(
        extractor.model, extractor.schema, extractor.policy, support=extractor.support, gate=gate
    )
    return judge_all(gated, held)


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items() if not k.endswith("_spans")}


def run(given: argparse.Namespace) -> tuple[dict[str, Counted], int]:
    """What was counted by gate, and the number of attributes."""
    reader = open_reader(given.data / "extractgpt/oa-mine/train.jsonl", format="oa-mine")
    products = [row.product for row in reader]
    own = reader.schema()
    assert own is not None
    schema = Schema(own.every)
    found = {name: Counted() for name in (NO_GATE, *GATES)}
    for fold, places in enumerate(folds(products, FOLDS, 0)):
        if fold not in given.folds:
            continue
        outside = set(places)
        held = asked_all([products[at] for at in places], schema)
        rest = [product for at, product in enumerate(products) if at not in outside]
        gates: dict[str, FittedGate | None] = {NO_GATE: None}
        for name, (kind, categories) in GATES.items():
            began = time.monotonic()
            gates[name] = learnt(rest, schema, kind, categories, given.recall)
            found[name].learning.append(time.monotonic() - began)
        for name, gate in gates.items():
            count(gate, held, schema, found[name])
        if given.gates_only:
            continue
        kept = given.keep and given.keep / f"{given.name}-{given.recipe}-{fold}.json"
        if kept and kept.is_file():
            for name, told in json.loads(kept.read_text("utf-8")).items():
                found[name].judged += [Judged(**_tuples(one)) for one in told]
            continue
        extractor = answers(fold, rest, held, schema, given.recipe)
        judged = {name: judge(extractor, gate, held) for name, gate in gates.items()}
        for name, told in judged.items():
            found[name].judged += told
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps({n: [asdict(one) for one in t] for n, t in judged.items()}), "utf-8")
    return found, len(schema.every)


def _scored(name: str, found: Mapping[str, Counted]) -> tuple[list[Any], Any]:
    """Precision, recall and F1, the points of recall lost, wrong values where none is stated."""
    own = found[name].judged
    if not own:
        return [], None
    told = report(own, name=name, matching="exact")
    scores, before = told.micro.scores, report(found[NO_GATE].judged, resamples=0).micro.scores
    row: list[Any] = [scores.precision, scores.recall, scores.f1, told.micro.counts.nv]
    if name == NO_GATE:
        return [*row, "", ""], told.to_json()
    paired = compare(found[NO_GATE].judged, own).micro
    ends = f" ({100 * paired.interval[0]:+.1f} to {100 * paired.interval[1]:+.1f})" if paired.interval else ""
    lost = f"{100 * (scores.recall - before.recall):+.2f}"
    return [*row, lost, f"{100 * paired.difference:+.1f}{ends}"], told.to_json()


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    options.add_argument("--recipe", default="adatag-minilm")
    options.add_argument("--recall", type=float, default=0.995)
    options.add_argument("--gates-only", action="store_true", help="no extraction model: asks and cells only")
    options.add_argument("--name", default="gate")
    options.add_argument("--keep", type=Path, help="folder for finished folds, so that a stopped run goes on")
    given = options.parse_args()
    found, attributes = run(given)
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    for name, counted in found.items():
        asks = counted.asks / counted.products
        learning = float(np.mean(counted.learning)) if counted.learning else None
        scored, told = _scored(name, found)
        rows.append(
            [
                name,
                f"{asks:.2f}",
                f"{attributes / asks:.2f}",
                f"{100 * counted.kept / counted.cells:.2f}",
                "" if learning is None else f"{learning:.1f}",
                "" if learning is None else f"{counted.products / counted.judging:.0f}",
                *scored,
            ]
        )
        raw[name] = {
            "asks": counted.asks,
            "products": counted.products,
            "cells": counted.cells,
            "kept": counted.kept,
            "seconds_learning": learning,
            "products_a_second": None if learning is None else counted.products / counted.judging,
            "scores": told,
        }
    columns = ["gate", "asks a product", "times fewer", "% of values asked", "s to learn", "products/s"]
    if not given.gates_only:
        columns += ["P", "R", "F1", "false values", "points of recall", "points of F1 (95 %)"]
    write(
        given.name,
        "Asking only what applies: OA-Mine, category withheld"
        + ("" if given.gates_only else f", {given.recipe}"),
        columns,
        rows,
        [
            f"{attributes} attributes asked of every product; folds {', '.join(map(str, given.folds))} of "
            f"{FOLDS}, grouped by title. Thresholds for {given.recall:.1%} of the values, set on a fifth of "
            "each fold's rest.",
            "% of values asked: of the cells with a value in the report part. False values: given where none "
            "is stated. The extraction model never sees a category.",
        ],
        raw,
    )


if __name__ == "__main__":
    main()
