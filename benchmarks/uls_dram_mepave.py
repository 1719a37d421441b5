"""CLS-F1 and TAG-F1 on the samples of MEPAVE, in their own split: a proof of the Chinese path, not of
quality.

The samples come without pictures: all models read the text alone, by characters. Learnt from is the train and
the valid file, judged the test file. For ULS-DRAM also the thresholds of A.2.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import attrex
from attrex.api.recipe import Recipe
from attrex.api.scoring import judge_all
from attrex.core import Product
from attrex.evaluation.tagging import class_counts, tag_counts, threshold_sweep
from attrex.io.reader import open_reader
from attrex.models.trained import TrainedModel
from attrex.schema import Schema
from pictured import fitted
from record import DATA, write

FILES = {
    "kplug": "kplug_jdai.jave.fashion.{}",
    "jave": "jave_jdai.jave.fashion.{}.sample",
}
TEXT = {"tokens": "characters", "embedding": 64, "width": 128}
ULS_DRAM = "ULS-DRAM"
MODELS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "RNN-LSTM": ("rnn-lstm", TEXT),
    "Attn-BiRNN": ("attn-birnn", TEXT),
    "Slot-Gated": ("slot-gated", TEXT),
    "JAVE-LSTM": ("jave", {**TEXT, "encoder": "bilstm"}),
    "ULS-L": ("uls-l", {**TEXT, "encoder": "bilstm", "values": "none"}),
    ULS_DRAM: (
        "uls-vl",
        {**TEXT, "encoder": "bilstm", "embedding": 128, "range": "prototypes", "values": "none"},
    ),
}
SWEPT = "thresholds"
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def read(data: Path, which: str, part: str) -> tuple[list[Product], Schema]:
    """The products, and a schema in which every attribute may have several values."""
    reader = open_reader(data / "mepave_samples" / FILES[which].format(part), format="mepave")
    schema = reader.schema()
    assert schema is not None
    return [row.product for row in reader], Schema([replace(a, many=True) for a in schema.every])


def ranges(model: TrainedModel[Any], products: Sequence[Product]) -> list[dict[str, float]] | None:
    """The probability of each attribute that it applies; None for a model that does not judge it."""
    prepared = model.prepare(products)
    if any(record.range is None for record in prepared):
        return None
    names = model.learnt.table.names
    return [dict(zip(names, record.range, strict=True)) for record in prepared]


def swept(
    extractor: attrex.Extractor,
    held: Sequence[Product],
    gold: Sequence[set[str]],
    applies: Sequence[Mapping[str, float]],
) -> list[tuple[float, float, float]]:
    """Of each threshold CLS-F1 and TAG-F1 (Figure 8)."""
    assert isinstance(extractor.model, TrainedModel)
    part, made = extractor.model.network.part, []
    own = part.threshold
    for threshold, counts in threshold_sweep(gold, applies, THRESHOLDS):
        part.threshold = threshold
        tagged = tag_counts(judge_all(extractor, held))
        made.append((threshold, counts.scores().f1, tagged.scores().f1))
    part.threshold = own
    return made


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--set", default="kplug", choices=list(FILES))
    options.add_argument("--epochs", type=int, default=40)
    options.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    options.add_argument("--quick", action="store_true", help="one epoch: a trial")
    options.add_argument("--name", default="uls_dram_mepave")
    options.add_argument(
        "--keep", type=Path, help="folder for finished models, so that a stopped run goes on"
    )
    given = options.parse_args()
    parts = [read(given.data, given.set, part) for part in ("train", "valid")]
    rest = [product for products, _ in parts for product in products]
    every = {a.name: a for _, schema in parts for a in schema.every}
    held, _ = read(given.data, given.set, "test")
    gold = [{name for name, values in p.stated.items() if values} for p in held]
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    for name in given.models:
        builder, arguments = MODELS[name]
        recipe = Recipe(
            name=name,
            builder=builder,
            arguments=arguments,
            training={
                "epochs": 1 if given.quick else given.epochs,
                "batch": 16,
                "rates": {"default": 2e-3},
                "weight_decay": 0,
                "patience": 8,
            },
        )
        extractor, seconds = fitted(recipe, rest, Schema(list(every.values())), given.keep, complete=True)
        judged = judge_all(extractor, held)
        tagged = tag_counts(judged)
        assert isinstance(extractor.model, TrainedModel)
        applies = ranges(extractor.model, held)
        if applies is None:
            told = {
                p.id: {one.attribute for one in judged if one.product_id == p.id and one.predicted}
                for p in held
            }
            classes = class_counts(gold, list(told.values()))
        else:
            (_, classes), *_ = threshold_sweep(gold, applies, [0.5])
            if name == ULS_DRAM:
                raw[SWEPT] = swept(extractor, held, gold, applies)
        scores = tagged.scores()
        rows.append(
            [
                name,
                classes.scores().f1,
                scores.precision,
                scores.recall,
                scores.f1,
                f"{seconds:.0f}",
            ]
        )
        raw[name] = {"CLS": classes.to_json(), "TAG": tagged.to_json()}
    notes = [
        f"{len(rest)} sentences learnt from (train and valid files), {len(held)} report (test file); "
        "characters as tokens, no pictures, one seed.",
        "CLS: each sentence's attributes, by the range at 0.5, or where a model has none by what it tags. "
        "TAG: places, by exact characters.",
    ]
    if SWEPT in raw:
        told = ", ".join(f"{at:g} {cls:.3f}/{tag:.3f}" for at, cls, tag in raw[SWEPT])
        notes.append(f"CLS-F1 and TAG-F1 of ULS-DRAM by threshold: {told}.")
    write(
        given.name,
        f"MEPAVE's samples ({given.set})",
        ["model", "CLS-F1", "TAG P", "TAG R", "TAG-F1", "s a fit"],
        rows,
        notes,
        raw,
    )


if __name__ == "__main__":
    main()
