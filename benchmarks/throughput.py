"""How fast filling runs, beside what the encoder alone would allow, in pairs in one run.

Titles of 20 words (drawn from real ones), 10 attributes a product, the default model. The encoder alone
gets the same products, already tokenised, in the same batches: that bounds every model that reads a
product once. Memory is read while ``--rows`` rows stream through.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch

import attrex
from attrex.core import Attribute, Product, Source
from attrex.io.reader import open_reader
from attrex.models.inputs import lay_out
from attrex.models.late_tagger import PREPARED_TOKENS, LateNetwork
from attrex.models.trained import TrainedModel
from attrex.nn.precision import mixed
from attrex.schema import Schema
from attrex.text.batches import by_length
from attrex.text.reading import read
from record import DATA, write

WORDS, ATTRIBUTES = 20, 10


def titles(words: list[str], seed: int) -> Iterator[str]:
    """Titles without end."""
    chance = random.Random(seed)
    while True:
        yield " ".join(chance.choices(words, k=WORDS))


def resident() -> float:
    """Peak memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--products", type=int, default=2048, help="a measurement")
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--rows", type=int, default=20_000, help="streamed for the memory curve")
    given = options.parse_args()
    reader = open_reader(given.data / "extractgpt" / "ae-110k" / "train.jsonl", format="extractgpt")
    labelled = [row.product for row in reader]
    names = sorted(
        {n for p in labelled for n in p.stated}, key=lambda n: -sum(n in p.stated for p in labelled)
    )
    schema = Schema([Attribute(name) for name in names[:ATTRIBUTES]])
    some = [
        Product(
            p.id, p.category, p.sources, (), {n: v for n, v in p.stated.items() if n in names[:ATTRIBUTES]}
        )
        for p in labelled[:400]
    ]
    model = attrex.fit(some, schema=schema)
    words = [word for p in labelled for word in p.sources[0].text.split()]
    endless = titles(words, 0)
    products = [Product(str(at), None, (Source("title", next(endless)),)) for at in range(given.products)]

    tagger = cast(TrainedModel[LateNetwork], model.model)
    readings = read(products, tagger.tokeniser)
    batches = [[readings[at] for at in b] for b in by_length([len(r) for r in readings], PREPARED_TOKENS)]
    inputs = [lay_out(batch, tagger.tokeniser) for batch in batches]

    def encode() -> float:
        began = time.perf_counter()
        with torch.inference_mode():
            for each in inputs:
                with mixed(each.ids_NS.device):
                    tagger.network.encoder(each.ids_NS, each.mask_NS)
        return time.perf_counter() - began

    def fill() -> float:
        began = time.perf_counter()
        for _ in model.stream(products):
            pass
        return time.perf_counter() - began

    def chains() -> float:
        prepared = tagger.prepare(products)
        described = tagger.describe(schema.attributes)
        asks = [(p, a) for p in range(len(products)) for a in range(ATTRIBUTES)]
        began = time.perf_counter()
        tagger.answer(prepared, described, asks)
        return time.perf_counter() - began

    encode(), fill()
    pairs = [(encode(), fill(), chains()) for _ in range(given.pairs)]
    asks = given.products * ATTRIBUTES
    fills = [asks / f for _, f, _ in pairs]
    bounds = [asks / e for e, _, _ in pairs]
    ratios = [e / f for e, f, _ in pairs]
    shares = [c / (e + c) for e, _, c in pairs]
    memory: list[tuple[int, float]] = []
    stream = (Product(str(at), None, (Source("title", next(endless)),)) for at in range(given.rows))
    for at, _ in enumerate(model.stream(stream), start=1):
        if at % (given.rows // 10) == 0:
            memory.append((at, resident()))
    rows: list[list[Any]] = [
        ["asks answered a second, fill", *_spread(fills)],
        ["asks a second that the encoder alone would allow", *_spread(bounds)],
        ["fill / encoder alone", *_spread(ratios)],
        ["answer (emissions, CRF, candidates) / (encoder + answer)", *_spread(shares)],
    ]
    notes = [
        f"{given.products} products, {given.pairs} pairs; tokens a title: "
        f"{statistics.mean(len(r) for r in readings):.1f} on average.",
        "Peak memory while streaming: "
        + ", ".join(f"{n:,} rows {m:,.0f} MiB" for n, m in (memory[0], memory[4], memory[-1]))
        + ".",
    ]
    write("throughput", "Filling speed", ["measure", "min", "median", "max"], rows, notes, {"memory": memory})


def _spread(values: list[float]) -> tuple[float, float, float]:
    return min(values), statistics.median(values), max(values)


if __name__ == "__main__":
    main()
