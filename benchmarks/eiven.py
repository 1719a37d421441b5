"""EIVEN's Tables 1, 2, 3 and 5 and Figure 4 at home: drawn tops with values that are easily confused.

A small decoder and a small picture encoder are first trained from nothing on captions of other tops, which
say in words of their own what is to be seen: the encoder first, then the decoder that reads its tokens. Then
they stay as they are, as LLaMA and CLIP in the paper, and adapters learn the sleeves and necklines of 10, 50,
100 or all labels a value. All models of a table see the same labels and as many examples.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from attrex.core import Product
from attrex.models.catalog import CATALOG
from attrex.models.decoder_export import export_decoder
from attrex.models.picture_parts import save_features
from attrex.nn.granular import ResNetTokens
from attrex.nn.vision import SmallResNet
from attrex.supervision.pool import Pool
from attrex.training import Settings, fit
from confusable import ATTRIBUTES, CAPTIONS, SIMILAR, captioned, few, tops, without_text
from record import write

SIDE = 112
WIDTHS = [16, 32, 64, 128]
BATCH, SEEING_RATE = 16, 3e-3
FEW = 8
"""Questions a step where labels are few."""
PARTS = ("rivals", "ablations", "comparison", "adapters", "order")
RESAMPLES = 2000


@dataclass(frozen=True)
class Scale:
    """How much of everything. ``examples``: that each fit sees; ``general``: products of what is learnt
    first, ``seeing`` and ``epochs``: over them, of the picture encoder and of the decoder."""

    train: int
    test: int
    examples: int
    general: int
    seeing: int
    epochs: int
    layers: int
    seeds: int
    labels: tuple[int | None, ...]


FULL = Scale(900, 300, 6000, 1500, 20, 8, 2, 3, (10, 50, 100, None))
QUICK = Scale(60, 40, 128, 40, 1, 1, 1, 1, (10,))


@dataclass(frozen=True)
class Ground:
    """What all rows share: the bases' folders, and the tops."""

    scale: Scale
    decoder: str
    vision: str
    train: list[Product]
    test: list[Product]

    @property
    def eiven(self) -> dict[str, Any]:
        """The builder's arguments of EIVEN as it is, but for the paper's RepAdapter: in two layers it does
        not learn to compare beside answering (one seed, 100 labels a value, 3,000 questions, 150 tops: .40 to
        .45 of the asks were right, without comparisons .89; by LoRA .97 to .98 both ways).
        """
        return {
            "base": self.decoder,
            "tuning": "lora",
            "pictures": "kept",
            "vision_base": self.vision,
            "picture_size": SIDE,
            "comparison": "judge-last",
        }


# --- what is learnt first ---


def learn_to_see(pool: Pool, scale: Scale, folder: Path) -> None:
    """A picture encoder that tells from its tokens what the captions say, as CLIP's was made to."""
    torch.manual_seed(0)
    encoder = ResNetTokens(SmallResNet(size=SIDE, widths=WIDTHS))
    heads = nn.ModuleList([nn.Linear(encoder.tokens * encoder.width, len(c.values)) for c in CAPTIONS])
    parameters = [*encoder.parameters(), *heads.parameters()]
    steps = scale.seeing * (len(pool.products) // BATCH)
    optimiser = torch.optim.AdamW(parameters, lr=SEEING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, SEEING_RATE, total_steps=steps, pct_start=0.1)
    pixels_BSS3 = torch.stack([torch.from_numpy(p.pictures[0].pixels) for p in pool.products])
    gold_BC = torch.tensor(
        [[c.values.index(p.stated[c.name][0].text) for c in CAPTIONS] for p in pool.products]
    )
    mean_3, std_3 = torch.tensor(encoder.mean), torch.tensor(encoder.std)
    chance = np.random.default_rng(0)
    for _ in range(scale.seeing):
        order = torch.from_numpy(chance.permutation(len(pixels_BSS3)))
        for begin in range(0, len(order) - BATCH + 1, BATCH):
            some = order[begin : begin + BATCH]
            normed_BSS3 = (pixels_BSS3[some].float() / 255 - mean_3) / std_3
            tokens_BX = nn.functional.silu(encoder(normed_BSS3.permute(0, 3, 1, 2)).flatten(1))
            loss = sum(
                nn.functional.cross_entropy(head(tokens_BX), gold_BC[some, at])
                for at, head in enumerate(heads)
            )
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            schedule.step()
    print(f"the picture encoder: {scale.seeing} epochs, loss {loss.item():.3f}", flush=True)
    save_features(encoder, folder)


def prepared_ground(scale: Scale, keep: Path) -> Ground:
    """Fits what the adapters stand on, unless it lies in ``keep``."""
    decoder, vision = keep / "decoder", keep / "vision"
    if not (decoder / "config.json").is_file():
        began = time.monotonic()
        first = captioned(tops(scale.general, side=SIDE, seed=9))
        if not (vision / "config.json").is_file():
            learn_to_see(first, scale, vision)
        torch.manual_seed(0)
        model: Any = CATALOG["eiven"](
            pictures="kept",
            vision_base=str(vision),
            picture_size=SIDE,
            layers=scale.layers,
            comparison="none",
        )
        settings = Settings(epochs=scale.epochs, batch=BATCH, rates={"default": 1e-3}, averaging=0.99)
        report = fit(model, first, None, settings, print)
        export_decoder(model, decoder)
        print(f"the bases: {time.monotonic() - began:.0f} s, loss {report.loss:.3f}", flush=True)
    train = tops(scale.train, side=SIDE, seed=1)
    return Ground(scale, str(decoder), str(vision), train, tops(scale.test, side=SIDE, seed=2))


# --- one row ---


@dataclass(frozen=True)
class Row:
    """A model and how it sees the tops. ``rate``: at which it learns."""

    name: str
    builder: str
    arguments: Mapping[str, Any]
    rate: float = 3e-3
    blind: bool = False
    mute: bool = False

    def products(self, given: Sequence[Product]) -> list[Product]:
        """Without pictures where it is blind, without words where it is mute."""
        made = without_text(given) if self.mute else list(given)
        return [replace(product, pictures=()) for product in made] if self.blind else made


@dataclass(frozen=True)
class Judged:
    """Of one fit: whether each ask was answered rightly, the confusions, trained parameters, seconds."""

    right: list[bool]
    confused: dict[str, int]
    parameters: int
    seconds: float


def run(row: Row, ground: Ground, labels: int | None, seed: int, keep: Path) -> Judged:
    """Fits and judges, unless it was done before."""
    place = keep / f"{row.name}-{labels}-{seed}-{ground.scale.examples}.json".replace(" ", "_").replace(
        ",", ""
    )
    if place.is_file():
        return Judged(**json.loads(place.read_text("utf-8")))
    began = time.monotonic()
    order = np.random.default_rng(seed).permutation(len(ground.train))
    pool = few(row.products([ground.train[at] for at in order]), labels)
    model: Any = CATALOG[row.builder](**row.arguments)
    epochs = max(2, round(ground.scale.examples / max(1, len(pool.labels))))
    rates = {"default": row.rate, "encoder": 1e-4}
    if row.builder == "cma-clip":  # its example is a product with all its labels
        epochs *= len(ATTRIBUTES)
    report = fit(model, pool, None, Settings(epochs=epochs, batch=FEW, rates=rates, seed=seed))
    right, confused = judged(model, row.products(ground.test))
    made = Judged(right, confused, report.parameters, time.monotonic() - began)
    place.write_text(json.dumps(vars(made)), "utf-8")
    share = sum(right) / len(right)
    print(
        f"{row.name}, {labels or 'all'} labels, seed {seed}: {share:.3f} ({made.seconds:.0f} s)", flush=True
    )
    return made


def judged(model: Any, products: Sequence[Product]) -> tuple[list[bool], dict[str, int]]:
    """By exact match of the best answer; an ask without one is wrong."""
    asks = [(p, a) for p in range(len(products)) for a in range(len(ATTRIBUTES))]
    answers = model.answer(model.prepare(products), model.describe(ATTRIBUTES), asks)
    right: list[bool] = []
    confused: Counter[str] = Counter()
    for (p, a), answer in zip(asks, answers, strict=True):
        (gold,) = products[p].stated[ATTRIBUTES[a].name]
        said = answer.candidates[0].text if answer.candidates else ""
        right.append(said.lower() == gold.text.lower())
        confused[f"{gold.text} > {said}"] += 1
    return right, dict(confused)


# --- tables ---


def rows_of(part: str, ground: Ground) -> list[Row]:
    """The first is what the others are compared with."""
    ours = ground.eiven
    eiven = Row("EIVEN", "eiven", ours)
    if part == "rivals":
        seen = {"picture_size": SIDE, "vision_base": ground.vision}
        small = {"vision": "small", "vision_size": SIDE, "vision_widths": WIDTHS}
        return [
            eiven,
            Row("CMA-CLIP", "cma-clip", small, 1e-3),
            Row("DEFLATE", "deflate", {"pictures": "kept", **seen}, 1e-3),
        ]
    if part == "ablations":
        base = {**ours, "granularity": "last", "comparison": "none"}
        return [
            eiven,
            Row("EIVEN, last layer's features", "eiven", {**ours, "granularity": "last"}),
            Row("EIVEN without comparison", "eiven", {**ours, "comparison": "none"}),
            Row("EIVEN-Base", "eiven", base),
            Row("EIVEN-Base without picture", "eiven", {**base, "pictures": "none"}, blind=True),
            Row("EIVEN-Base without text", "eiven", base, mute=True),
        ]
    if part == "comparison":
        others = [
            Row(f"EIVEN, {name}", "eiven", {**ours, "comparison": name, "compared": share})
            for name, share in (
                *(("judge-last", 0.5), ("judge-first", 0.5), ("better-instance", 0.5)),
                ("judge-last", 1.0),
            )
        ]
        others[-1] = replace(others[-1], name="EIVEN, judge-last, every question")
        return [Row("EIVEN without comparison", "eiven", {**ours, "comparison": "none"}), *others]
    if part == "adapters":
        # Table 5 is of EIVEN-Base; by the last layer's features alone most adapters learn nothing here.
        plain = {**ours, "comparison": "none"}
        return [
            Row(f"EIVEN without comparison, {name}", "eiven", {**plain, "tuning": name}, rate)
            for name, rate in (
                *(("repadapter", 1e-2), ("mlp", 1e-2), ("mlp-linear", 1e-2), ("lora", 3e-3)),
                ("full", 1e-3),
            )
        ]
    assert part == "order"
    return [eiven, Row("EIVEN, question before text", "eiven", {**ours, "order": "question-first"})]


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean, and between what 95 % of the means of resampled asks lie."""
    chance = np.random.default_rng(0)
    drawn = chance.integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def similar(confused: Mapping[str, int]) -> float:
    """The share of asks in which a value was taken for one that is like it."""
    wrong = sum(n for pair, n in confused.items() if frozenset(pair.split(" > ")) in SIMILAR)
    return wrong / sum(confused.values())


def table(part: str, ground: Ground, keep: Path, name: str) -> None:
    """Fits every row at every number of labels with every seed."""
    labels = ground.scale.labels
    if part not in ("rivals", "comparison") and labels == FULL.labels:
        labels = labels[1:3]
    rows = rows_of(part, ground)
    made = {
        (row.name, n): [run(row, ground, n, seed, keep) for seed in range(ground.scale.seeds)]
        for n in labels
        for row in rows
    }
    lines: list[list[Any]] = []
    for row in rows:
        line: list[Any] = [row.name, f"{made[row.name, labels[0]][0].parameters / 1e6:.3f}"]
        for n in labels:
            ours, first = (
                np.array([each.right for each in made[who, n]], dtype=float).mean(0)
                for who in (row.name, rows[0].name)
            )
            mean, low, high = interval(ours)
            line.append(f"{mean:.3f} ({low:.3f} to {high:.3f})")
            if row is not rows[0]:
                gain, least, most = interval(ours - first)
                line[-1] += f", {gain:+.3f} ({least:+.3f} to {most:+.3f})"
            line.append(f"{np.mean([similar(each.confused) for each in made[row.name, n]]):.3f}")
        lines.append(line)
    columns = ["model", "trained, M"]
    for n in labels:
        columns += [f"F1, {n or 'all'} a value", "taken for a like one"]
    scale = ground.scale
    write(
        name,
        f"EIVEN on drawn tops: {part}",
        columns,
        lines,
        [
            f"{scale.test} tops, {len(ATTRIBUTES)} asks each, {scale.seeds} seeds; micro-F1 by exact match, "
            "with 95 % intervals over asks; behind the comma the difference from the first row, paired.",
            f"Each fit sees about {scale.examples:,} questions. Taken for a like one: the share of all asks "
            "whose answer is a neighbour's value (short and elbow sleeves, crew and scoop necks, ...).",
            f"The decoder and the picture encoder were learnt on captions of {scale.general} other tops and "
            "are frozen, but for the row that is tuned in full. What is not said otherwise is tuned by LoRA. "
            "CMA-CLIP's text encoder is MiniLM and its vision encoder learns from nothing; DEFLATE is MiniLM "
            "with a decoder, and has EIVEN's frozen pictures.",
        ],
        {f"{who}, {n or 'all'}": [vars(each) for each in runs] for (who, n), runs in made.items()},
    )


def chosen_scale(scale: Scale, given: argparse.Namespace) -> Scale:
    """``scale``, but for what was said otherwise."""
    return replace(
        scale,
        labels=tuple(n or None for n in given.labels) if given.labels else scale.labels,
        seeds=given.seeds or scale.seeds,
        examples=given.examples or scale.examples,
    )


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--keep", type=Path, help="a folder for the bases and the fits; a second run goes on")
    parser.add_argument("--quick", action="store_true", help="to see that it runs; the numbers mean nothing")
    parser.add_argument("--labels", type=int, nargs="+", help="a value, 0 for all; else 10, 50, 100 and all")
    parser.add_argument("--seeds", type=int, help="of each fit; else three")
    parser.add_argument("--examples", type=int, help="questions that a fit sees; else 6,000")
    given = parser.parse_args()
    scale = chosen_scale(QUICK if given.quick else FULL, given)
    with tempfile.TemporaryDirectory() as temporary:
        keep = given.keep or Path(temporary)
        keep.mkdir(parents=True, exist_ok=True)
        ground = prepared_ground(scale, keep)
        for part in given.parts:
            table(part, ground, keep, "try_" * given.quick + f"eiven_{part}")


if __name__ == "__main__":
    main()
