"""``python -m attrex.sample.before_after catalog.csv filled.csv``: the sample catalogue, cell by cell,
before and after it was filled."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.text import Text

NOT_ATTRIBUTES = frozenset({"id", "category", "title", "description", "bullets"})
EMPTY = "·"
NAME, CELL = 18, 26  # widths of the columns


@dataclass(frozen=True, slots=True)
class Comparison:
    """One product: per attribute that its category uses, the cell before and after."""

    id: str
    category: str
    title: str
    cells: tuple[tuple[str, str, str], ...]

    @property
    def gained(self) -> int:
        """Cells that were empty and no longer are."""
        return sum(not before and bool(after) for _, before, after in self.cells)


def compare(before: Sequence[dict[str, str]], after: Sequence[dict[str, str]]) -> list[Comparison]:
    """Row by row. A category uses the attributes of which it has a cell filled before."""
    used: dict[str, list[str]] = {}
    for row in before:
        names = used.setdefault(row["category"], [])
        names += [n for n, cell in row.items() if n not in NOT_ATTRIBUTES and cell and n not in names]
    order = [name for name in before[0] if name not in NOT_ATTRIBUTES] if before else []
    return [
        Comparison(
            old["id"],
            old["category"],
            old["title"],
            tuple((name, old[name], new[name]) for name in order if name in used[old["category"]]),
        )
        for old, new in zip(before, after, strict=True)
    ]


def first_gains(compared: Sequence[Comparison]) -> list[Comparison]:
    """Of each category the first product that gained a cell: not chosen by how well it went."""
    shown: dict[str, Comparison] = {}
    for each in compared:
        if each.gained:
            shown.setdefault(each.category, each)
    return list(shown.values())


def show(compared: Sequence[Comparison]) -> Group:
    """For the terminal; what was filled is marked."""
    gained, products = sum(each.gained for each in compared), sum(bool(each.gained) for each in compared)
    parts = [
        Text(
            f"{gained:,} empty cells filled in {products:,} of {len(compared):,} products. "
            "The first such product of each category, before and after:"
        )
    ]
    for each in first_gains(compared):
        parts.append(Text(f"\n{each.id}  {each.title}", style="bold"))
        for name, before, after in each.cells:
            gain = bool(after) and not before
            line = Text(f"  {name:<{NAME}} {before or EMPTY:<{CELL}} ")
            line.append(f"+ {after}" if gain else f"  {after or EMPTY}", style="green" if gain else "")
            parts.append(line)
    return Group(*parts)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    Console().print(show(compare(*(read(Path(argument)) for argument in sys.argv[1:3]))))
