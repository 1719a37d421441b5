"""The gate that looks at pictures, on a drawn catalogue: shirts have sleeves and bags a shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attrex.api import Extractor, fit
from attrex.api.gating import GateSettings, learn_gate
from attrex.api.planning import plan
from attrex.api.recipe import load_recipe
from attrex.core import Attribute, Picture, Product, Source, Status
from attrex.io.pictures import PictureAccess, gather
from attrex.io.reader import open_reader
from attrex.models.gate import load_gate
from attrex.models.gate_pictures import LEAST_PICTURES, PIXELS, Sights
from attrex.models.gate_text import TextGate, learn_text_gate
from attrex.sample.drawn import write_catalogue
from attrex.schema import Schema, infer_schema

SHAPE = Attribute("Shape")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    write_catalogue(folder, products=160, size=96)
    return folder


@pytest.fixture(scope="module")
def learnt_from(drawn: Path) -> list[Product]:
    return read(drawn, "train.csv")


@pytest.fixture(scope="module")
def others(drawn: Path) -> list[Product]:
    return [*read(drawn, "test.csv"), *read(drawn, "held_out.csv")]


def read(drawn: Path, table: str) -> list[Product]:
    with PictureAccess(drawn).reader(PIXELS) as reader:
        return gather([row.product for row in open_reader(drawn / table)], reader)


def unsaid(products: Sequence[Product]) -> list[Product]:
    """Without the cells that say "n/a"."""
    return [replace(p, stated={name: v for name, v in p.stated.items() if v}) for p in products]


def bare(products: Sequence[Product]) -> list[Product]:
    """With nothing but their pictures."""
    return [replace(product, sources=(), category=None) for product in products]


def denied(gate: TextGate, products: Sequence[Product], like: Sequence[Product]) -> float:
    """Of the products that have no shape, the share below the threshold that keeps 95 % of the bags; ``like``
    says of each what it is."""
    scores = gate.ranges(products, [SHAPE])[:, 0]
    bags = np.array([product.category == "Bags" for product in like])
    return float((scores[~bags] < np.quantile(scores[bags], 0.05)).mean())


def test_a_picture_alone_tells(learnt_from: list[Product], others: list[Product]) -> None:
    gate = learn_text_gate(bare(learnt_from), pictures=True)
    assert gate.pictures == PIXELS
    assert denied(gate, bare(others), others) > 0.6
    blind = learn_text_gate(bare(learnt_from))
    assert blind.pictures is None
    assert denied(blind, bare(others), others) == 0


def test_each_kind_of_evidence_may_be_missing(learnt_from: list[Product], others: list[Product]) -> None:
    gate = learn_text_gate(learnt_from, pictures=True)
    assert denied(gate, bare(others), others) > 0.6
    assert denied(gate, [replace(p, category=None) for p in others], others) > 0.9
    assert denied(gate, [replace(p, category=None, pictures=()) for p in others], others) > 0.9
    assert denied(gate, [replace(p, sources=(), pictures=()) for p in others], others) == 1
    assert gate.ranges(bare(others), [Attribute("new")]).min() == 1


def test_where_the_product_stands_and_how_large_its_picture_is_matters_little(
    learnt_from: list[Product],
) -> None:
    sights = Sights.learn(learnt_from)
    assert sights is not None
    pixels = learnt_from[0].pictures[0].pixels
    large = Picture("large", np.repeat(np.repeat(pixels, 3, axis=0), 3, axis=1))
    moved = Picture("moved", np.roll(pixels, 4, axis=0))
    own, same, near, other, none = sights.of(
        [learnt_from[0], *(Product("p", pictures=(p,)) for p in (large, moved)), learnt_from[1], Product("p")]
    )
    assert float((own - same).norm()) < 0.01 * float((own - other).norm())
    assert float((own - near).norm()) < 0.5 * float((own - other).norm())
    assert not none.any()


def test_several_pictures_are_one_product_s(learnt_from: list[Product]) -> None:
    sights = Sights.learn(learnt_from)
    assert sights is not None
    one, two = learnt_from[:2]
    both = sights.of([Product("both", pictures=(*one.pictures, *two.pictures))])[0]
    assert float((both - sights.of([one, two]).mean(0)).abs().max()) < 1e-5


def test_few_pictures_make_no_dictionary(learnt_from: list[Product]) -> None:
    assert Sights.learn(learnt_from[: LEAST_PICTURES - 1]) is None
    assert learn_text_gate(learnt_from[: LEAST_PICTURES - 1], pictures=True).pictures is None


def test_it_is_restored_as_it_was(learnt_from: list[Product], others: list[Product]) -> None:
    made = learn_gate(learnt_from, others, schema_of(learnt_from), GateSettings("picture"))
    assert made is not None
    gate, report = made
    assert report.kind == "picture"
    again = load_gate(gate.to_json(), gate.gate.tensors())
    assert again.version == gate.version
    assert again.gate.pictures == PIXELS
    asked = [SHAPE, Attribute("Sleeve Length")]
    assert np.array_equal(again.gate.ranges(others, asked), gate.gate.ranges(others, asked))


def schema_of(products: Sequence[Product]) -> Schema:
    return infer_schema([replace(product, category=None) for product in products])


def test_auto_looks_at_pictures_where_the_model_does(
    learnt_from: list[Product], others: list[Product]
) -> None:
    schema, everyone, apart = schema_of(learnt_from), GateSettings("auto", 0.9), unsaid(others)
    unseen = [
        [replace(p, pictures=tuple(Picture(each.location) for each in p.pictures)) for p in part]
        for part in (learnt_from, apart)
    ]
    kinds = [
        None if made is None else made[1].kind
        for made in (learn_gate(*parts, schema, everyone) for parts in ((learnt_from, apart), unseen))
    ]
    assert kinds == ["picture", "text"]


def test_fit_and_fill_with_a_text_model_and_a_gate_that_looks(drawn: Path, tmp_path: Path) -> None:
    def plain(product: Product, **changes: Any) -> Product:
        title = Source("title", f"no. {product.id[-5:]}")
        return replace(product, category=None, sources=(title,), **changes)

    products = [row.product for table in ("train.csv", "test.csv") for row in open_reader(drawn / table)]
    parts = {"train": 0.65, "calibrate": 0.35}
    recipe = replace(load_recipe("lexicon"), gate=GateSettings("picture", 0.95), split=parts)
    access = PictureAccess(drawn)
    fitted = fit(list(map(plain, products)), schema=schema_of(products), recipe=recipe, pictures=access)
    assert fitted.report is not None
    assert fitted.report.gate is not None
    assert (fitted.report.gate.kind, fitted.picture_size) == ("picture", PIXELS)
    fitted.save_pretrained(tmp_path / "m")
    loaded = Extractor.from_pretrained(tmp_path / "m").with_pictures(access)
    held_out = [row.product for row in open_reader(drawn / "held_out.csv")]
    given = [plain(product, stated={}) for product in held_out]
    answers = loaded.fill(given, attributes=["Shape"])
    assert answers == fitted.fill(given, attributes=["Shape"])
    spared = [
        (product.category, extraction.provenance.stage)
        for product, (extraction,) in zip(held_out, answers, strict=True)
        if extraction.status is Status.NOT_APPLICABLE
    ]
    assert {stage for _, stage in spared} == {"gate"}
    assert spared.count(("Bags", "gate")) < 0.25 * len(spared)
    requests = [loaded.request(product, [SHAPE], all=True) for product in given]
    assert sum(not loaded.admitted(request).attributes for request in requests) == len(spared)
    reader = open_reader(drawn / "held_out.csv")
    (planned,) = plan(reader, [tmp_path / "m"], attributes=["Shape"], all=True, seconds=0.01).models
    assert planned.spared
    assert planned.asks + planned.spared == len(held_out)
