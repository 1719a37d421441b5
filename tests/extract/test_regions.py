"""A value that a region of a picture tells, from the model to the file and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attrex.core import Answer, Attribute, Candidate, Evidence, Picture, Product, Region, Source, Span
from attrex.extract import Pipeline, Request
from attrex.extract.regions import on_pictures
from attrex.io.long_form import read_long
from attrex.io.pictures import PictureAccess
from attrex.io.reader import open_reader
from attrex.io.sinks import open_sink
from attrex.models.interface import Pointing, Traits
from attrex.normalise import Normaliser
from attrex.report.row import parse
from attrex.resolve import Policy, Resolver, Thresholds
from attrex.schema import Schema
from tests.extract.scripted import Scripted
from tests.io.pictures.made import halves, saved

COLOUR = Attribute("Colour")
RIGHT = (0.5, 0.0, 1.0, 0.5)


class Guessing(Scripted):
    """Says blue of everything, and that the last picture shows it."""

    def __init__(self) -> None:
        super().__init__(lambda *_: Answer((Candidate("blue", 0.9, Evidence("inferred")),), 0.1))
        self.pointing = 0

    @property
    def traits(self) -> Traits:
        return Traits(pictures=8)

    def pointed(
        self,
        products: Sequence[Product],
        prepared: Sequence[Product],
        described: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
        answers: Sequence[Answer],
    ) -> list[Answer]:
        self.pointing += 1
        assert list(products) == list(prepared)
        made = []
        for (at, _), answer in zip(asks, answers, strict=True):
            if last := len(products[at].pictures):
                told = Evidence("region", region=Region(last - 1, RIGHT))
                answer = replace(answer, candidates=(replace(answer.candidates[0], evidence=told),))
            made.append(answer)
        return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wide.png").write_bytes(saved(halves(size=(300, 100))))
    (tmp_path / "two").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "two" / name).write_bytes(saved(halves(size=(40, 60))))
    (tmp_path / "broken.png").write_bytes(b"broken")
    return tmp_path


def pipeline(folder: Path) -> tuple[Pipeline, Guessing]:
    model = Guessing()
    resolver = Resolver(Policy(thresholds=Thresholds("f1", 0.5)), Normaliser())
    reader = PictureAccess(folder).reader(8)
    return Pipeline(model, Schema((COLOUR,)), resolver, stage="", version="v", pictures=reader), model


def product(*places: str) -> Product:
    return Product("p", None, (Source("title", "a mug"),), tuple(map(Picture, places)))


def evidence(made: Pipeline, given: Product, **options: Any) -> Evidence:
    (result,) = made.run([Request(given, (COLOUR,))], **options)
    return result.extractions[0].values[0].evidence[0]


def test_a_region_is_told_in_pixels_of_the_picture_itself(folder: Path) -> None:
    made, _ = pipeline(folder)
    told = Evidence("region", picture="wide.png", box=(150, 0, 300, 50), region=Region(0, RIGHT))
    assert evidence(made, product("wide.png")) == told
    # Of those that could be read, which are more than were named, the last.
    found = evidence(made, product("broken.png", "two"))
    assert (found.picture, found.box) == ("two/b.png", (20, 0, 40, 30))
    assert evidence(made, product()) == Evidence("inferred")


def test_what_is_compared_alone_is_not_looked_into(folder: Path) -> None:
    made, model = pipeline(folder)
    assert isinstance(model, Pointing)
    assert evidence(made, product("wide.png"), pointing=False) == Evidence("inferred")
    made.answers([Request(product("wide.png"), (COLOUR,))])
    assert model.pointing == 0
    evidence(made, product("wide.png"))
    assert model.pointing == 1


def test_of_pixels_without_a_size_these_are_the_picture() -> None:
    seen = Picture("camera", np.zeros((8, 8, 3), dtype=np.uint8))
    spanned = Candidate("mug", 0.8, Evidence("span", Span("title", 2, 5)))
    answer = Answer((Candidate("blue", 0.9, Evidence("region", region=Region(0, RIGHT))), spanned))
    placed = on_pictures(answer, [seen])
    assert (placed.candidates[0].evidence.picture, placed.candidates[0].evidence.box) == (
        "camera",
        (4, 0, 8, 4),
    )
    assert placed.candidates[1] is not None
    assert placed.candidates[1].evidence == spanned.evidence
    plain = Answer((spanned,))
    assert on_pictures(plain, []) is plain


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl", "o.parquet"])
def test_the_long_form_keeps_picture_and_box(folder: Path, name: str) -> None:
    (folder / "shop.csv").write_text("id,title,image,Colour\np,a mug,wide.png,\n")
    made, _ = pipeline(folder)
    reader = open_reader(folder / "shop.csv")
    with open_sink(folder / name, reader=reader, layout="long") as sink:
        for row in reader:
            (result,) = made.run([Request(row.product, (COLOUR,))])
            sink.write(row, result.extractions)
    (record,) = read_long(folder / name)
    assert (record["value"], record["evidence_kind"]) == ("blue", "region")
    assert (record["source"], record["picture"], record["box"]) == ("wide.png", "wide.png", "150 0 300 50")
    assert (record["start"], record["snippet"]) == (None, None)
    assert parse(record, 1).places[0].edges == (150, 0, 300, 50)
