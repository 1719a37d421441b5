from __future__ import annotations

import json
from pathlib import Path

from attrex.schema import parse_schema, read_schema
from tests.cli.shell import Shell


def test_infer_prints_or_writes(shell: Shell, table: Path, tmp_path: Path) -> None:
    printed = shell("schema", "infer", table)
    assert printed.code == 0
    out = tmp_path / "schema.yaml"
    done = shell("schema", "infer", table, "-o", out)
    assert f"{out}: 3 attributes, 0 categories" in done.err
    assert out.read_text(encoding="utf-8") == printed.out
    assert [a.name for a in read_schema(out).every] == ["Brand", "Colour", "Size"]


def test_infer_for_machines(shell: Shell, table: Path, tmp_path: Path) -> None:
    told = json.loads(shell("schema", "infer", table, "--json").out)
    version = told.pop("version")
    assert list(told["attributes"]) == ["Brand", "Colour", "Size"]
    assert parse_schema(told).version == version
    out = tmp_path / "schema.yaml"
    both = shell("schema", "infer", table, "--json", "-o", out)
    assert json.loads(both.out)["version"] == read_schema(out).version == version


def test_lint_tells_oddities_and_exits_with_five_on_a_warning(
    shell: Shell, table: Path, tmp_path: Path
) -> None:
    sound, odd = tmp_path / "sound.yaml", tmp_path / "odd.yaml"
    shell("schema", "infer", table, "-o", sound)
    said = shell("schema", "lint", sound)
    assert said.code == 0
    assert said.out.count("nothing but its name is known") <= 1
    odd.write_text("[Colour, colour]", encoding="utf-8")
    done = shell("schema", "lint", odd)
    assert done.code == 5
    assert "warning: " in done.out
    told = json.loads(shell("schema", "lint", odd, table, "--json").out)
    assert {finding["severity"] for finding in told} & {"warning"}


def test_diff_exits_with_five_where_something_breaks(shell: Shell, tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("[Colour, Size]", encoding="utf-8")
    new.write_text("[Colour]", encoding="utf-8")
    done = shell("schema", "diff", old, new)
    assert done.code == 5
    assert "Size" in done.out
    same = shell("schema", "diff", old, old)
    assert (same.code, same.out) == (0, "no differences\n")


def test_a_schema_from_shopify(shell: Shell, data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "shoes.yaml"
    done = shell("schema", "from-shopify", "Shoes", "--taxonomy", data_dir / "shopify_taxonomy", "-o", out)
    assert done.code == 0, done.err
    assert read_schema(out).of("Shoes")


def test_a_folder_that_is_no_taxonomy_is_a_schema_error(shell: Shell, tmp_path: Path) -> None:
    assert shell("schema", "from-shopify", "Shoes", "--taxonomy", tmp_path).code == 5
