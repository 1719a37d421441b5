"""EAVE against AVEQA of its heavy encoder's size over the number of attributes a product.

Both on the same products, in turns, in one run: T5-large with T5-small (shapes of v1.1, weights at random,
behind MiniLM's tokeniser) and MiniLM with two of its own layers. AdaTag on MiniLM beside them, and, where the
package is installed, GLiNER on the same backbone, which takes all labels in one pass. Timed are ``prepare``
and ``answer``; attributes are described once a catalogue, before. All heads are at random: only time is
measured.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import T5Config, T5EncoderModel

import gliner_rival
from attrex.api.recipe import load_recipe
from attrex.core import Attribute, Product, Source
from attrex.io.reader import open_reader
from attrex.models.attribute_parts import ListedAttributes
from attrex.models.catalog import CATALOG
from attrex.models.eave_text import TwoTexts
from attrex.models.questions import LONGEST as LONGEST_QUESTION
from attrex.models.text_encoders import ENCODER, TOKENISER, MadeText
from attrex.models.trained import TrainedModel
from attrex.nn.encoders import PretrainedEncoder
from attrex.nn.flops import T5_V1_1, EncoderShape
from attrex.nn.pretrained import find_base
from attrex.plan.counting import counted
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.supervision.pool import Pool
from attrex.text.reading import LONGEST_PREFIX
from attrex.text.tokeniser import WordPieces
from attrex.text.windows import cut
from record import DATA, write

TEXTS = {"title": 20, "long": 300, "longest": 512}
"""Words of a title; tokens of a long text and of the longest."""
BESIDE = LONGEST_QUESTION + LONGEST_PREFIX + 4
"""Tokens that must go beside a text into an encoder with positions: attribute, category, specials."""
Run = Callable[[], Any]


class RandomText:
    """A text part with an encoder of T5's kind, its weights at random; all that ask share it."""

    def __init__(self, name: str, shape: EncoderShape) -> None:
        self.name, self.shape = name, shape

    @cached_property
    def made(self) -> MadeText:
        tokeniser = WordPieces.from_file(find_base("minilm").tokeniser)
        config = T5Config(**t5_config(self.shape, tokeniser.size))
        encoder = PretrainedEncoder(T5EncoderModel(config).eval(), frozen_embeddings=False)
        files = {TOKENISER: tokeniser.to_json(), ENCODER: json.dumps({"base": self.name})}
        return MadeText(tokeniser, encoder, encoder.width, files, portable=False)

    def make(self, pool: Pool) -> MadeText:
        return self.made


def t5_config(shape: EncoderShape, vocabulary: int) -> dict[str, Any]:
    """Hugging Face's names of a shape."""
    return {
        "vocab_size": vocabulary,
        "d_model": shape.width,
        "d_kv": 64,
        "d_ff": shape.feed_forward,
        "num_layers": shape.layers,
        "num_heads": shape.inner // 64,
        "feed_forward_proj": "gated-gelu",
        "is_encoder_decoder": False,
        "use_cache": False,
    }


@dataclass(frozen=True)
class Backbone:
    """What the models stand on. ``longest``: tokens of a text that its positions leave; ``products``: a
    measurement's; ``shape``: of T5's kind, None: MiniLM."""

    name: str
    products: int
    longest: int | None
    shape: EncoderShape | None
    eave: Callable[[int], Any]
    aveqa: Callable[[int], Any]


def minilm(products: int) -> Backbone:
    longest = int(find_base("minilm").config()["max_position_embeddings"]) - BESIDE
    return Backbone(
        "MiniLM, 2 of its layers",
        products,
        longest,
        None,
        lambda window: CATALOG["eave"](light_layers=2, window=window),
        lambda window: CATALOG["aveqa"](window=window),
    )


def t5(name: str, heavy: EncoderShape, light: EncoderShape, products: int) -> Backbone:
    texts = RandomText("heavy", heavy), RandomText("light", light)

    def model(builder: str, text: Any, **arguments: Any) -> Callable[[int], Any]:
        def made(window: int) -> Any:
            return TrainedModel(
                builder,
                {},
                text=text,
                attributes=ListedAttributes("open"),
                # The mechanism alone: it has not seen an encoder yet.
                mechanism=CATALOG[builder](**arguments).mechanism,
                window=window,
            )

        return made

    both = TwoTexts(*texts)  # type: ignore[arg-type]
    return Backbone(
        name, products, None, heavy, model("eave", both, light_layers=None), model("aveqa", texts[0])
    )


# --- products and attributes ---


def pieces(data: Path) -> list[Product]:
    """Products of both sets, in turns."""
    wdc = open_reader(data / "wdc_pave" / "wdc_with_all_attributes" / "train_large.jsonl", format="wdc-pave")
    flipkart = open_reader(data / "flipkart" / "products.csv", format="flipkart")
    both = ([row.product for row in reader] for reader in (wdc, flipkart))
    return [each for pair in zip(*both, strict=False) for each in pair]


def made_of(some: Sequence[Product], tokens: int, tokeniser: WordPieces) -> Iterator[Product]:
    """Products whose text is so long, put together from others'."""
    texts = itertools.cycle(source.text for product in some for source in product.sources)
    for at in itertools.count():
        text = ""
        while len(own := tokeniser.encode([text])[0]) < tokens:
            text = f"{text} {next(texts)}".strip()
        yield Product(str(at), None, (Source("text", text[: own.ends[tokens - 1]]),))


def titles(some: Sequence[Product], words: int) -> Iterator[Product]:
    """Products of so many words of titles."""
    every = itertools.cycle(word for product in some for word in product.sources[0].text.split())
    for at in itertools.count():
        yield Product(str(at), None, (Source("text", " ".join(itertools.islice(every, words))),))


# --- measuring ---


def seconds(run: Run) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def peak(run: Run) -> float | None:
    """MiB that the run takes at most beyond what the process holds; None where the system does not say."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        before = _status("VmRSS")
    except OSError:
        return None
    run()
    return max(0.0, _status("VmHWM") - before)


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def runner(model: Any, products: Sequence[Product], attributes: Sequence[Attribute]) -> Run:
    """All attributes asked of all products, in windows where they are long, as ``fill`` would."""
    windows = [w.product for w in cut(products, model.tokeniser, model.traits.window)]
    described = model.describe(attributes)
    asks = [(w, a) for w in range(len(windows)) for a in range(len(attributes))]
    return lambda: model.answer(model.prepare(windows), described, asks)


class Gliner:
    """The package's own architecture with labels in front of the text, all weights at random."""

    def __init__(self, backbone: Backbone) -> None:
        config = find_base("minilm").config()
        self.longest = None if backbone.shape is not None else int(config["max_position_embeddings"])
        if backbone.shape is not None:
            config = T5Config(**t5_config(backbone.shape, int(config["vocab_size"]))).to_dict()
        self.model = gliner_rival.make(config, pretrained=False)

    def run(self, products: Sequence[Product], names: Sequence[str], tokens: int) -> Run | None:
        """None where the labels do not fit beside the text."""
        texts = [product.sources[0].text for product in products]
        if self.longest is not None and tokens + sum(len(name) // 3 + 2 for name in names) > self.longest:
            return None
        return lambda: self.model.inference(texts, list(names), threshold=0.99, batch_size=len(texts))


@dataclass(frozen=True)
class Measured:
    """One text length and number of attributes: seconds by model, one a round; FLOPs and MiB."""

    asks: int
    seconds: dict[str, list[float]]
    flops: dict[str, int]
    peak: dict[str, float | None]

    def ratios(self, other: str, one: str) -> list[float]:
        return [a / b for a, b in zip(self.seconds[other], self.seconds[one], strict=True)]

    def rate(self, model: str) -> str:
        """Asks a second; "-" for a model that did not run."""
        own = self.seconds.get(model)
        return f"{self.asks / statistics.median(own):,.1f}" if own else "-"


def measure(runs: dict[str, Run], asks: int, rounds: int) -> Measured:
    """All in turns, the order reversed every other round. Counting and memory serve as the warm-up."""
    flops = {name: counted(runs[name]) for name in ("eave", "aveqa")}
    most = {name: peak(runs[name]) for name in ("eave", "aveqa")}
    for name in runs.keys() - flops.keys():
        runs[name]()
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for at in range(rounds):
        for name in list(runs)[:: -1 if at % 2 else 1]:
            taken[name].append(seconds(runs[name]))
    return Measured(asks, taken, flops, most)


def row(backbone: str, text: str, attributes: int, made: Measured) -> list[Any]:
    """For the table."""
    ratios = made.ratios("aveqa", "eave")
    ratio, possible = statistics.median(ratios), made.flops["aveqa"] / made.flops["eave"]
    peaks = ("-" if made.peak[name] is None else f"{made.peak[name]:,.0f}" for name in ("eave", "aveqa"))
    return [
        *(backbone, text, attributes),
        f"{ratio:.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
        f"{possible:.2f}",
        f"{ratio / possible:.0%}",
        *(made.rate(name) for name in ("eave", "aveqa", "adatag", "gliner")),
        *peaks,
    ]


def crossing(curve: Sequence[tuple[int, float]]) -> str:
    """From how many attributes on EAVE is the faster one."""
    slower = [n for n, ratio in curve if ratio < 1]
    faster = [n for n, ratio in curve if ratio >= 1 and all(n > other for other in slower)]
    if not faster:
        return "AVEQA is the faster one throughout"
    return f"EAVE is the faster one from {faster[0]} attributes on" + (
        f" (not yet at {slower[-1]})" if slower else ""
    )


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--attributes", type=int, nargs="+", default=[1, 5, 10, 15, 30])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--backbones", nargs="+", choices=["t5", "minilm"], default=["t5", "minilm"])
    options.add_argument("--texts", nargs="+", choices=list(TEXTS), default=list(TEXTS))
    options.add_argument("--name", default="eave_speed", help="of the table")
    options.add_argument("--quick", action="store_true", help="tiny shapes, one round, nothing written")
    given = options.parse_args()
    if given.quick:
        given.attributes, given.rounds = [1, 3], 1
    torch.manual_seed(0)
    some = pieces(given.data)
    stated = [product for product in some if product.stated][:20]
    names = list(dict.fromkeys(name for product in some for name in product.stated))[: max(given.attributes)]
    pool = label(stated, Schema([Attribute(name) for name in names]))[0]
    heavy, light = T5_V1_1["large"], T5_V1_1["small"]
    if given.quick:
        heavy, light = EncoderShape(4, 128, 128, 256, True, 0), EncoderShape(2, 64, 64, 128, True, 0)
    chosen = {
        "t5": lambda: t5("T5-large, T5-small", heavy, light, products=1),
        "minilm": lambda: minilm(products=1 if given.quick else 8),
    }
    rows: list[list[Any]] = []
    notes: list[str] = []
    raw: dict[str, Any] = {}
    for name in given.backbones:
        backbone = chosen[name]()
        for text, made in measured(backbone, some, names, pool, given):
            rows += [row(backbone.name, text, n, each) for n, each in made.items()]
            curve = [(n, statistics.median(each.ratios("aveqa", "eave"))) for n, each in made.items()]
            notes.append(f"{backbone.name}, {text}: {crossing(curve)}.")
            raw[f"{backbone.name}, {text}"] = {n: vars(each) for n, each in made.items()}
            print(*rows[-len(made) :], notes[-1], sep="\n", file=sys.stderr)
    if not given.quick:
        write(given.name, "EAVE's speed beside AVEQA's", COLUMNS, rows, [*NOTES, *notes], raw)


COLUMNS = [
    *("backbone", "text", "N"),
    "AVEQA / EAVE, seconds (range)",
    "FLOP ratio",
    "of it",
    *("asks/s EAVE", "asks/s AVEQA", "asks/s AdaTag", "asks/s GLiNER"),
    *("MiB EAVE", "MiB AVEQA"),
]
NOTES = [
    "N attributes are asked of every product; AVEQA has the heavy encoder's size. "
    "Medians over rounds in which all models take turns; FLOPs by PyTorch's counter, padding included.",
    "Texts are put together from those of wdc_pave and flipkart. MiniLM has 512 positions, so its longest"
    " text is what they leave beside attribute and category.",
    "MiB: the most memory that prepare and answer take beyond the loaded models.",
    "AdaTag is the default model, on MiniLM in all rows, and reads long texts in windows. GLiNER: all labels"
    " in one pass, on the row's backbone; - where the package is not installed, or where labels and text do"
    " not fit its positions.",
]


def measured(
    backbone: Backbone,
    some: Sequence[Product],
    names: Sequence[str],
    pool: Pool,
    given: argparse.Namespace,
) -> Iterator[tuple[str, dict[int, Measured]]]:
    """For each kind of text, by number of attributes."""
    tokeniser = WordPieces.from_file(find_base("minilm").tokeniser)
    gliner = Gliner(backbone) if gliner_rival.installed() else None
    window = backbone.longest or 1024
    models = {"eave": backbone.eave(window), "aveqa": backbone.aveqa(window)}
    models["adatag"] = CATALOG["adatag"](**load_recipe("adatag-minilm").arguments)
    for model in models.values():
        model.begin(pool)
        assert isinstance(model.network, nn.Module)
        model.network.eval()
    for kind in given.texts:
        size = TEXTS[kind]
        tokens = min(size, backbone.longest or size)
        endless = titles(some, size) if kind == "title" else made_of(some, tokens, tokeniser)
        products = list(itertools.islice(endless, backbone.products))
        longest = max(len(own) for own in tokeniser.encode([p.sources[0].text for p in products]))
        found: dict[int, Measured] = {}
        for n in given.attributes:
            attributes = [Attribute(name) for name in names[:n]]
            runs = {name: runner(model, products, attributes) for name, model in models.items()}
            if gliner and (own := gliner.run(products, names[:n], longest)):
                runs["gliner"] = own
            found[n] = measure(runs, n * len(products), given.rounds)
        yield (f"title of {size} words" if kind == "title" else f"{tokens} tokens"), found


if __name__ == "__main__":
    main()
