"""How well the words on product pictures are read: drawn labels, whose words are known, and real photographs.

    python benchmarks/ocr.py                       # 100 drawn labels, by attrex's engine
    python benchmarks/ocr.py --tesseract PROGRAM   # and by Tesseract, where it is at hand
    python benchmarks/ocr.py --photographs 50      # and real ones, to be looked at

A third of the labels are turned by any angle, a third are of low contrast. A word is right where it is read
as it was drawn, letter case aside, as often as it was drawn.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from attrex.core import Picture, Product
from attrex.io.ocr import RapidOcr, Words
from attrex.io.pictures import PictureAccess
from attrex.io.reader import open_reader
from attrex.text.folding import fold_text
from record import DATA, write

BRANDS = ("Florisse", "Bronzefield", "Cairnbeck", "Blackbird", "Silverbell", "Northgate", "Hydra", "Acme")
KINDS = (
    "Hand Cream",
    "Ground Coffee",
    "Green Tea",
    "Hair Shampoo",
    "Olive Oil",
    "Dish Soap",
    "Dark Chocolate",
)
FLAVOURS = ("Rose Gold", "Lemon", "Vanilla", "Sea Salt", "Original", "Extra Strong", "Sensitive Skin")
SIZES = ("250 ml", "1 kg", "500 g", "8.4 oz", "100 tablets", "2 x 75 ml", "330 ml", "12 pieces")
NOTES = ("Keep cool and dry", "Made in Italy", "Shake well before use", "Best before 2027", "No added sugar")
KINDS_OF = ("plain", "turned", "faint")


@dataclass(frozen=True)
class Label:
    """A drawn label as a PNG, its words, and what makes it hard."""

    kind: str
    data: bytes
    words: list[str]


def draw(number: int, seed: int = 0) -> list[Label]:
    chance = random.Random(seed)
    return [_label(KINDS_OF[at % 3], chance) for at in range(number)]


def _label(kind: str, chance: random.Random) -> Label:
    groups = (BRANDS, KINDS, FLAVOURS, SIZES, NOTES)
    lines = [chance.choice(group) for group in groups]
    paper, ink = _colours(kind, chance)
    picture = Image.new("RGB", (900, 700), paper)
    pen = ImageDraw.Draw(picture)
    down = 40
    for line, size in zip(lines, (72, 56, 48, 52, 30), strict=True):
        font = ImageFont.load_default(size=size + chance.randrange(-6, 7))
        pen.text((60 + chance.randrange(60), down), line, fill=ink, font=font)
        down += size + chance.randrange(35, 60)
    if kind == "turned":
        picture = picture.rotate(
            chance.randrange(360), Image.Resampling.BICUBIC, expand=True, fillcolor=paper
        )
    file = io.BytesIO()
    picture.save(file, "PNG")
    return Label(kind, file.getvalue(), " ".join(lines).split())


def _colours(kind: str, chance: random.Random) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Paper and ink; of a faint label some 12 to 20 % of the range apart."""
    paper = tuple(chance.randrange(90, 256) for _ in range(3))
    if kind == "faint":
        step = chance.randrange(30, 52)
        return paper, tuple(max(0, part - step) for part in paper)
    return paper, tuple(chance.randrange(0, 50) for _ in range(3))


def right(words: list[str], read: str) -> int:
    wanted = Counter(map(fold_text, words))
    found = Counter(map(fold_text, read.split()))
    return sum((wanted & found).values())


def by_attrex(folder: Path) -> Callable[[Path], str]:
    words = Words(PictureAccess(folder), RapidOcr())

    def read(path: Path) -> str:
        product = words.added(Product("1", pictures=(Picture(path.name),)), lambda problem: None)
        return product.sources[0].text if product.sources else ""

    return read


def by_tesseract(program: str) -> Callable[[Path], str]:
    def read(path: Path) -> str:
        # Sparse text, with the script's orientation told.
        command = [program, str(path), "-", "--psm", "12", "-l", "eng"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return read


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--tesseract", help="the program")
    parser.add_argument(
        "--photographs", type=int, default=0, help="of real ones; what is read goes to --keep"
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--keep", type=Path, default=Path(), help="folder for what is read on photographs")
    parser.add_argument("--name", default="ocr")
    given = parser.parse_args()
    labels = draw(given.number)
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engines = {"attrex": by_attrex(folder)}
        if given.tesseract:
            engines["tesseract"] = by_tesseract(given.tesseract)
        for at, label in enumerate(labels):
            (folder / f"{at}.png").write_bytes(label.data)
        for engine, read in engines.items():
            counts: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0])
            wrong = []
            for at, label in enumerate(labels):
                began = time.monotonic()
                text = read(folder / f"{at}.png")
                seconds = time.monotonic() - began
                for kind in (label.kind, "all"):
                    own = counts[kind]
                    own[0] += 1
                    own[1] += len(label.words)
                    own[2] += right(label.words, text)
                    own[3] += seconds
                if right(label.words, text) < len(label.words):
                    wrong.append([label.kind, " ".join(label.words), text])
            raw[engine] = wrong
            for kind in (*KINDS_OF, "all"):
                number, words, found, took = counts[kind]
                row = [engine, kind, int(number), int(words), int(found), found / words, took / number]
                rows.append(row)
    notes = [
        "A word is right where it is read as drawn, letter case aside. Turned: by any angle; faint: ink and "
        "paper 12 to 20 % of the range apart.",
    ]
    if given.photographs:
        # The data sets' texts stay where they are.
        found = photographs(given.data, given.photographs)
        listed = json.dumps(found, indent=1, ensure_ascii=False)
        (given.keep / "photographs.json").write_text(listed, "utf-8")
        lines = sum(len(each["read"]) for each in found)
        some = sum(bool(each["read"]) for each in found)
        notes.append(f"On {some} of {len(found)} real photographs something was read, {lines} lines in all.")
    columns = ["engine", "labels", "number", "words", "right", "share", "seconds a label"]
    write(given.name, f"Words read on {given.number} drawn labels", columns, rows, notes, raw)


def photographs(data: Path, number: int) -> list[dict[str, Any]]:
    """What is read on photographs of Flipkart and ImplicitAVE, for a person to look at."""
    flipkart = [data / "flipkart" / "products.csv"]
    implicit = sorted((data / "implicitave").glob("*/evaluation.tsv"))
    engine = RapidOcr()
    found: list[dict[str, Any]] = []
    for files in (flipkart, implicit):
        rows = [(row, reader) for file in files for reader in [open_reader(file)] for row in reader]
        rows = [(row, reader) for row, reader in rows if row.product.pictures]
        for at in range(number // 2):
            row, reader = rows[at * len(rows) // (number // 2)]
            words = Words(PictureAccess(reader.folder), engine)
            product = words.added(row.product, lambda problem: print(problem, file=sys.stderr))
            read = next((s for s in product.sources if s.printed), None)
            found.append(
                {
                    "set": reader.format,
                    "picture": product.pictures[0].location,
                    "title": product.sources[0].text if product.sources else "",
                    "read": [] if read is None else read.text.split("\n"),
                    "confidence": [] if read is None else [line.confidence for line in read.printed],
                }
            )
    return found


if __name__ == "__main__":
    main()
