"""Products of which a shop has nothing but a picture: learnt of, and answered, by who can read a picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from attrex.core import Product, Source, Status
from attrex.extract import Pipeline, everything
from attrex.models.catalog import CATALOG
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver
from attrex.schema import Schema
from attrex.supervision.distant import label
from tests.conformance.base import make_base, make_decoder_base
from tests.models.eiven_made import COLOUR, MATERIAL, SEEN

ASKED = [COLOUR, MATERIAL]
SCHEMA = Schema(ASKED)
MUTE = [replace(product, id=f"mute {product.id}", sources=()) for product in SEEN[:4]]
POOL = label([*SEEN, *MUTE], SCHEMA)[0]

SIGHT = {"vision": "small", "vision_size": 56, "vision_widths": [16, 16, 16, 16]}
WORDS = {"encoder": "bilstm", "embedding": 16, "width": 16, "dropout": 0.0, "window": 20}
PICTURE = {"pictures": "small", "picture_size": 56, "picture_widths": [16, 16, 16, 16]}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "ULS-DRAM": ("uls-vl", {**WORDS, **SIGHT, "decoder_width": 16}),
    "ULS-DRAM on BERT": ("uls-vl", {"base": "bert", "dropout": 0.0, "window": 20, **SIGHT}),
    "ULS-VL": ("uls-vl", {**WORDS, **SIGHT, "decoder_width": 16, "range": "none"}),
    "M-JAVE with a head": ("m-jave", {**WORDS, **SIGHT, "values": "head"}),
    "CMA-CLIP": ("cma-clip", {**WORDS, **SIGHT, "heads": 2, "layers": 1}),
    "MAE": ("mae", {**WORDS, **SIGHT}),
    "EIVEN": ("eiven", {"base": "decoder", "window": 40, "comparison": "none", **PICTURE}),
    "DEFLATE": ("deflate", {"base": "bert", "window": 20, "layers": 1, **PICTURE}),
    "PAM": ("pam", {"base": "bert", "window": 20, "layers": 1, "beams": 3, **SIGHT}),
    "SMARTAVE": ("smartave", {"base": "bert", "window": 100, "block": 32, "decoder_layers": 1, **SIGHT}),
    "SMARTAVE, apart": (
        "smartave",
        {"base": "bert", "window": 100, "block": 32, "decoder_layers": 1, "attribute": "apart", **SIGHT},
    ),
}
TAGS_ALONE: dict[str, tuple[str, dict[str, Any]]] = {
    "M-JAVE": ("m-jave", {**WORDS, **SIGHT}),
    "ULS-VL without a head": ("uls-vl", {**WORDS, **SIGHT, "values": "none"}),
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("bases")
    return {
        "bert": str(make_base(folder / "bert")),
        "decoder": str(make_decoder_base(folder / "decoder")),
    }


def begun(row: tuple[str, dict[str, Any]], bases: dict[str, str]) -> Any:
    torch.manual_seed(0)
    builder, arguments = row
    named = {"base": bases[arguments["base"]]} if "base" in arguments else {}
    model: Any = CATALOG[builder](**{**arguments, **named})
    model.begin(POOL)
    return model


def answers(model: Any, products: list[Product]) -> list[Any]:
    model.network.eval()
    asks = [(p, a) for p in range(len(products)) for a in range(2)]
    made: list[Any] = model.answer(model.prepare(products), model.describe(ASKED), asks)
    return made


def statuses(model: Any, products: list[Product]) -> set[Status]:
    model.network.eval()
    pipeline = Pipeline(model, SCHEMA, Resolver(Policy(), Normaliser()), stage="", version="")
    bare = [replace(product, stated={}) for product in products]
    results = pipeline.run(everything(product, SCHEMA) for product in bare)
    return {extraction.status for result in results for extraction in result.extractions}


@pytest.mark.parametrize("name", ROWS)
def test_a_picture_alone_is_learnt_of(name: str, bases: dict[str, str]) -> None:
    model = begun(ROWS[name], bases)
    examples = list(model.examples(POOL, 0))
    mute = [example for example in examples if not len(example.reading)]
    assert {example.product.id for example in mute} == {product.id for product in MUTE}
    for batch in (mute, [mute[0], examples[0], mute[1]]):
        model.network.zero_grad()
        loss = model.network(model.collate(batch))["loss"]
        assert loss.isfinite()
        loss.backward()
        looking = [
            parameter.grad
            for part, parameter in model.network.named_parameters()
            if ("vision" in part or "pictures" in part or "features" in part) and parameter.grad is not None
        ]
        assert sum(float(grad.abs().sum()) for grad in looking) > 0


@pytest.mark.parametrize("name", ROWS)
def test_a_picture_alone_is_answered_by_what_it_shows(name: str, bases: dict[str, str]) -> None:
    model = begun(ROWS[name], bases)
    with torch.no_grad():
        for part, parameter in model.network.named_parameters():
            if part.endswith("range.weight") or not parameter.any():  # begin at nought
                torch.nn.init.normal_(parameter, std=0.3)
    together = answers(model, [*MUTE, SEEN[0]])
    alone = [answer for product in MUTE for answer in answers(model, [product])]
    for one, other in zip(together, alone, strict=False):
        assert one.problem is None
        assert one.none_score == pytest.approx(other.none_score, abs=1e-4)
        assert all(candidate.evidence.span is None for candidate in one.candidates)
    assert len({round(answer.none_score, 6) for answer in alone[::2]}) > 1
    assert Status.UNREADABLE not in statuses(model, MUTE)
    assert statuses(model, [replace(product, pictures=()) for product in MUTE]) == {Status.UNREADABLE}


@pytest.mark.parametrize("name", TAGS_ALONE)
def test_who_only_tags_a_text_says_that_there_is_nothing_to_read(name: str, bases: dict[str, str]) -> None:
    model = begun(TAGS_ALONE[name], bases)
    assert {len(example.reading) > 0 for example in model.examples(POOL, 0)} == {True}
    assert statuses(model, MUTE) == {Status.UNREADABLE}
    assert Status.UNREADABLE not in statuses(model, SEEN)


def test_titles_of_about_one_length_are_batched_together_where_a_picture_costs_more() -> None:
    """Batches of titles exactly as long would be alike in other ways too."""
    texts = ["red", "red cotton shirt", "red " * 18]
    named = [replace(SEEN[0], id=text, sources=(Source("title", text.strip()),)) for text in texts]
    lengths = []
    for builder, arguments in (ROWS["ULS-DRAM"], ("uls-l", {**WORDS, "decoder_width": 16})):
        model = CATALOG[builder](**arguments)
        pool = label(named, SCHEMA)[0]
        model.begin(pool)
        lengths.append([model.length(example) for example in model.examples(pool, 0)])
    assert lengths == [[0, 0, 16], [1, 3, 18]]
