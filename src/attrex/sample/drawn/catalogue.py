"""The drawn catalogue: which product has what, what its title says, and the files."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import yaml

from attrex.errors import ConfigError, OutputError
from attrex.sample.drawn.scene import draw
from attrex.sample.drawn.things import Box
from attrex.sample.drawn.words import CATEGORIES, HELD_OUT, NOUNS, PLAIN_WORDS, VALUES

Task = Literal["named", "unnamed"]
"""Whether the title names two values of an attribute, of which the picture decides, or none."""
TABLES = ("train.csv", "test.csv", "held_out.csv")
REGIONS, SCHEMA, IMAGES = "regions.jsonl", "schema.yaml", "images"
SMALLEST, LARGEST = 96, 224
_SHARES = (0.6, 0.8, 1.0)
"""Of the products: up to where each table goes."""


@dataclass(frozen=True, slots=True)
class DrawnProduct:
    """One product. ``values`` are those of its picture; ``cells`` those of its row, where an attribute that
    it cannot have is "n/a" and one that the row does not tell is missing. ``rivals`` are the values that the
    title names beside the true ones. ``regions`` are boxes (left, top, right, bottom) in pixels."""

    id: str
    table: str
    task: Task
    category: str
    title: str
    image: str
    values: dict[str, str]
    cells: dict[str, str]
    rivals: dict[str, str]
    regions: dict[str, list[Box]]


def write_catalogue(
    folder: str | Path, *, products: int = 600, size: int = 128, seed: int = 0
) -> list[DrawnProduct]:
    """Draws ``products`` pictures of ``size`` pixels into ``folder/images`` and writes three tables beside
    them, the schema, and ``regions.jsonl`` with what ``DrawnProduct`` has.

    Three fifths are for training, a fifth (``test.csv``) is like them, and a fifth (``held_out.csv``) has
    pairs of colour and pattern that training never shows. Half of each are "named", half "unnamed". Every
    value is as common as any other, and of two that are named either is as often the true one: a text alone
    tells nothing. The same seed gives the same catalogue, and a larger one begins with the same products of
    each table's.

    Raises ``ConfigError`` for fewer than 10 products or another size than 96 to 224, ``OutputError`` where
    the folder cannot be written to.
    """
    from attrex.io.pictures import need_pillow

    need_pillow()
    if products < 10:
        raise ConfigError(f"products is {products}; it must be at least 10")
    if not SMALLEST <= size <= LARGEST:
        raise ConfigError(f"size is {size}; it must lie in [{SMALLEST}, {LARGEST}]")
    place = Path(folder)
    try:
        (place / IMAGES).mkdir(parents=True, exist_ok=True)
        made = [_written(place, *each, size, seed) for each in _numbers(products)]
        for table in TABLES:
            _write_table(place / table, [product for product in made if product.table == table])
        with (place / REGIONS).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(asdict(product)) + "\n" for product in made)
        (place / SCHEMA).write_text(schema_text(), encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror or error}", file=str(place), fix="name another folder"
        ) from None
    return made


def read_regions(folder: str | Path) -> list[DrawnProduct]:
    """What ``write_catalogue`` wrote."""
    made: list[DrawnProduct] = []
    for line in (Path(folder) / REGIONS).read_text("utf-8").splitlines():
        record = json.loads(line)
        boxes = {name: [tuple(box) for box in boxes] for name, boxes in record["regions"].items()}
        made.append(DrawnProduct(**{**record, "regions": boxes}))
    return made


def schema_text() -> str:
    """The schema as YAML: every category's attributes with their values."""
    categories = {
        category: {"attributes": {name: {"values": list(VALUES[name])} for name in names}}
        for category, names in CATEGORIES.items()
    }
    return yaml.safe_dump({"categories": categories}, sort_keys=False)


def _numbers(products: int) -> list[tuple[str, int]]:
    """Each table with the numbers of its products."""
    ends = [0, *(round(share * products) for share in _SHARES)]
    return [(table, n) for table, a, b in zip(TABLES, ends, ends[1:], strict=False) for n in range(b - a)]


def _written(folder: Path, table: str, number: int, size: int, seed: int) -> DrawnProduct:
    rng = np.random.default_rng([seed, TABLES.index(table), number])
    category = _one_of(tuple(CATEGORIES), rng)
    values = _values(category, held_out=table == "held_out.csv", rng=rng)
    task: Task = "named" if number % 2 == 0 else "unnamed"
    rivals = _rivals(values, rng) if task == "named" else {}
    id = f"{task}-{table.removesuffix('.csv').replace('_', '-')}-{number:05d}"
    told = rivals if task == "named" else values
    absent = {name: "n/a" for name in VALUES if name not in values}
    scene = draw(category, values, rivals, size=size, rng=rng)
    image = f"{IMAGES}/{id}.png"
    scene.image.save(folder / image)
    return DrawnProduct(
        id=id,
        table=table,
        task=task,
        category=category,
        title=_title(category, values, rivals, 1000 + len(TABLES) * number + TABLES.index(table), rng),
        image=image,
        values=values,
        cells={**{name: values[name] for name in told}, **absent},
        rivals=rivals,
        regions=scene.regions,
    )


def _values(category: str, *, held_out: bool, rng: np.random.Generator) -> dict[str, str]:
    values = {name: _one_of(VALUES[name], rng) for name in CATEGORIES[category]}
    left = [p for p in VALUES["Pattern"] if ((values["Color"], p) in HELD_OUT) == held_out]
    return {**values, "Pattern": _one_of(left, rng)}


def _rivals(values: dict[str, str], rng: np.random.Generator) -> dict[str, str]:
    """For each attribute that the title names, the other value. Of colour and pattern it names one: both
    together would tell which pair is one of those held out."""
    unnamed = "Color" if rng.integers(2) else "Pattern"
    return {
        name: _one_of([other for other in VALUES[name] if other != value], rng)
        for name, value in values.items()
        if name != unnamed
    }


def _title(
    category: str, values: dict[str, str], rivals: dict[str, str], number: int, rng: np.random.Generator
) -> str:
    parts = [f"{_one_of(PLAIN_WORDS, rng)} {_one_of(NOUNS[category], rng)} {number}".capitalize()]
    for name, rival in rivals.items():
        both = [values[name], rival]
        rng.shuffle(both)
        parts.append(" or ".join(both))
    return ", ".join(parts)


def _one_of(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _write_table(path: Path, products: Sequence[DrawnProduct]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, ["id", "category", "title", "image", *VALUES], restval="", lineterminator="\n"
        )
        writer.writeheader()
        for p in products:
            writer.writerow(
                {"id": p.id, "category": p.category, "title": p.title, "image": p.image, **p.cells}
            )
