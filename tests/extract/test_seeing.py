"""Pictures on their way to a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from attrex.cache import MemoryCache
from attrex.core import Answer, Attribute, Candidate, Evidence, Picture, Product, Source, Status
from attrex.extract import Pipeline, Request
from attrex.io.pictures import PictureAccess, gather
from attrex.models.interface import Traits
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver, Thresholds
from attrex.schema import Schema
from tests.extract.scripted import Scripted
from tests.io.pictures.made import BLUE, RED, halves, saved

COLOUR = Attribute("Colour")
NAMES = {RED: "red", BLUE: "blue"}
SIZE = 8


def by_picture(product: Product, attribute: Attribute) -> Answer:
    """The colour of the first picture."""
    if not product.pictures:
        return Answer((), 0.9)
    first = product.pictures[0]
    evidence = Evidence("region", picture=first.location)
    return Answer((Candidate(NAMES[tuple(first.pixels[0, 0])], 0.9, evidence),), 0.1)


class Looking(Scripted):
    """Wants pictures of a few pixels."""

    def __init__(self) -> None:
        super().__init__(by_picture)

    @property
    def traits(self) -> Traits:
        return Traits(pictures=SIZE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "red.png").write_bytes(saved(halves(RED, RED)))
    (tmp_path / "blue.png").write_bytes(saved(halves(BLUE, BLUE)))
    (tmp_path / "cut.png").write_bytes(saved(halves())[:60])
    return tmp_path


def pipeline(folder: Path, **options) -> tuple[Pipeline, Looking]:  # type: ignore[no-untyped-def]
    model = Looking()
    resolver = Resolver(Policy(thresholds=Thresholds("f1", 0.5)), Normaliser())
    reader = PictureAccess(folder).reader(SIZE)
    made = Pipeline(
        model, Schema((COLOUR,)), resolver, stage="", version="v", **{"pictures": reader, **options}
    )
    return made, model


def product(*places: str, id: str = "p", text: str = "a mug") -> Product:
    sources = (Source("title", text),) if text else ()
    return Product(id, None, sources, tuple(map(Picture, places)))


def filled(made: Pipeline, *products: Product):  # type: ignore[no-untyped-def]
    results = list(made.run([Request(each, (COLOUR,)) for each in products], batch=2))
    return [result.extractions[0] for result in results]


def test_a_model_sees_the_pixels_that_it_wants(folder: Path) -> None:
    made, model = pipeline(folder)
    given = [product("red.png"), product("blue.png", "red.png"), product()]
    one, two, three = filled(made, *given)
    assert [e.values[0].text for e in (one, two)] == ["red", "blue"]
    assert one.values[0].evidence[0] == Evidence("region", picture="red.png")
    assert three.status is Status.NOT_STATED
    assert [p.location for p in model.prepared[1].pictures] == ["blue.png", "red.png"]
    assert all(p.pixels.shape == (SIZE, SIZE, 3) for each in model.prepared for p in each.pictures)


def test_what_is_handed_back_holds_no_pixels(folder: Path) -> None:
    made, _ = pipeline(folder)
    (result,) = made.run([Request(product("red.png"), (COLOUR,))])
    assert result.request.product.pictures[0].pixels is None


def test_a_picture_alone_is_read(folder: Path) -> None:
    made, _ = pipeline(folder)
    assert filled(made, product("red.png", text=""))[0].values[0].text == "red"


def test_a_broken_or_missing_picture_is_left_out_and_reported(folder: Path) -> None:
    made, _ = pipeline(folder)
    assert made.pictures is not None
    given = (
        product("cut.png", "red.png", id="a"),
        product("cut.png", id="b"),
        product("gone.png", id="c", text=""),
    )
    found, nothing, empty = filled(made, *given)
    assert (found.status, found.input_read, found.values[0].text) == (Status.FOUND, "part", "red")
    assert (nothing.status, nothing.input_read) == (Status.UNREADABLE, "part")
    assert (empty.status, empty.input_read) == (Status.UNREADABLE, "none")
    told = [str(problem) for problem in made.pictures.problems.warnings]
    assert len(told) == 3
    assert (
        'the picture "cut.png" of the product "a" is left out: the picture is damaged or cut off' in told[0]
    )
    assert 'the picture "gone.png" of the product "c" is left out: there is no such file' in told[2]


def test_a_model_that_wants_none_is_not_kept_from_reading(folder: Path) -> None:
    resolver = Resolver(Policy(), Normaliser())
    model = Scripted(lambda product, attribute: Answer((), 0.9))
    made = Pipeline(model, Schema((COLOUR,)), resolver, stage="", version="v")
    (answer,) = filled(made, product("gone.png"))
    assert (answer.status, answer.input_read) == (Status.NOT_STATED, "all")
    assert model.prepared[0].pictures == (Picture("gone.png"),)


def test_without_a_reader_only_pictures_with_pixels_are_seen(folder: Path) -> None:
    made, model = pipeline(folder, pictures=None)
    with PictureAccess(folder).reader(SIZE) as reader:
        seen = gather([product("red.png")], reader)
    (asked,) = made.answers([Request(seen[0], (COLOUR,))])
    assert asked[0][0].candidates[0].text == "red"
    made.answers([Request(product("red.png"), (COLOUR,))])
    assert model.prepared[-1].pictures == ()


def test_records_are_kept_by_what_the_pictures_show(folder: Path) -> None:
    made, model = pipeline(folder, cache=MemoryCache())
    first = filled(made, product("red.png"))[0]
    (folder / "red.png").write_bytes(saved(halves(BLUE, BLUE)))
    (folder / "copy.png").write_bytes(saved(halves(BLUE, BLUE)))
    second, third = filled(made, product("red.png"), product("copy.png"))
    assert [e.values[0].text for e in (first, second)] == ["red", "blue"]
    assert len(model.prepared) == 2
    assert first.provenance.input != second.provenance.input == third.provenance.input


def test_pictures_to_learn_from_are_gathered_once_each(folder: Path) -> None:
    ready = Product("r", pictures=(Picture("mine", np.zeros((SIZE, SIZE, 3), np.uint8)),))
    given = [
        product("red.png"),
        ready,
        product("cut.png", "blue.png"),
        product("red.png", "blue.png"),
        product(),
    ]
    access = PictureAccess(folder)
    with access.reader(SIZE) as reader:
        one, two, three, four, five = gather(given, reader)
    assert [[p.location for p in each.pictures] for each in (one, two, three, four, five)] == [
        ["red.png"],
        ["mine"],
        ["blue.png"],
        ["red.png", "blue.png"],
        [],
    ]
    assert two is ready
    assert tuple(three.pictures[0].pixels[0, 0]) == tuple(four.pictures[1].pixels[-1, -1]) == BLUE
    assert tuple(one.pictures[0].pixels[0, 0]) == RED
    assert one.pictures[0].pixels.flags.writeable
    assert access.problems.warned == 1


def test_there_may_be_no_picture_to_gather(folder: Path) -> None:
    with PictureAccess(folder).reader(SIZE) as reader:
        assert [each.pictures for each in gather([product(), product("gone.png")], reader)] == [(), ()]
