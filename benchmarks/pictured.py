"""ULS-DRAM, its ablations and its rivals as recipes, and a fit that is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import attrex
from attrex.api.recipe import Recipe, load_recipe
from attrex.api.scoring import judge_results
from attrex.core import Product, Source
from attrex.evaluation import Judged
from attrex.extract import Request
from attrex.schema import Schema

TEXT_ONLY = "text only"
PICTURE_ONLY = "picture only"
PLAIN, SELF, TIR, PAR = "concatenation", "self-attention", "TIR", "PAR"
ULS_DRAM, PRINTED = "TIR + PAR", "TIR as printed"
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    TEXT_ONLY: ("uls-l", {"range": "none"}),
    PICTURE_ONLY: ("uls-vl", {"joined": "concatenation", "range": "none"}),
    PLAIN: ("uls-vl", {"joined": "concatenation", "range": "none"}),
    SELF: ("uls-vl", {"joined": "self-attention", "range": "none"}),
    TIR: ("uls-vl", {"joined": "tir", "range": "none"}),
    PRINTED: ("uls-vl", {"joined": "tir", "attention": "printed", "range": "none"}),
    PAR: ("uls-vl", {"joined": "concatenation", "range": "prototypes"}),
    ULS_DRAM: ("uls-vl", {"joined": "tir", "range": "prototypes"}),
}
"""Builder and arguments; all have the value head."""
TINY = {"encoder": "bilstm", "embedding": 32, "width": 32, "decoder_width": 32}
"""Of the text side, to try a benchmark out."""


def variant(
    name: str, *, epochs: int, batch: int, quick: bool, vision: Mapping[str, Any], **text: Any
) -> Recipe:
    """A row's recipe; ``vision``: arguments of those that see; ``text``: of all."""
    builder, own = VARIANTS[name]
    arguments = {**own, **text, **(TINY if quick else {}), **(vision if builder == "uls-vl" else {})}
    base = load_recipe("uls-dram")
    assert base.training is not None
    rates = {"encoder": 1e-4, "default": 3e-3 if quick or "encoder" in text else 1e-3}
    training = {**base.training, "epochs": epochs, "batch": batch, "rates": rates}
    return replace(base, name=name, builder=builder, arguments=arguments, training=training)


def without_words(products: Sequence[Product]) -> list[Product]:
    """All with the same name, and no category."""
    return [replace(p, category=None, sources=(Source("title", "product"),)) for p in products]


def fitted(
    recipe: Recipe, rest: Sequence[Product], schema: Schema, keep: Path | None, **more: Any
) -> tuple[attrex.Extractor, float]:
    """The extractor and the seconds of fitting it; from the folder ``keep`` where it lies there."""
    slug = recipe.name.replace(" ", "-").replace("+", "and")
    if keep and (keep / slug).is_dir():
        return attrex.Extractor.from_pretrained(keep / slug), float((keep / f"{slug}.txt").read_text())
    began = time.monotonic()
    out = {"out": keep / slug} if keep else {}
    extractor = attrex.fit(rest, schema=schema, recipe=recipe, gate="none", **out, **more)
    seconds = time.monotonic() - began
    if keep:
        extractor.save_pretrained(keep / slug)
        (keep / f"{slug}.txt").write_text(str(seconds))
    print(f"{recipe.name}: fitted in {seconds:.0f} s", flush=True)
    return extractor, seconds


@dataclass(frozen=True, slots=True)
class Said:
    """What is stated beside what is said, in canonical form: ``judged`` where it is sure enough, and ``best``
    by the first proposal where it is not."""

    judged: list[Judged]
    best: list[Judged]


def said_by(extractor: attrex.Extractor, held: Sequence[Product], kept: Path | None) -> Said:
    """Of all that the held products state; from the file ``kept`` where there is one."""
    if kept and kept.is_file():
        told = json.loads(kept.read_text("utf-8"))
        return Said(*([Judged(**_tuples(one)) for one in told[part]] for part in ("judged", "best")))
    requests = [Request(p, [extractor.attribute(name) for name in p.stated]) for p in held]
    results = list(extractor.run(requests))
    judged = judge_results(results, form="canonical")
    proposals = [extraction.alternatives[:1] for result in results for extraction in result.extractions]
    best = [
        one if one.predicted else replace(one, predicted=tuple(value.canonical for value in first))
        for one, first in zip(judged, proposals, strict=True)
    ]
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        told = {"judged": [asdict(one) for one in judged], "best": [asdict(one) for one in best]}
        kept.write_text(json.dumps(told), "utf-8")
    return Said(judged, best)


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items() if not k.endswith("_spans")}
