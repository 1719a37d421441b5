"""The demo's table: what it counts, which products it shows, how a gain is marked."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

from attrex.sample.before_after import compare, first_gains

BEFORE = [
    {"id": "1", "category": "Lamps", "title": "Acme lamp", "Brand": "Acme", "Base": "E27", "Size": ""},
    {"id": "2", "category": "Lamps", "title": "Acme E14", "Brand": "", "Base": "", "Size": ""},
    {"id": "3", "category": "Lamps", "title": "Zeta E14", "Brand": "", "Base": "E14", "Size": ""},
    {"id": "4", "category": "Rugs", "title": "Rug", "Brand": "", "Base": "", "Size": "2 m"},
]
AFTER = [dict(row) for row in BEFORE]
AFTER[1] |= {"Brand": "Acme", "Base": "E14"}
AFTER[2] |= {"Brand": "Zeta"}


def test_a_category_has_the_attributes_that_it_uses() -> None:
    compared = compare(BEFORE, AFTER)
    assert compared[1].cells == (("Brand", "", "Acme"), ("Base", "", "E14"))
    assert compared[3].cells == (("Size", "2 m", "2 m"),)
    assert [each.gained for each in compared] == [0, 2, 1, 0]


def test_shown_is_the_first_gain_of_each_category() -> None:
    assert [each.id for each in first_gains(compare(BEFORE, AFTER))] == ["2"]


def test_the_table_marks_what_was_filled(tmp_path: Path) -> None:
    for name, rows in (("before.csv", BEFORE), ("after.csv", AFTER)):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    command = [sys.executable, "-m", "attrex.sample.before_after", "before.csv", "after.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.rstrip() for line in done.stdout.splitlines()][-4:] == [
        "",
        "2  Acme E14",
        "  Brand              ·                          + Acme",
        "  Base               ·                          + E14",
    ]
    assert "3 empty cells filled in 2 of 4 products." in done.stdout
