"""The public names and the command line's flags: changing them is a decision."""

from __future__ import annotations

import subprocess
import sys

import typer

import attrex
from attrex.cli import app

NAMES = {
    "AttrexError", "Attribute", "Category", "Evidence", "Extraction", "Extractor", "Picture", "PictureAccess",
    "Product", "Schema", "Source", "Span", "Stated", "Status", "Value", "backtest", "evaluate", "fit",
}  # fmt: skip

DATA = {
    f"--{name}"
    for name in (
        *("format", "mapping", "id", "category", "source", "picture", "attribute", "many"),
        *("encoding", "metadata", "on-error"),
    )
}
PICTURES = {"--pictures-folder", "--picture-host", "--pictures-outside", "--ocr", "--ocr-cache"}
FLAGS = {
    "attrex": "--version",
    "attrex fit": "--out -o --schema --recipe --min-precision --complete --gate --labels-per-value --dry-run"
    " --seed --json --quiet -q",
    "attrex fill": "--model -m --out -o --all --ask --layout --min-precision --restart --seed --json"
    " --quiet -q --cache --cache-limit",
    "attrex backtest": "--schema --recipe --min-precision --gate --share --html --seed --json --quiet -q",
    "attrex evaluate": "--model -m --against --matching --confusion --complete --min-precision --html --seed"
    " --json --quiet -q",
    "attrex inspect": "--html --limit --order --page-limit --data --format --mapping --model -m --word"
    " --json",
    "attrex plan": "--model -m --all --ask --seconds --seed --json --quiet -q",
    "attrex data": "",
    "attrex data implicit": "--out -o --ask --per-value --at-least --parts --seed --json",
    "attrex schema": "",
    "attrex schema infer": "--out -o --json",
    "attrex schema lint": "--json --format --mapping --on-error",
    "attrex schema diff": "",
    "attrex schema from-shopify": "--taxonomy --below --out -o",
}
READING = {
    "attrex fit",
    "attrex fill",
    "attrex backtest",
    "attrex evaluate",
    "attrex plan",
    "attrex data implicit",
    "attrex schema infer",
}
SEEING = (READING - {"attrex schema infer", "attrex data implicit"}) | {"attrex inspect"}


def test_the_public_names_are_these() -> None:
    assert set(attrex.__all__) == NAMES
    assert len(attrex.__all__) <= 20
    for name in attrex.__all__:
        assert getattr(attrex, name) is not None


def test_importing_attrex_is_light_and_has_no_side_effects() -> None:
    code = (
        "import sys, attrex\n"
        "heavy = {'torch', 'numpy', 'yaml', 'typer', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_flags_are_these() -> None:
    found: dict[str, set[str]] = {}

    def walk(command, path: str) -> None:  # type: ignore[no-untyped-def]
        options = [p for p in command.params if p.param_type_name == "option"]
        found[path] = {flag for option in options for flag in option.opts} - {"--help"}
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{path} {name}")

    walk(typer.main.get_command(app), "attrex")
    expected = {path: set(flags.split()) for path, flags in FLAGS.items()}
    assert found == {
        path: flags | (DATA if path in READING else set()) | (PICTURES if path in SEEING else set())
        for path, flags in expected.items()
    }
