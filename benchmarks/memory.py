"""Memory of ``attrex fill`` while a long table streams through, from CSV to CSV, in a process of its own.

Titles of 20 words drawn from real ones, ten attribute columns, a tenth of the cells filled. The resident
memory is read from the operating system at each tenth of the rows.
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import attrex
from attrex.core import Product
from attrex.io.reader import open_reader
from attrex.schema import Schema
from record import DATA, write

WORDS, ATTRIBUTES, SHARE = 20, 10, 0.1


def resident(pid: int) -> float:
    """Memory of the process now, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--recipe", default="lexicon")
    options.add_argument("--name", default="memory")
    given = options.parse_args()
    reader = open_reader(given.data / "extractgpt" / "ae-110k" / "train.jsonl", format="extractgpt")
    labelled = [row.product for row in reader]
    filled = {name: sum(name in p.stated for p in labelled) for p in labelled for name in p.stated}
    names = sorted(filled, key=lambda name: (-filled[name], name))[:ATTRIBUTES]
    schema = Schema([a for a in reader.schema().every if a.name in names] if reader.schema() else [])
    some = [_only(p, names) for p in labelled]
    with tempfile.TemporaryDirectory() as folder:
        model, table, output = (Path(folder) / name for name in ("model", "rows.csv", "filled.csv"))
        attrex.fit(some, schema=schema, recipe=given.recipe, out=model)
        _write_table(table, given.rows, names, labelled)
        command = [sys.executable, "-m", "attrex", "fill", str(table), "-m", str(model), "-o", str(output)]
        began = time.monotonic()
        process = subprocess.Popen([*command, "--quiet"], stdout=subprocess.DEVNULL)
        samples: list[tuple[float, float]] = []
        while process.poll() is None:
            samples.append((time.monotonic() - began, resident(process.pid)))
            time.sleep(0.5)
        seconds = time.monotonic() - began
        if process.returncode:
            sys.exit(f"attrex fill ended with {process.returncode}")
    marks = [max(m for t, m in samples if t <= seconds * share / 10) for share in range(1, 11)]
    rows: list[list[Any]] = [
        [f"{given.rows * share // 10:,}", f"{mark:,.0f}"] for share, mark in enumerate(marks, start=1)
    ]
    write(
        given.name,
        f"Memory of a fill of {given.rows:,} rows, recipe {given.recipe}",
        ["rows (by time)", "peak MiB so far"],
        rows,
        [f"{given.rows / seconds:,.0f} rows, {given.rows * ATTRIBUTES / seconds:,.0f} cells a second."],
        {"samples": samples, "seconds": seconds},
    )


def _only(product: Product, names: list[str]) -> Product:
    stated = {name: values for name, values in product.stated.items() if name in names}
    return Product(product.id, None, product.sources, (), stated)


def _write_table(path: Path, rows: int, names: list[str], labelled: list[Product]) -> None:
    chance = random.Random(0)
    words = [word for product in labelled for word in product.sources[0].text.split()]
    values = {n: [v.text for p in labelled for v in p.stated.get(n, ())] for n in names}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", *names])
        for at in range(rows):
            cells = [chance.choice(values[n]) if chance.random() < SHARE else "" for n in names]
            writer.writerow([f"p{at}", " ".join(chance.choices(words, k=WORDS)), *cells])


if __name__ == "__main__":
    main()
