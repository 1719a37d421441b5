"""The words on pictures as a source, kept by what the picture is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attrex.core import Picture, Product, Source
from attrex.errors import ConfigError, InputError, OutputError
from attrex.io.ocr import Line, RapidOcr, Words, need_engine
from attrex.io.pictures import Limits, PictureAccess
from tests.io.ocr.engines import BOX, Told
from tests.io.pictures.made import halves, saved


def product(*pictures: str, **texts: str) -> Product:
    sources = tuple(Source(name, text) for name, text in texts.items())
    return Product("1", None, sources, tuple(map(Picture, pictures)))


def words(folder: Path, engine: Told, **options: Any) -> Words:
    return Words(PictureAccess(folder), engine, **options)


def nobody(problem: InputError) -> None:
    raise AssertionError(problem)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(saved(halves(size=(800, 600))))
    (tmp_path / "b.png").write_bytes(saved(halves(size=(200, 100))))
    return tmp_path


def test_lines_are_one_source_with_where_each_stands(folder: Path) -> None:
    made = words(folder, Told("Hand  Cream", "250 ml")).added(product("a.png", title="Cream"), nobody)
    assert [(s.name, s.text) for s in made.sources] == [("title", "Cream"), ("ocr", "Hand Cream\n250 ml")]
    printed = made.sources[1].printed
    assert [made.sources[1].text[p.start : p.end] for p in printed] == ["Hand Cream", "250 ml"]
    assert [(p.location, p.corners, p.confidence) for p in printed] == [("a.png", BOX, 0.95)] * 2
    assert made.sources[1] == Source("ocr", "Hand Cream\n250 ml")


def test_corners_are_of_the_picture_as_it_is_whatever_size_it_is_read_in(folder: Path) -> None:
    engine = Told("250 ml")
    small = words(folder, engine).added(product("b.png"), nobody)
    assert engine.seen == [(400, 800, 3)]
    assert small.sources[0].printed[0].corners == ((2.5, 5.0), (27.5, 5.0), (27.5, 10.0), (2.5, 10.0))
    (folder / "c.png").write_bytes(saved(halves(size=(3200, 1600))))
    large = words(folder, engine).added(product("c.png"), nobody)
    assert engine.seen[1] == (800, 1600, 3)
    assert large.sources[0].printed[0].corners[2] == (220.0, 80.0)


def test_a_picture_is_read_upright(folder: Path) -> None:
    turned = halves(size=(800, 400))
    exif = turned.getexif()
    exif[0x0112] = 6
    (folder / "t.jpg").write_bytes(saved(turned, "JPEG", exif=exif))
    engine = Told("x1")
    words(folder, engine).added(product("t.jpg"), nobody)
    assert engine.seen == [(800, 400, 3)]


def test_garbage_is_left_out(folder: Path) -> None:
    engine = Told(
        Line("sure enough", BOX, 0.61), Line("unsure", BOX, 0.59), "...", " ", Line("A", BOX, 0.89),
        Line("L", BOX, 0.9),
    )  # fmt: skip
    (source,) = words(folder, engine).added(product("a.png"), nobody).sources
    assert source.text == "sure enough\nL"


def test_a_picture_without_words_adds_nothing(folder: Path) -> None:
    bare = product("a.png", title="Cream")
    assert words(folder, Told()).added(bare, nobody) is bare
    assert words(folder, Told("x1")).added(product(title="Cream"), nobody).sources == (
        Source("title", "Cream"),
    )


def test_several_pictures_and_a_column_of_that_name(folder: Path) -> None:
    made = words(folder, Told("250 ml")).added(product("a.png", "b.png", ocr="from the table"), nobody)
    assert [(s.name, s.text) for s in made.sources] == [
        ("ocr", "from the table"),
        ("ocr#2", "250 ml\n250 ml"),
    ]
    assert [p.location for p in made.sources[1].printed] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("none.png", r'the words of the picture "none.png" are left out: there is no such file'),
        ("../x.png", r"it lies outside of"),
        ("broken.png", r"the picture is damaged or cut off"),
        ("https://shop.test/a.png", r'the host "shop.test" is not allowed'),
    ],
)
def test_a_picture_that_cannot_be_read_is_told_and_the_others_are_read(
    folder: Path, location: str, message: str
) -> None:
    (folder / "broken.png").write_bytes(saved(halves())[:60])
    problems: list[InputError] = []
    made = words(folder, Told("250 ml")).added(product(location, "a.png"), problems.append)
    assert made.sources[0].text == "250 ml"
    (problem,) = problems
    with pytest.raises(InputError, match=message):
        raise problem


def test_more_pictures_than_are_read_are_told(folder: Path) -> None:
    problems: list[InputError] = []
    reading = words(folder, Told("250 ml"), limits=Limits(pictures=1))
    assert reading.added(product("a.png", "b.png"), problems.append).sources[0].text == "250 ml"
    assert "1 of 2 are read" in str(problems[0])


def test_the_same_picture_is_read_once_whatever_it_is_called(folder: Path, tmp_path: Path) -> None:
    (folder / "copy.png").write_bytes((folder / "a.png").read_bytes())
    engine = Told("250 ml")
    reading = words(folder, engine, kept=tmp_path / "kept")
    for name in ("a.png", "copy.png", "a.png"):
        reading.added(product(name), nobody)
    assert len(engine.seen) == reading.read == 1


def test_what_was_read_is_kept_for_the_next_run_and_only_for_the_same_engine(folder: Path) -> None:
    kept, engine = folder / "kept", Told("250 ml")
    first = words(folder, engine, kept=kept).added(product("b.png"), nobody)
    again = words(folder, engine, kept=kept).added(product("b.png"), nobody)
    assert again.sources[0].printed == first.sources[0].printed
    assert len(engine.seen) == 1
    other = Told("300 ml")
    other.name = "told 2"
    assert words(folder, other, kept=kept).added(product("b.png"), nobody).sources[0].text == "300 ml"
    assert not list(kept.rglob("*.new"))


@pytest.mark.parametrize("damage", ["", "[[1]]", "{", json.dumps([["a", [[1, 2]], 1]])])
def test_what_is_damaged_is_read_anew(folder: Path, damage: str) -> None:
    kept, engine = folder / "kept", Told("250 ml")
    words(folder, engine, kept=kept).added(product("b.png"), nobody)
    (file,) = kept.rglob("*.json")
    file.write_text(damage)
    assert words(folder, engine, kept=kept).added(product("b.png"), nobody).sources[0].text == "250 ml"
    assert len(engine.seen) == 2


def test_a_place_where_nothing_can_be_kept_is_told(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(OutputError, match=r"words cannot be kept there \(File exists\)\. Fix: give another"):
        words(folder, Told(), kept=folder / "file")


def test_a_missing_engine_is_told_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(
        ConfigError, match=r'--ocr: onnxruntime is not installed\. Fix: pip install "attrex\[ocr\]"'
    ):
        need_engine()
    with pytest.raises(ConfigError):
        RapidOcr()
