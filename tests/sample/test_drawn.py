from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attrex.errors import ConfigError, OutputError
from attrex.io.pictures import PictureReader
from attrex.io.reader import open_reader
from attrex.sample.drawn import CATEGORIES, HELD_OUT, VALUES, DrawnProduct, read_regions, write_catalogue
from attrex.sample.drawn.__main__ import main
from attrex.sample.drawn.scene import Scene
from attrex.sample.drawn.words import COLOURS
from attrex.schema import read_schema

TABLES = ("train.csv", "test.csv", "held_out.csv")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[DrawnProduct]]:
    folder = tmp_path_factory.mktemp("drawn")
    return folder, write_catalogue(folder, products=60, size=96)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[DrawnProduct]:
    """Many products, of which nothing is drawn."""
    with pytest.MonkeyPatch.context() as patch:
        blank = Scene(Image.new("RGB", (1, 1)), {})
        patch.setattr("attrex.sample.drawn.catalogue.draw", lambda *_, **__: blank)
        return write_catalogue(tmp_path_factory.mktemp("many"), products=3000)


def test_the_tables_are_a_catalogue_with_pictures(catalogue: tuple[Path, list[DrawnProduct]]) -> None:
    folder, made = catalogue
    schema = read_schema(folder / "schema.yaml")
    number = 0
    for table in TABLES:
        rows = open_reader(folder / table)
        with PictureReader(rows.folder) as reader:
            products = [row.product for row in rows]
            for product, pictures in zip(products, reader.read(products), strict=True):
                told = made[number]
                number += 1
                assert (product.id, product.category, told.table) == (told.id, told.category, table)
                assert product.sources[0].text == told.title
                assert pictures.locations == (told.image,)
                assert pictures.pixels_NSS3.shape == (1, 224, 224, 3)
                stated = {
                    name: values[0].text if values else "n/a" for name, values in product.stated.items()
                }
                assert stated == told.cells
                applicable = {name for name, cell in told.cells.items() if cell != "n/a"}
                assert applicable <= {a.name for a in schema.of(told.category)} == set(told.values)
            assert reader.problems.warned == 0
    assert number == len(made) == 60
    assert read_regions(folder) == made


def test_the_same_seed_draws_the_same(catalogue: tuple[Path, list[DrawnProduct]], tmp_path: Path) -> None:
    folder, made = catalogue
    again = write_catalogue(tmp_path / "again", products=60, size=96)
    assert again == made
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(names) == 60 + 5
    assert all((folder / n).read_bytes() == (tmp_path / "again" / n).read_bytes() for n in names)
    other = write_catalogue(tmp_path / "other", products=10, size=96, seed=1)
    assert [p.title for p in other] != [p.title for p in made[:10]]
    smaller = write_catalogue(tmp_path / "smaller", products=10, size=96)
    assert [p for p in smaller if p.table == "test.csv"] == [p for p in made if p.table == "test.csv"][:2]


def test_a_named_value_stands_in_the_title_beside_another(many: list[DrawnProduct]) -> None:
    for p in many:
        named = {name: rival for name, rival in p.rivals.items() if name in p.title or rival in p.title}
        if p.task == "named":
            assert named == p.rivals
            assert len(p.rivals) == len(p.values) - 1
            for name, rival in p.rivals.items():
                assert rival != p.values[name]
                pair = {f"{a} or {b}" for a, b in ((rival, p.values[name]), (p.values[name], rival))}
                assert any(each in p.title for each in pair)
                assert p.cells[name] == p.values[name]
        else:
            assert not any(value in p.title for values in VALUES.values() for value in values)
            assert {n: c for n, c in p.cells.items() if c != "n/a"} == p.values
    assert len({p.title for p in many}) == len(many)


def test_pairs_are_held_out_from_training_and_only_they_are_in_the_last_table(
    many: list[DrawnProduct],
) -> None:
    for p in many:
        pair = (p.values["Color"], p.values["Pattern"])
        assert (pair in HELD_OUT) == (p.table == "held_out.csv")
    assert Counter(colour for colour, _ in HELD_OUT) == dict.fromkeys(VALUES["Color"], 1)
    assert Counter(pattern for _, pattern in HELD_OUT) == dict.fromkeys(VALUES["Pattern"], 2)


def test_a_text_alone_tells_nothing(many: list[DrawnProduct]) -> None:
    train = [p for p in many if p.table == "train.csv"]
    for name, values in VALUES.items():
        counts = Counter(p.values[name] for p in train if name in p.values)
        total = sum(counts.values())
        for value in values:
            assert abs(counts[value] / total - 1 / len(values)) < 0.05
        named = [(p.values[name], p.rivals[name], p.title) for p in train if name in p.rivals]
        first = sum(f"{true} or {rival}" in title for true, rival, title in named)
        assert abs(first / len(named) - 0.5) < 0.06
        won = Counter((a, b) for a, b, _ in named)
        better = sum(max(n, won[b, a]) for (a, b), n in won.items() if a < b)
        chance = len(named) / 2 + 1.3 * sum((won[a, b] + won[b, a]) ** 0.5 / 2 for a, b in won if a < b)
        assert better < chance
    assert Counter(p.category for p in train).keys() == CATEGORIES.keys()


def test_the_colour_is_seen_in_its_region_and_the_rival_elsewhere(
    catalogue: tuple[Path, list[DrawnProduct]],
) -> None:
    folder, made = catalogue
    names = list(COLOURS)
    palette = np.array([COLOURS[name] for name in names], dtype=float)
    plain = [p for p in made if p.values["Pattern"] == "plain"]
    assert len(plain) > 8
    for p in plain:
        pixels = np.asarray(Image.open(folder / p.image), dtype=float)
        assert pixels.shape == (96, 96, 3)
        left, top, right, bottom = (int(side) for side in p.regions["Color"][-1])
        inside = pixels[top:bottom, left:right].reshape(-1, 3)
        nearest = np.abs(inside[:, None] - palette).sum(2).argmin(1)
        near = np.abs(inside[:, None] - palette).sum(2).min(1) < 90
        assert names[np.bincount(nearest[near]).argmax()] == p.values["Color"]
        if "Color" in p.rivals:
            distance = np.abs(pixels - palette[names.index(p.rivals["Color"])]).sum(2)
            distance[top:bottom, left:right] = 999
            assert (distance < 90).sum() >= 6


def test_regions_lie_in_the_picture_and_leave_room_around_them(
    catalogue: tuple[Path, list[DrawnProduct]],
) -> None:
    for p in catalogue[1]:
        assert set(p.regions) == set(p.values)
        for boxes in p.regions.values():
            covered = np.zeros((96, 96), dtype=bool)
            for left, top, right, bottom in boxes:
                assert 0 <= left < right <= 96
                assert 0 <= top < bottom <= 96
                covered[int(top) : int(bottom), int(left) : int(right)] = True
            assert 0.01 < covered.mean() < 0.4


def test_pictures_of_different_values_differ_where_the_value_is_seen() -> None:
    from attrex.sample.drawn.scene import draw

    base = {"Color": "red", "Pattern": "plain", "Sleeve Length": "long sleeves", "Brand": "Arc"}
    for name in base:
        for value in VALUES[name]:
            if value == base[name]:
                continue
            one, two = (
                draw("Shirts", values, {}, size=96, rng=np.random.default_rng(5))
                for values in (base, {**base, name: value})
            )
            left, top, right, bottom = (int(side) for side in one.regions[name][0])
            both = [np.asarray(scene.image, dtype=float) for scene in (one, two)]
            change = np.abs(both[0] - both[1]).sum(2)
            assert change[top:bottom, left:right].mean() > 4 * change.mean() or name in ("Color", "Pattern")
            assert change[top:bottom, left:right].mean() > 5


def test_wrong_settings_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"^products is 9; it must be at least 10$"):
        write_catalogue(tmp_path, products=9)
    with pytest.raises(ConfigError, match=r"^size is 95; it must lie in \[96, 224\]$"):
        write_catalogue(tmp_path, size=95)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file: cannot be written: .*\. Fix: name another folder"):
        write_catalogue(tmp_path / "file")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ConfigError, match=r'pip install "attrex\[pictures\]"'):
        write_catalogue(tmp_path)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "out"), "--products", "10", "--size", "96", "--seed", "2"]) == 0
    assert capsys.readouterr().out == (
        f"{tmp_path / 'out'}: 10 products, 6 in train.csv, 2 in test.csv, 2 in held_out.csv\n"
    )
    assert len(read_regions(tmp_path / "out")) == 10
    assert main([str(tmp_path), "--products", "1"]) == 2
    assert capsys.readouterr().err == "products is 1; it must be at least 10\n"
