from __future__ import annotations

import json
from pathlib import Path

from tests.cli.shell import Shell


def test_what_is_taken_for_what_is_shown(table: Path, model: Path, tmp_path: Path, shell: Shell) -> None:
    ran = shell("evaluate", table, "-m", model, "--confusion", "Colour", "--html", tmp_path / "page.html")
    assert ran.code == 0, ran.err
    assert "Colour: what is taken for what" in ran.out
    assert 'class="matrix"' in (tmp_path / "page.html").read_text()
    ran = shell("evaluate", table, "-m", model, "--confusion", "Colour", "--json")
    (told,) = json.loads(ran.out)["confusions"]
    assert (told["attribute"], len(told["counts"])) == ("Colour", len(told["values"]))
    ran = shell("evaluate", table, "-m", model, "--confusion", "Hue")
    assert ran.code == 2
    assert '--confusion: nothing was asked of "Hue"; asked were Brand, Colour, Size' in ran.err
