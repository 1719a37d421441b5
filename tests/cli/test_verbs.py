"""Each verb on a small shop, from the file to what is printed and written."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from attrex.io.long_form import read_long
from attrex.schema import read_schema
from tests.api.shop import shop, write_csv
from tests.cli.shell import Shell


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_fit_writes_a_model_folder_and_says_what_it_did(shell: Shell, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    done = shell("fit", table, "-o", out, "--recipe", "lexicon")
    assert done.code == 0
    assert f"{out}: lexicon, 3 attributes, fitted in 0:0" in done.out
    assert "known cells kept apart: precision" in done.out
    assert "200 products, 3 attributes; of " in done.err
    assert {"config.json", "schema.yaml", "calibration.json", "README.md"} <= {f.name for f in out.iterdir()}


def test_skipped_rows_are_told_where_they_leave_nothing_to_learn_from(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,title,Colour\n1,a red mug,red,\n2,a blue mug,\n", encoding="utf-8")
    done = shell("fit", table, "-o", tmp_path / "m", "--recipe", "lexicon", "--on-error", "skip")
    assert done.code == 3
    assert "1 row was skipped" in done.err
    assert "no attribute has a filled cell" in done.err.splitlines()[-1]


def test_a_fill_that_fails_in_its_first_row_leaves_nothing_behind(
    shell: Shell, model: Path, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,title,Colour\n1,a red mug,red,\n", encoding="utf-8")
    assert shell("fill", table, "-m", model, "-o", tmp_path / "o.csv").code == 3
    assert not list(tmp_path.glob("o.csv*"))


def test_fit_for_machines(shell: Shell, table: Path, tmp_path: Path) -> None:
    done = shell("fit", table, "-o", tmp_path / "m", "--recipe", "lexicon", "--json", "-q", "--seed", 3)
    told = json.loads(done.out)
    assert done.err == ""
    assert (told["recipe"], told["seed"], told["products"]) == ("lexicon", 3, 200)
    assert {row["attribute"] for row in told["attributes"]} == {"Brand", "Colour", "Size"}
    assert 0 < told["scores"]["micro"]["f1"] <= 1


def test_few_labels_of_each_value_may_be_all_that_is_known(shell: Shell, table: Path, tmp_path: Path) -> None:
    done = shell("fit", table, "-o", tmp_path / "m", "--recipe", "lexicon", "--labels-per-value", 4)
    assert done.code == 0
    assert "note: at most 4 labels of each value are known: 44 of " in done.err
    told = json.loads(
        shell("fit", table, "--recipe", "lexicon", "--labels-per-value", 4, "--dry-run", "--json").out
    )
    assert sum(row["filled"] for row in told["attributes"]) == 44
    refused = shell("fit", table, "-o", tmp_path / "n", "--labels-per-value", 4, "--complete")
    assert refused.code == 2
    assert "Fix: give one of the two" in refused.err


def test_a_dry_run_writes_nothing(shell: Shell, table: Path, tmp_path: Path) -> None:
    before = list(tmp_path.iterdir())
    done = shell("fit", table, "-o", tmp_path / "model", "--recipe", "lexicon", "--dry-run")
    assert done.code == 0
    for expected in (
        "format table, 200 products",
        "Columns",
        "fill rate",
        "Examples",
        "will take about 0 min",
    ):
        assert expected in " ".join(done.out.split())  # a long path wraps the line
    told = json.loads(shell("fit", table, "--recipe", "lexicon", "--dry-run", "--json").out)
    assert len(told["examples"]) == 10
    assert list(tmp_path.iterdir()) == before


def test_flags_say_which_column_is_what(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    rows = [f"{p.id};{p.sources[0].text};red|blue" for p in shop(30)]
    path.write_text("nr;words;col_7\n" + "\n".join(rows), encoding="cp1252")
    flags = ("--id", "nr", "--source", "title=words", "--attribute", "Colour=col_7", "--many", "Colour=|")
    told = json.loads(
        shell("fit", path, "--recipe", "lexicon", "--dry-run", "--json", "--encoding", "cp1252", *flags).out
    )
    roles = {row["column"]: (row["role"], row["name"]) for row in told["mapping"]}
    assert roles == {"nr": ("id", "id"), "words": ("source", "title"), "col_7": ("attribute", "Colour")}
    assert {e["value"] for e in told["examples"]} <= {"red", "blue"}


def test_the_model_keeps_what_cells_are_cut_at(shell: Shell, tmp_path: Path) -> None:
    pairs = [("red", "blue"), ("green", "black"), ("blue", "black")]
    lines = [f"{at},a mug in {a} and {b},{a}/{b}" for at, (a, b) in enumerate(pairs * 20)]
    table, model = tmp_path / "shop.csv", tmp_path / "model"
    table.write_text("\n".join(["id,title,Colour", *lines]) + "\n", encoding="utf-8")
    assert shell("fit", table, "-o", model, "--recipe", "lexicon", "--many", "Colour=/").code == 0
    (colour,) = read_schema(model / "schema.yaml").every
    assert (colour.many, colour.delimiter) == (True, "/")
    told = json.loads(shell("evaluate", table, "-m", model, "--json", "-q").out)
    assert told["sets"]["counts"]["TP"] + told["sets"]["counts"]["FN"] == 120
    empty, out = tmp_path / "empty.csv", tmp_path / "filled.csv"
    empty.write_text("id,title,Colour\n1,a mug in red and blue,\n2,a cup in green,\n", encoding="utf-8")
    assert shell("fill", empty, "-m", model, "-o", out).code == 0
    assert [set(row["Colour"].split("/")) for row in read_csv(out)] == [{"red", "blue"}, {"green"}]
    schema = tmp_path / "schema.yaml"
    schema.write_text('Colour: {delimiter: "/"}\n', encoding="utf-8")
    given = json.loads(
        shell("fit", table, "--recipe", "lexicon", "--dry-run", "--json", "--schema", schema).out
    )
    assert {example["value"] for example in given["examples"]} == {"red", "blue", "green", "black"}


def test_a_mapping_file_does_the_same(shell: Shell, tmp_path: Path) -> None:
    path, mapping = tmp_path / "odd.csv", tmp_path / "map.yaml"
    path.write_text("nr,words,col_7\n" + "\n".join(f"{i},a red lamp,red" for i in range(9)), encoding="utf-8")
    mapping.write_text("id: nr\nsources: {title: words}\nattributes: {Colour: col_7}\n", encoding="utf-8")
    told = json.loads(
        shell("fit", path, "--recipe", "lexicon", "--dry-run", "--json", "--mapping", mapping).out
    )
    assert [row["attribute"] for row in told["attributes"]] == ["Colour"]


def test_fill_gives_the_user_s_table_back(shell: Shell, table: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.csv"
    done = shell("fill", table, "-m", model, "-o", out)
    assert done.code == 0
    assert f"{out}: 200 rows, " in done.out
    assert "filled before " in done.out
    before, after = read_csv(table), read_csv(out)
    assert len(before) == len(after)
    assert before[0].keys() == after[0].keys()
    for old, new in zip(before, after, strict=True):
        assert all(new[name] == value for name, value in old.items() if value)
    texts = [(row[name], row["title"]) for row in after for name in ("Brand", "Colour", "Size") if row[name]]
    assert len(texts) > 1.3 * sum(bool(row[name]) for row in before for name in ("Brand", "Colour", "Size"))
    assert all(value.lower() in title.lower() for value, title in texts)


def test_a_cell_is_filled_in_the_catalogue_s_own_writing(shell: Shell, tmp_path: Path) -> None:
    """Also with a value that is no example of the schema's, which has the ten commonest."""
    trees = ("Ash", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Larch", "Maple", "Oak", "Pine", "Rowan", "Yew")
    kinds = [f"{tree} Coats" for tree in trees for _ in range(9 if tree == "Yew" else 10)]
    rows = [f"{at},{kind.upper()} no. {at},{kind}" for at, kind in enumerate(kinds)]
    table, filled = tmp_path / "t.csv", tmp_path / "filled.csv"
    table.write_text("\n".join(["id,title,Kind", *rows, "new,YEW COATS for rain,"]) + "\n", encoding="utf-8")
    assert shell("fit", table, "-o", tmp_path / "m", "--recipe", "lexicon", "-q").code == 0
    (kind,) = read_schema(tmp_path / "m" / "schema.yaml").every
    assert "Yew Coats" not in kind.examples
    assert shell("fill", table, "-m", tmp_path / "m", "-o", filled, "-q").code == 0
    assert read_csv(filled)[-1]["Kind"] == "Yew Coats"


def test_fill_for_machines(shell: Shell, table: Path, model: Path, tmp_path: Path) -> None:
    done = shell("fill", table, "-m", model, "-o", tmp_path / "f.csv", "--json")
    told = json.loads(done.out)
    assert (told["rows"], told["resumed"]) == (200, 0)
    assert sum(told["asks"].values()) == sum(
        a["cells"] - a["filled_before"] for a in told["attributes"].values()
    )


def test_fill_to_standard_output_keeps_the_summary_apart(shell: Shell, table: Path, model: Path) -> None:
    done = shell("fill", table, "-m", model)
    rows = list(csv.reader(io.StringIO(done.out)))
    assert len(rows) == 201
    assert "standard output: 200 rows" in done.err


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".jsonl.gz"])
def test_fill_gives_the_long_form(
    shell: Shell, table: Path, model: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"filled{ending}"
    assert shell("fill", table, "-m", model, "-o", out, "--all").code == 0
    records = list(read_long(out))
    assert len({(r["product_id"], r["attribute"]) for r in records}) == 600
    found = [r for r in records if r["status"] == "found"]
    assert len(found) > 500
    for record in found:
        at = record["snippet_start"]
        length = record["end"] - record["start"]
        assert record["snippet"][at : at + length] == record["value"]


def test_mave_comes_out_on_request(shell: Shell, table: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.jsonl"
    assert shell("fill", table, "-m", model, "-o", out, "--layout", "mave").code == 0
    first = json.loads(out.read_text(encoding="utf-8").splitlines()[0])
    assert first.keys() >= {"id", "category", "paragraphs", "attributes"}


def test_all_answers_stand_beside(shell: Shell, table: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.csv"
    shell("fill", table, "-m", model, "-o", out, "--all")
    assert [name for name in read_csv(out)[0] if name.endswith("(attrex)")] == [
        "Brand (attrex)",
        "Colour (attrex)",
        "Size (attrex)",
    ]


def test_one_attribute_alone_may_be_asked(shell: Shell, table: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.jsonl"
    shell("fill", table, "-m", model, "-o", out, "--ask", "Colour")
    assert {r["attribute"] for r in read_long(out)} == {"Colour"}


@pytest.mark.parametrize("out", ["f.csv", "-"])
def test_only_what_is_asked_is_counted(
    shell: Shell, table: Path, model: Path, tmp_path: Path, out: str
) -> None:
    place = out if out == "-" else tmp_path / out
    done = shell("fill", table, "-m", model, "-o", place, "--ask", "Colour", "--json")
    told = json.loads(done.err if out == "-" else done.out)
    assert told["attributes"].keys() == {"Colour"}
    assert told["attributes"]["Colour"]["cells"] == 200
    assert told["attributes"]["Colour"]["filled_before"] == sum(bool(r["Colour"]) for r in read_csv(table))


def test_gzip_and_standard_input_are_read(
    shell: Shell, table: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "shop.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    from_gzip, from_input = tmp_path / "a.csv", tmp_path / "b.csv"
    assert shell("fill", packed, "-m", model, "-o", from_gzip).code == 0

    class Input:
        buffer = io.BytesIO(table.read_bytes())

    monkeypatch.setattr("sys.stdin", Input)
    assert shell("fill", "-", "-m", model, "-o", from_input).code == 0
    assert from_gzip.read_bytes() == from_input.read_bytes()


def test_bad_rows_are_skipped_counted_and_listed(shell: Shell, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("id,title\n1,Acme lamp\n2,Acme,too,many\n3,red lamp\n", encoding="utf-8")
    refused = shell("fill", path, "-m", model, "-o", tmp_path / "f.csv")
    assert refused.code == 3
    assert "row 2" in refused.err
    done = shell("fill", path, "-m", model, "-o", tmp_path / "f.csv", "--on-error", "skip")
    assert done.code == 0
    assert "skipped: " in done.err
    assert "1 row was skipped" in done.err
    assert "2 rows, " in done.out


def test_the_same_command_gives_the_same_file(shell: Shell, table: Path, tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        shell("fit", table, "-o", tmp_path / name, "--recipe", "lexicon", "--seed", 5)
        shell("fill", table, "-m", tmp_path / name, "-o", tmp_path / f"{name}.parquet")
        made.append((tmp_path / f"{name}.parquet").read_bytes())
    assert made[0] == made[1]


def test_a_higher_precision_writes_less(shell: Shell, table: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.jsonl"
    shell("fill", table, "-m", model, "-o", out, "--min-precision", "0.9999")
    statuses = {r["status"] for r in read_long(out)}
    assert "found" not in statuses
    assert "abstained" in statuses


def test_each_status_from_file_to_file(shell: Shell, tmp_path: Path) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text(
        "categories:\n  Lamps: {attributes: [Brand, Colour, Size]}\n  Rugs: {attributes: [Brand, Size]}\n",
        encoding="utf-8",
    )
    train, model = write_csv(tmp_path / "train.csv", shop(300)), tmp_path / "model"
    assert shell("fit", train, "-o", model, "--schema", schema, "--recipe", "lexicon").code == 0
    table = tmp_path / "ask.csv"
    table.write_text(
        "id,category,title,description\n"
        "found,Lamps,Acme lamp red,\n"
        "not_stated,Lamps,Acme lamp,\n"
        "conflict,Lamps,Acme lamp red,it is black\n"
        "not_applicable,Rugs,Acme rug red,\n"
        "unreadable,Lamps,,\n",
        encoding="utf-8",
    )
    out = tmp_path / "filled.jsonl"
    filled = shell("fill", table, "-m", model, "-o", out, "--ask", "Colour")
    assert filled.code == 0
    assert (
        "5 rows, 4 cells asked (1 more do not apply), 1 of them of products that cannot be read, or not "
        "whole; filled before 0.0%"
    ) in filled.out
    assert {r["product_id"]: r["status"] for r in read_long(out)} == {
        name: name for name in ("found", "not_stated", "conflict", "not_applicable", "unreadable")
    }
    assert (
        shell("fill", table, "-m", model, "-o", out, "--ask", "Colour", "--min-precision", "0.9999").code == 0
    )
    assert {r["product_id"]: r["status"] for r in read_long(out)}["found"] == "abstained"


def test_evaluate_prints_scores(shell: Shell, model: Path, tmp_path: Path) -> None:
    test = write_csv(tmp_path / "test.csv", shop(50, seed=9))
    page = tmp_path / "scores.html"
    done = shell("evaluate", test, "-m", model, "--html", page)
    assert done.code == 0
    assert "all, micro" in done.out
    for said in ("head attributes", "seen values", "Head: at least 100 training rows"):
        assert said in " ".join(done.out.split())
        assert said in page.read_text(encoding="utf-8")
    told = json.loads(shell("evaluate", test, "-m", model, "--json").out)
    assert told["micro"]["f1"] > 0.9
    assert told.keys() >= {"micro", "macro", "counts", "per_attribute", "slices"}
    assert told["slices"].keys() >= {"head attributes", "head values", "seen values"}
    assert told["per_attribute"]["Colour"].keys() >= {"precision", "recall", "f1"}


def test_evaluate_tells_its_progress_unless_it_shall_not(
    shell: Shell, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = write_csv(tmp_path / "test.csv", shop(50, seed=9))
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr("attrex.cli.terminal.time.monotonic", lambda: next(clock))
    told = shell("evaluate", test, "-m", model, "--json")
    assert "50 rows, " in told.err
    assert "100%" in told.err
    quiet = shell("evaluate", test, "-m", model, "--json", "--quiet")
    assert (quiet.err, json.loads(quiet.out)["micro"]) == ("", json.loads(told.out)["micro"])


def test_evaluate_sets_two_models_side_by_side(shell: Shell, model: Path, tmp_path: Path) -> None:
    test = write_csv(tmp_path / "test.csv", shop(50, seed=9))
    small = write_csv(tmp_path / "small.csv", shop(6))
    other, html = tmp_path / "other", tmp_path / "scores.html"
    shell("fit", small, "-o", other, "--recipe", "lexicon")
    told = json.loads(shell("evaluate", test, "-m", model, "--against", other, "--json", "--html", html).out)
    assert told["comparison"]["micro"]["difference"] >= 0
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "page: " in shell("evaluate", test, "-m", model, "--against", other, "--html", html).err


def test_backtest_prints_and_writes(shell: Shell, table: Path, tmp_path: Path) -> None:
    html = tmp_path / "backtest.html"
    done = shell("backtest", table, "--recipe", "lexicon", "--html", html)
    assert done.code == 0
    assert "on filled cells" in done.out.lower()
    assert "lexicon" in done.out
    assert html.exists()
    told = json.loads(shell("backtest", table, "--recipe", "lexicon", "--json", "-q").out)
    assert told["on"] == "filled cells"
    assert told["precision"] > 0.9
    assert told["settings"]["gate"] is None  # one that spares nothing is not kept unless it is asked for
    gated = json.loads(
        shell("backtest", table, "--recipe", "lexicon", "--json", "-q", "--gate", "category").out
    )
    assert gated["settings"]["gate"] == "category"
