"""What EIVEN's shared prefix saves: ten questions a product, with the text read once, or once a question."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from attrex.core import Attribute, Product, Source, Stated
from attrex.models.catalog import CATALOG
from attrex.schema import Schema
from attrex.supervision.pool import Label, Pool
from record import write

LENGTHS = {"titles": 12, "texts of 150 tokens": 150}
QUESTIONS = 10
WORDS = [
    *("steady", "bright", "folding", "garden", "river", "copper"),
    *("window", "summer", "velvet", "morning", "castle", "ribbon"),
]
ATTRIBUTES = [
    Attribute(f"Part {n}", values=tuple(f"{w} {v}" for w, v in zip(2 * WORDS[n:], "abcd", strict=False)))
    for n in range(QUESTIONS)
]


def made_model(layers: int) -> Any:
    """EIVEN's small decoder with random weights: what it answers does not matter here."""
    model: Any = CATALOG["eiven"](pictures="none", layers=layers, comparison="none")
    stated = {ATTRIBUTES[0].name: (Stated("a"),)}
    product = Product("0", sources=(Source("title", WORDS[0]),), stated=stated)
    model.begin(Pool([product], [Label(0, ATTRIBUTES[0], "unlocated", ("a",))], Schema(ATTRIBUTES)))
    model.network.eval()
    return model


def shared(model: Any, products: list[Product]) -> list[Any]:
    """As attrex asks."""
    asks = [(p, a) for p in range(len(products)) for a in range(QUESTIONS)]
    answers: list[Any] = model.answer(model.prepare(products), model.describe(ATTRIBUTES), asks)
    return answers


def alone(model: Any, products: list[Product]) -> list[Any]:
    """Every question reads everything anew, as many products side by side."""
    asks = [(p, 0) for p in range(len(products))]
    made = [model.answer(model.prepare(products), model.describe([each]), asks) for each in ATTRIBUTES]
    return [answers[p] for p in range(len(products)) for answers in made]


def seconds(work: Callable[[Any, list[Product]], object], model: Any, products: list[Product]) -> float:
    """Of one pass."""
    began = time.perf_counter()
    work(model, products)
    return time.perf_counter() - began


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="to see that it runs; the numbers mean nothing")
    quick = parser.parse_args().quick
    count, passes = (4, 1) if quick else (32, 7)
    model, chance = made_model(4), np.random.default_rng(0)
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    for what, length in LENGTHS.items():
        products = [
            Product(str(n), sources=(Source("text", " ".join(chance.choice(WORDS, length))),))
            for n in range(count)
        ]
        described = model.describe(ATTRIBUTES)
        asked = [(prefix, each) for prefix in model.prepare(products) for each in described]
        tokens = model.mechanism.tokens(model.learnt, asked)
        pairs = zip(shared(model, products), alone(model, products), strict=True)
        apart = max(abs(one.none_score - other.none_score) for one, other in pairs)
        # In turns, so that a busy machine slows both.
        passed = [[seconds(work, model, products) for work in (shared, alone)] for _ in range(passes)]
        best = [min(each) for each in zip(*passed, strict=True)]
        rows.append(
            [
                what,
                *(f"{each / count:.0f}" for each in (tokens.shared, tokens.alone)),
                f"{tokens.alone / tokens.shared:.2f}",
                *(f"{1000 * each / count:.1f}" for each in best),
                f"{best[1] / best[0]:.2f}",
            ]
        )
        raw[what] = {"tokens": [tokens.shared, tokens.alone], "seconds": passed, "apart": apart}
    write(
        "try_" * quick + "eiven_sharing",
        "What the shared prefix saves",
        ["", "tokens shared", "alone", "fewer", "ms a product, shared", "alone", "faster"],
        rows,
        [
            f"{QUESTIONS} questions a product, four allowed values each, all scored; {count} products. A "
            f"decoder of four layers, 384 wide, at random; the best of {passes} passes each, in turns. "
            "Alone: each question reads the text again; batches are as large.",
            f"Answers differ by at most {max(each['apart'] for each in raw.values()):.0e} in a probability: "
            "large products run in bfloat16 where that pays; in float32 the tests hold them to 1e-5.",
            "What is not saved are the tokens of the questions and of their values, so titles gain little.",
        ],
        raw,
    )


if __name__ == "__main__":
    main()
