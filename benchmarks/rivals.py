"""Every text model trained on the same rows and judged on the same titles, with paired tests.

Of each set the first of five folds grouped by title is the report part, and the other four are learnt from.
``--titles`` takes so many of those, drawn by chance. ``--against`` names the model that the others are
compared with. GLiNER is among them where its package is
installed (see ``gliner_rival``).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import attrex
import gliner_rival
from attrex.api.recipe import load_recipe, recipe_names
from attrex.api.scoring import judge_all
from attrex.core import Product
from attrex.evaluation import Judged, compare, report
from attrex.io.reader import open_reader
from attrex.schema import Schema
from attrex.supervision.splits import folds, split
from record import DATA, write

SETS = {
    "ae-110k": ("extractgpt/ae-110k/train.jsonl", "extractgpt"),
    "oa-mine": ("extractgpt/oa-mine/train.jsonl", "extractgpt"),
    "wdc-pave": ("wdc_pave/wdc_with_all_attributes/train_large.jsonl", "wdc-pave"),
}
MODELS = [
    "adatag-minilm",
    "cross-encoder",
    "aveqa",
    "maveqa",
    "suopentag",
    "eave",
    "dipair",
    "virt",
    "mixencoder",
    "generative",
    "lexicon",
    *(["gliner"] if gliner_rival.installed() else []),
]
GLINER_PARTS = {"train": 0.93, "calibrate": 0.07}
"""As in the other models' recipes."""


def fit_and_judge(
    name: str, model: str, rest: list[Product], held: list[Product], schema: Schema | None, keep: Path | None
) -> tuple[list[Judged], float, float]:
    """The answers, and the seconds of fitting and of answering; from ``keep`` where they lie there."""
    kept = keep and keep / f"rivals-{name}-{model}.json"
    if kept and kept.is_file():
        fields, fitted, answered = json.loads(kept.read_text("utf-8"))
        return [Judged(**_tuples(one)) for one in fields], fitted, answered
    began = time.monotonic()
    if model == "gliner":
        assert schema is not None
        rival = gliner_rival.GlinerRival(0)
        parts = split(rest, GLINER_PARTS, 0)
        rival.learn([rest[at] for at in parts["train"]], schema)
        rival.calibrate([rest[at] for at in parts["calibrate"]], schema)
        judge = partial(rival.judge, held, schema)
    else:
        judge = partial(judge_all, attrex.fit(rest, schema=schema, recipe=model), held)
    fitted = time.monotonic() - began
    began = time.monotonic()
    judged = judge()
    answered = time.monotonic() - began
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([[asdict(one) for one in judged], fitted, answered]), "utf-8")
    return judged, fitted, answered


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items() if not k.endswith("_spans")}


def epochs(models: Sequence[str]) -> str:
    """Of those that learn by epochs."""
    trained = {model: load_recipe(model).training for model in models if model in recipe_names()}
    return ", ".join(f"{model} {training['epochs']}" for model, training in trained.items() if training)


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    options.add_argument("--models", nargs="+", default=MODELS)
    options.add_argument("--against", default="aveqa")
    options.add_argument("--titles", type=int, help="to learn from; else all")
    options.add_argument("--name", default="rivals")
    options.add_argument("--keep", type=Path, help="folder for finished runs, so that a stopped one goes on")
    given = options.parse_args()
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    for name in given.sets:
        path, format = SETS[name]
        reader = open_reader(given.data / path, format=format)
        products = [row.product for row in reader]
        outside = set(folds(products, 5, 0)[0])
        held = [products[at] for at in sorted(outside)]
        rest = [product for at, product in enumerate(products) if at not in outside]
        if given.titles is not None:
            rest = random.Random(name).sample(rest, given.titles)
        runs: dict[str, tuple[list[Judged], float, float]] = {}
        for model in given.models:
            label = name if given.titles is None else f"{name}-{given.titles}"
            runs[model] = fit_and_judge(label, model, rest, held, reader.schema(), given.keep)
            f1 = report(runs[model][0], resamples=0).micro.scores.f1
            print(f"{name}, {model}: F1 {f1:.4f}, fitted in {runs[model][1]:.0f} s", flush=True)
        for model, (judged, fitted, answered) in runs.items():
            scored = report(judged, name=model)
            micro = scored.micro.scores
            interval = micro.intervals["f1"] if micro.intervals else None
            row = [
                name,
                model,
                scored.asks,
                micro.precision,
                micro.recall,
                micro.f1,
                f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else "–",
            ]
            if model != given.against and given.against in runs:
                found = compare(runs[given.against][0], judged).micro
                ends = (
                    f"{100 * found.interval[0]:+.1f} to {100 * found.interval[1]:+.1f}"
                    if found.interval
                    else "–"
                )
                row += [
                    f"{100 * found.difference:+.1f} ({ends})",
                    "–" if found.p is None else f"{found.p:.3f}",
                ]
            else:
                row += ["", ""]
            rows.append([*row, f"{fitted:.0f}", f"{scored.asks / answered:.0f}"])
            raw[f"{name}, {model}"] = scored.to_json()
    write(
        given.name,
        "Models on the same rows",
        [
            "set",
            "model",
            "asks",
            "P",
            "R",
            "F1",
            "95 %",
            f"points above {given.against}",
            "p",
            "s a fit",
            "asks/s",
        ],
        rows,
        [
            "Report part: the first of five folds grouped by title; learnt from: "
            + ("the other four" if given.titles is None else f"{given.titles} titles of the other four")
            + ". One seed.",
            "Points above, 95 % interval and p: paired, by product. Seconds: beside whatever else ran.",
            f"Epochs at most, as the recipes have them: {epochs(given.models)}.",
        ],
        raw,
    )


if __name__ == "__main__":
    main()
