"""What SMARTAVE's structured attention costs beside full attention of the same width, and its two forms.

Three tables in one run, all rows of a table in turns. The attention core: scores, softmax and values of one
layer, without projections; full attention fused (as every encoder here has it) and as the equations stand,
with the whole matrix of scores. The whole encoder, MiniLM's shape with weights at random, against BERT's own
over the same tokens in one sequence; with own queries and keys (the paper's form) and with shared ones. And
asks answered a second by the paper's form and by the one that reads a product once, at 1, 5 and 15
attributes.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attrex.core import Attribute, Product, Source
from attrex.models.smartave import build_smartave_text
from attrex.nn.encoders import PretrainedEncoder
from attrex.nn.precision import mixed, product_dtype
from attrex.nn.pretrained import build_body, find_base
from attrex.nn.structured import PATTERNS, Blocks, Sent, StructuredEncoder, attend
from attrex.schema import Schema
from attrex.supervision.distant import label
from eave_speed import peak, seconds
from record import write

LENGTHS, SOURCES = (256, 512, 1024, 2048, 4096), (1, 4, 8, 16)
QUESTION = 8
"""Tokens of an attribute: a block of its own, or in front of the one sequence."""
CPU = torch.device("cpu")
Run = Callable[[], Any]


@dataclass(frozen=True)
class Shape:
    width: int
    heads: int
    layers: int


def lengths_of(tokens: int, sources: int) -> list[int]:
    """The attribute's block and the sources', of equal length."""
    edges = [tokens * at // sources for at in range(sources + 1)]
    return [QUESTION, *(b - a for a, b in itertools.pairwise(edges))]


# --- the core ---


def core(shape: Shape, lengths: Sequence[int]) -> dict[str, Run]:
    """One layer's attention over one product, of each kind."""
    dtype, M, R = product_dtype(CPU), sum(lengths), len(lengths)

    def random(rows: int) -> Tensor:
        return torch.randn(rows, shape.width, dtype=dtype)

    rows = {"local": M, "hyper": R}
    asked = {p: (random(rows[p.split("-")[0]]), random(rows[p.split("-")[1]])) for p in PATTERNS}
    sent, blocks = Sent(asked, random(M), random(R)), Blocks(lengths, [0] * R, CPU)
    query, key, value = (random(M).view(1, M, shape.heads, -1).transpose(1, 2) for _ in range(3))

    def spelt_out() -> Tensor:
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        return scores.softmax(3) @ value

    return {
        "structured": lambda: attend(sent, blocks, heads=shape.heads),
        "fused": lambda: torch.nn.functional.scaled_dot_product_attention(query, key, value),
        "spelt out": spelt_out,
    }


# --- the whole encoder ---


class Encoders:
    """Of one shape with weights at random."""

    def __init__(self, shape: Shape, longest: int) -> None:
        torch.manual_seed(0)
        config = {
            **find_base("minilm").config(),
            "hidden_size": shape.width,
            "num_attention_heads": shape.heads,
            "num_hidden_layers": shape.layers,
            "intermediate_size": 4 * shape.width,
            "max_position_embeddings": longest + QUESTION,
            "vocab_size": 100,
        }
        self.full = build_body(config).eval()
        self.structured = {
            name: StructuredEncoder(
                PretrainedEncoder(build_body(config), frozen_embeddings=True),
                modalities=2,
                opening=1,
                shared=shared,
            ).eval()
            for name, shared in (("own", False), ("shared", True))
        }

    def runs(self, lengths: Sequence[int]) -> dict[str, Run]:
        """Over one product."""
        M, R = sum(lengths), len(lengths)
        vectors_MD = torch.randn(M, self.structured["own"].width)
        place_M = torch.cat([torch.arange(length) for length in lengths])
        modality_R = torch.tensor([0, *[1] * (R - 1)])

        def structured(encoder: StructuredEncoder) -> Run:
            def run() -> Any:
                blocks = Blocks(lengths, [0] * R, CPU)
                return encoder(*encoder.enter(vectors_MD, place_M, modality_R, blocks), blocks)

            return run

        def full() -> Any:
            with mixed(CPU):
                return self.full(inputs_embeds=vectors_MD.unsqueeze(0))

        return {**{name: structured(each) for name, each in self.structured.items()}, "full": full}


# --- the two forms ---


def forms(words: int, numbers: Sequence[int]) -> tuple[dict[str, Any], Product, list[Attribute]]:
    """Both, with MiniLM; a product of six sources, and attributes."""
    attributes = [Attribute(f"attribute {at}", "what it is") for at in range(max(numbers))]
    texts = [Product(str(at), None, (Source("title", f"value {at} of this"),)) for at in range(20)]
    pool = label(texts, Schema(attributes), complete=True)[0]
    models: dict[str, Any] = {}
    for form in ("seen", "apart"):
        torch.manual_seed(0)
        models[form] = build_smartave_text(attribute=form)  # type: ignore[arg-type]
        models[form].begin(pool)
        models[form].network.eval()
        writer, script = models[form].network.extraction.writer, models[form].network.extraction.script
        # A trained one says "none" or a short value; one at random would write to its limit.
        writer.generate.bias.data[writer.place(torch.tensor(script.end))] += 30.0
        writer.gate.bias.data += 2.0
    text = " ".join(
        itertools.islice(
            itertools.cycle(["a", "red", "cotton", "hat", "for", "the", "sun", "by", "Acme"]), words // 6
        )
    )
    product = Product("1", None, tuple(Source(f"source {at}", text) for at in range(6)))
    return models, product, attributes


def asking(model: Any, products: Sequence[Product], attributes: Sequence[Attribute]) -> Run:
    """All attributes of all products, described before."""
    described = model.describe(attributes)
    asks = [(p, a) for p in range(len(products)) for a in range(len(attributes))]
    return lambda: model.answer(model.prepare(products), described, asks)


# --- measuring ---


@dataclass(frozen=True)
class Measured:
    """Seconds by name, one a round, and MiB beyond what the process holds."""

    seconds: Mapping[str, list[float]]
    peak: Mapping[str, float | None]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratio(self, other: str, one: str) -> str:
        """How many times as long, the median over rounds and the range."""
        every = [a / b for a, b in zip(self.seconds[other], self.seconds[one], strict=True)]
        return f"{statistics.median(every):.2f} ({min(every):.2f}-{max(every):.2f})"

    def mib(self, name: str) -> str:
        own = self.peak[name]
        return "-" if own is None else f"{own:,.1f}"


@torch.inference_mode()
def measure(runs: Mapping[str, Run], rounds: int, *, repeats: int = 1) -> Measured:
    """In turns, the order reversed every other round. Memory serves as the warm-up."""
    most = {name: peak(run) for name, run in runs.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for at in range(rounds):
        for name in list(runs)[:: -1 if at % 2 else 1]:
            run = runs[name]
            taken[name].append(seconds(lambda run=run: [run() for _ in range(repeats)]) / repeats)  # type: ignore[misc]
    return Measured(taken, most)


def raw(made: Measured) -> dict[str, Any]:
    return {"seconds": dict(made.seconds), "MiB": dict(made.peak)}


def crossover(ratios: Mapping[tuple[int, int], float]) -> str:
    """From how many tokens on the structured encoder is the faster one, by number of sources."""
    said = []
    for sources in sorted({s for _, s in ratios}):
        faster = [t for (t, s), ratio in sorted(ratios.items()) if s == sources and ratio > 1]
        said.append(f"{sources} sources: from {faster[0]} tokens" if faster else f"{sources} sources: never")
    return "The structured encoder is the faster one with " + "; ".join(said)


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--attributes", type=int, nargs="+", default=[1, 5, 15])
    options.add_argument("--quick", action="store_true", help="small shapes, one round, nothing written")
    given = options.parse_args()
    shape, lengths, sources, rounds = Shape(384, 12, 6), LENGTHS, SOURCES, given.rounds
    if given.quick:
        shape, lengths, sources, rounds = Shape(48, 4, 2), (64, 128), (1, 4), 1
    encoders = Encoders(shape, max(lengths))
    tables: dict[str, list[list[Any]]] = {"core": [], "encoder": [], "forms": []}
    everything: dict[str, Any] = {}
    ratios: dict[tuple[int, int], float] = {}
    for tokens, number in itertools.product(lengths, sources):
        own = lengths_of(tokens, number)
        made = measure(core(shape, own), rounds, repeats=max(1, 4096 // tokens))
        ours = made.median("structured")
        tables["core"].append(
            [
                *(tokens, number, f"{1e3 * ours:.2f}"),
                *(made.ratio(other, "structured") for other in ("fused", "spelt out")),
                *(made.mib(name) for name in ("structured", "fused", "spelt out")),
            ]
        )
        everything[f"core, {tokens}, {number}"] = raw(made)
        made = measure(encoders.runs(own), rounds)
        ratios[tokens, number] = made.median("full") / made.median("own")
        tables["encoder"].append(
            [
                *(tokens, number, f"{1e3 * made.median('own'):.1f}"),
                *(made.ratio("full", name) for name in ("own", "shared")),
                *(made.mib(name) for name in ("own", "shared", "full")),
            ]
        )
        everything[f"encoder, {tokens}, {number}"] = raw(made)
        print(*(table[-1] for table in list(tables.values())[:2]), sep="\n", flush=True)
    for words in (60,) if given.quick else (300, 900):
        models, product, attributes = forms(words, given.attributes)
        products = [product] * (1 if given.quick else 4)
        for n in given.attributes[:2] if given.quick else given.attributes:
            made = measure({f: asking(m, products, attributes[:n]) for f, m in models.items()}, rounds)
            rates = [f"{n * len(products) / made.median(form):,.1f}" for form in models]
            tables["forms"].append([words, n, *rates, made.ratio("seen", "apart")])
            everything[f"forms, {words}, {n}"] = raw(made)
            print(tables["forms"][-1], flush=True)
    if given.quick:
        return
    write("smartave_cost_core", "The attention core", CORE, tables["core"], NOTES, everything)
    write(
        "smartave_cost",
        "The whole encoder",
        WHOLE,
        tables["encoder"],
        [*NOTES, crossover(ratios)],
        everything,
    )
    write("smartave_forms", "SMARTAVE's two forms", FORMS, tables["forms"], FORM_NOTES, everything)


TOKENS = ["tokens", "sources"]
CORE = [
    *(*TOKENS, "ms, structured", "fused / structured (range)", "spelt out / structured (range)"),
    *("MiB structured", "MiB fused", "MiB spelt out"),
]
WHOLE = [
    *(*TOKENS, "ms, own queries", "full / own (range)", "full / shared (range)"),
    *("MiB own", "MiB shared", "MiB full"),
]
FORMS = ["words", "N", "asks/s, the paper's form", "asks/s, read once", "times as fast (range)"]
NOTES = [
    f"One product; beside its sources an attribute of {QUESTION} tokens. MiniLM's shape: 6 layers, 384 wide, "
    "12 heads. Medians over rounds in which all take turns.",
    "Full attention has the same tokens in one sequence. Fused: PyTorch's kernel, which never holds the "
    "whole matrix; spelt out: as the equations stand.",
    "The paper's form has queries and keys of its own for each attention, two more projections a token than "
    "full attention: with one short source it must lose.",
    "MiB: the most that a run takes beyond what the process holds, its outcome included: of 2,056 tokens 1.5 "
    "MiB in bfloat16, 3.0 in float32, whatever the attention.",
]
FORM_NOTES = [
    "MiniLM with four decoder layers and five beams; four products of six sources; N attributes are asked of "
    "each. Weights are untrained, but for biases that end values early, as a trained model does.",
]


if __name__ == "__main__":
    main()
