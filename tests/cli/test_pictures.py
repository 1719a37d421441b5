"""Pictures on the command line, from the folder to the answer."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from attrex.io import sinks
from tests.api.pictured import ATTRIBUTE, install, write_recipe, write_shop
from tests.cli.shell import Shell
from tests.io.pictures.serving import gives, moves, serving


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def model(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from attrex.api import fit

    recipe = write_recipe(tmp_path_factory.mktemp("recipe") / "seeing.yaml")
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        return fit(shop, recipe=recipe).save_pretrained(tmp_path_factory.mktemp("model") / "m")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(path: Path, *rows: tuple[str, str]) -> Path:
    """Ids with the cell of their pictures."""
    lines = "".join(f'{id},a thing,"{cell}",\n' for id, cell in rows)
    path.write_text(f"id,title,image,{ATTRIBUTE}\n{lines}", encoding="utf-8")
    return path


def test_a_catalogue_with_a_column_of_pictures_is_fitted_and_filled(
    shell: Shell, shop: Path, tmp_path: Path
) -> None:
    recipe = write_recipe(tmp_path / "seeing.yaml")
    done = shell("fit", shop, "-o", tmp_path / "m", "--recipe", recipe)
    assert done.code == 0
    filled = shell("fill", shop, "-m", tmp_path / "m", "-o", tmp_path / "out.csv")
    assert filled.code == 0
    assert [row[ATTRIBUTE] for row in read(tmp_path / "out.csv")] == ["red", "blue", "green"] * 20
    shell("fill", shop, "-m", tmp_path / "m", "-o", tmp_path / "out.jsonl")
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert (first["evidence_kind"], first["source"]) == ("region", "images/p50.png")
    assert (first["picture"], first["box"]) == ("images/p50.png", "0 0 20 8")


def test_a_dry_run_says_how_many_can_be_read(shell: Shell, tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", rows=40, empty=0)
    (shop.parent / "images" / "p3.png").write_bytes(b"cut")
    recipe = write_recipe(tmp_path / "seeing.yaml")
    done = shell("fit", shop, "--recipe", recipe, "--dry-run")
    assert "40 products have a picture; of 39 one can be read." in done.out
    told = " ".join(done.out.split())  # a long path wraps the line
    assert 'field "picture": the picture "images/p3.png" of the product "p3" is left out' in told
    told = json.loads(shell("fit", shop, "--recipe", recipe, "--dry-run", "--json").out)
    assert (told["pictured"], told["readable"]) == (40, 39)
    plain = shell("fit", shop, "--recipe", "lexicon", "--dry-run")
    assert "40 products have a picture; this set-up reads none." in plain.out


def test_pictures_by_id_in_a_folder(shell: Shell, model: Path, tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", rows=6, empty=6, column=False)
    out = tmp_path / "out.csv"
    assert shell("fill", shop, "-m", model, "-o", out).code == 0
    assert {row[ATTRIBUTE] for row in read(out)} == {""}
    done = shell("fill", shop, "-m", model, "-o", out, "--pictures-folder", shop.parent / "images")
    assert done.code == 0
    assert [row[ATTRIBUTE] for row in read(out)] == ["red", "blue", "green"] * 2


def test_the_folder_of_pictures_may_be_another(shell: Shell, model: Path, shop: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", ("a", "p0.png"), ("b", "p1.png"))
    out = tmp_path / "out.csv"
    assert shell("fill", path, "-m", model, "-o", out, "--pictures-folder", shop.parent / "images").code == 0
    assert [row[ATTRIBUTE] for row in read(out)] == ["red", "blue"]
    wrong = shell("fill", path, "-m", model, "--pictures-folder", tmp_path / "gone")
    assert wrong.code == 2
    assert f"--pictures-folder: there is no folder {tmp_path / 'gone'}" in wrong.err


def bad_pictures(folder: Path) -> dict[str, str]:
    """Cells with what is wrong about each."""
    good = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(good, "JPEG")
    (folder / "cut.jpg").write_bytes(good.getvalue()[: len(good.getvalue()) // 2])
    (folder / "dot.png").write_bytes(_png((1, 1)))
    (folder / "huge.png").write_bytes(_png((20_000, 20_000), mode="1"))
    (folder / "drawing.jpg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (folder / "page.jpg").write_text("<!DOCTYPE html><html></html>")
    (folder / "empty.jpg").write_bytes(b"")
    return {
        "cut.jpg": "the picture is damaged or cut off",
        "dot.png": "it has 1 x 1 pixels, too few to show a product",
        "huge.png": "it has more pixels; 40 million are read at most",
        "drawing.jpg": "this is an SVG drawing, not a photograph",
        "page.jpg": "this is an HTML page, not a photograph",
        "empty.jpg": "the file is empty",
        "gone.jpg": "there is no such file",
        "../outside.png": "it lies outside of",
        "http://pictures.example/a.jpg": 'the host "pictures.example" is not allowed. '
        "Fix: allow it by --picture-host pictures.example",
    }


def _png(size: tuple[int, int], mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    return file.getvalue()


def test_bad_pictures_are_reported_and_stop_nothing(
    shell: Shell, model: Path, shop: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (tmp_path / "outside.png").write_bytes((shop.parent / "images" / "p1.png").read_bytes())
    (folder / "red.png").write_bytes((shop.parent / "images" / "p0.png").read_bytes())
    bad = bad_pictures(folder)
    path = table(folder / "t.csv", *((f"p{at}", cell) for at, cell in enumerate(bad)), ("ok", "red.png"))
    done = shell("fill", path, "-m", model, "-o", tmp_path / "out.jsonl")
    assert done.code == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["status"] for row in rows] == ["unreadable"] * len(bad) + ["found"]
    assert {row["input_read"] for row in rows[:-1]} == {"part"}
    told = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert len(told) == len(bad)
    for at, (cell, reason) in enumerate(bad.items()):
        assert f'the picture "{cell}" of the product "p{at}" is left out: {reason}' in told[at]
    allowed = shell("fill", path, "-m", model, "-o", tmp_path / "more.jsonl", "--pictures-outside")
    assert allowed.code == 0
    rows = [json.loads(line) for line in (tmp_path / "more.jsonl").read_text().splitlines()]
    assert [row["value"] for row in rows if row["status"] == "found"] == ["blue", "red"]


def test_bad_pictures_do_not_stop_a_fit(shell: Shell, tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", rows=40, empty=0)
    (shop.parent / "images" / "p3.png").write_bytes(b"<html>")
    recipe = write_recipe(tmp_path / "seeing.yaml")
    done = shell("fit", shop, "-o", tmp_path / "m", "--recipe", recipe)
    assert done.code == 0
    assert 'the picture "images/p3.png" of the product "p3" is left out: this is an HTML page' in done.err
    assert "F1 1.000" in done.out


def test_a_host_must_be_allowed_and_public(
    shell: Shell, model: Path, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as served:
        web = served.web()
        served.answers["/a.png"] = gives((shop.parent / "images" / "p2.png").read_bytes())
        served.answers["/moved.png"] = moves("http://169.254.169.254/latest")
        monkeypatch.setattr("attrex.io.pictures.access.Web", lambda hosts: web)
        path = table(tmp_path / "t.csv", ("a", served.url("/a.png")), ("b", served.url("/moved.png")))
        done = shell("fill", path, "-m", model, "-o", tmp_path / "out.jsonl", "--picture-host", "shop.test")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["status"], row["value"]) for row in rows] == [("found", "green"), ("unreadable", None)]
    assert 'the host "169.254.169.254" is not allowed' in done.err
    wrong = shell("fill", path, "-m", model, "--picture-host", "http://x/y")
    assert wrong.code == 2
    assert "--picture-host: expected a host like images.example.com" in wrong.err


def test_a_fill_that_was_broken_off_goes_on_only_with_the_same_pictures(
    shell: Shell, model: Path, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[Any] = []
    open_sink = sinks.open_sink

    def opened(*given: Any, **options: Any) -> sinks.Sink:
        jobs.append(options["job"]["pictures"])
        return open_sink(*given, **options)

    monkeypatch.setattr(sinks, "open_sink", opened)
    folder = ("--pictures-folder", shop.parent)
    for said in ((), folder, (*folder, "--pictures-outside"), ("--picture-host", "shop.test")):
        shell("fill", shop, "-m", model, "-o", tmp_path / "out.csv", *said)
    assert jobs[0] == jobs[1] == [str(shop.parent.resolve()), [], False]
    assert jobs[2] != jobs[0] != jobs[3]


def test_evaluate_backtest_and_plan_see_pictures_too(
    shell: Shell, model: Path, shop: Path, tmp_path: Path
) -> None:
    told = json.loads(shell("evaluate", shop, "-m", model, "--json").out)
    assert told["micro"]["f1"] == 1.0
    recipe = write_recipe(tmp_path / "seeing.yaml")
    restored = json.loads(shell("backtest", shop, "--recipe", recipe, "--json", "-q").out)
    assert (restored["restored"], restored["lexicon"]["restored"]) == (1.0, 0.0)
    planned = json.loads(shell("plan", shop, "-m", model, "--seconds", "0.05", "--json", "-q").out)
    assert planned["models"][0]["windows"] == 10
