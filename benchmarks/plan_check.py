"""What ``attrex plan`` says of a catalogue beside what ``attrex fill`` then takes of it.

Both run as commands, the one after the other. Seconds of a fill are those beyond a fill of one row, which
starts up, loads the model and describes the attributes; the plan's are without that. Reading and writing are
included, which a plan leaves out. The catalogue is
made of Flipkart's products: titles, or titles with descriptions, all cells empty. Models are as they are
before training, which costs the same, or folders given by ``--models``.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from attrex.api.fitting import build
from attrex.api.recipe import load_recipe
from attrex.core import Product
from attrex.io.reader import open_reader
from attrex.models.folder import save_model
from attrex.models.interface import Learner
from attrex.resolve import Policy
from attrex.schema import Schema
from attrex.supervision.distant import label
from record import DATA, write

ATTRIBUTES = 10
LEARNT = 60
"""Products with which an untrained model begins: its attributes and tokens."""
SOURCES = {"titles": ("title",), "descriptions": ("title", "description")}


@dataclass(frozen=True, slots=True)
class Done:
    """A command's seconds and what it printed."""

    seconds: float
    out: str


def run(*command: object) -> Done:
    """``attrex`` with this machine's threads."""
    begun = time.perf_counter()
    words = [sys.executable, "-m", "attrex", *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stderr}")
    return Done(seconds, done.stdout)


def untrained(recipe: str, folder: Path, products: Sequence[Product], schema: Schema) -> Path:
    """A model folder of the recipe, before the first step of training."""
    chosen = load_recipe(recipe)
    model = build(chosen.builder, chosen.arguments)
    learner = cast(Learner, model)
    torch.manual_seed(0)
    learner.begin(label(products, schema)[0])
    learner.network.eval()
    return save_model(model, folder / recipe, schema=schema, calibration=Policy().to_json(), card="")


def table(
    path: Path, products: Sequence[Product], sources: Sequence[str], names: Sequence[str], rows: int
) -> Path:
    """So many rows of the products' texts, over and over, each a little different."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *sources, *names])
        for at, product in zip(range(rows), itertools.cycle(products), strict=False):
            texts = [f"{product.text(name) or ''} {at}" for name in sources]
            writer.writerow([f"p{at}", *texts, *[""] * len(names)])
    return path


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--recipes", nargs="+", default=["adatag-minilm", "eave", "aveqa"])
    options.add_argument("--models", type=Path, nargs="+", default=[], help="fitted models, instead")
    options.add_argument("--texts", nargs="+", default=list(SOURCES), choices=list(SOURCES))
    options.add_argument("--rows", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=1, help="plans and fills of each, in turns")
    options.add_argument("--seconds", type=float, default=5.0, help="of the plan, a model")
    options.add_argument("--quick", action="store_true", help="a tenth of the rows, nothing written")
    given = options.parse_args()
    rows = given.rows // 10 if given.quick else given.rows
    reader = open_reader(given.data / "extractgpt" / "ae-110k" / "train.jsonl", format="extractgpt")
    labelled = [row.product for row in reader]
    flipkart = open_reader(given.data / "flipkart" / "products.csv", format="flipkart")
    made_of = [row.product for row in flipkart]
    every = reader.schema()
    assert every is not None
    schema = Schema(every.every[:ATTRIBUTES])
    names = [attribute.name for attribute in schema.every]
    found: list[list[Any]] = []
    raw: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        models = given.models or [untrained(r, folder, labelled[:LEARNT], schema) for r in given.recipes]
        one = table(folder / "one.csv", made_of, SOURCES["titles"], names, 1)
        for texts in given.texts:
            catalogue = table(folder / f"{texts}.csv", made_of, SOURCES[texts], names, rows)
            for model in models:
                for _ in range(given.rounds):
                    told = run("plan", catalogue, "-m", model, "--json", "-q", "--seconds", given.seconds)
                    (plan,) = json.loads(told.out)["models"]
                    out = folder / "filled.csv"
                    start = run("fill", one, "-m", model, "-o", out, "-q", "--restart").seconds
                    fill = run("fill", catalogue, "-m", model, "-o", out, "-q", "--restart")
                    raw.append({"texts": texts, "plan": plan, "start": start, "fill": fill.seconds})
                took = [r["fill"] - r["start"] for r in raw[-given.rounds :]]
                parts = [r["plan"]["seconds"] for r in raw[-given.rounds :]]
                said = [each["total"] - each["describe"] for each in parts]
                ratios = [a / b for a, b in zip(said, took, strict=True)]
                memory = raw[-1]["plan"]["peak_memory_bytes"]
                found.append(
                    [
                        model.name,
                        texts,
                        raw[-1]["plan"]["asks"],
                        f"{statistics.median(said):.1f}",
                        f"{statistics.median(took):.1f}",
                        f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
                        "-" if memory is None else f"{memory / 1e6:,.0f}",
                    ]
                )
                print(*found[-1], flush=True)
    heads = ["model", "texts", "cells", "s planned", "s filled", "planned / filled (range)", "MB planned"]
    notes = [f"{rows:,} rows, {given.rounds} rounds; threads: {torch.get_num_threads()}."]
    if not given.quick:
        write("plan_check", "attrex plan beside attrex fill", heads, found, notes, raw)


if __name__ == "__main__":
    main()
