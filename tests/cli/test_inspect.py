"""``attrex inspect`` on a small filled file: the table, the page, for machines, in the file's order."""

from __future__ import annotations

import json
from pathlib import Path

from attrex.io.long_form import read_long
from tests.cli.shell import Shell


def test_inspect_prints_a_table_and_writes_a_page(
    shell: Shell, table: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "filled.parquet"
    shell("fill", table, "-m", model, "-o", out)
    done = shell("inspect", out)
    assert done.code == 0
    assert "Brand" in done.out
    page = (tmp_path / "filled.html").read_text(encoding="utf-8")
    assert "<mark>" in page
    assert f"page: {tmp_path / 'filled.html'}" in done.err
    elsewhere = tmp_path / "other.html"
    shell("inspect", out, "--html", elsewhere, "--limit", 3)
    assert elsewhere.exists()
    assert "not stated" not in shell("inspect", out, "--limit", 3).out.split("rows are not shown")[0]


def test_inspect_for_machines(shell: Shell, table: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.jsonl"
    shell("fill", table, "-m", model, "-o", out)
    done = shell("inspect", out, "--json")
    told = json.loads(done.out)
    assert told["statuses"]["found"] == sum(own["found"] for own in told["attributes"].values()) > 0
    assert Path(told["page"]).is_file()
    assert done.err == ""


def test_inspect_shows_the_file_s_order_on_request(
    shell: Shell, table: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "filled.jsonl"
    shell("fill", table, "-m", model, "-o", out)
    first = next(read_long(out))
    shown = shell("inspect", out, "--limit", 1, "--order", "file").out
    assert shown.split("─")[-1].split()[:2] == [first["product_id"], first["attribute"]]
