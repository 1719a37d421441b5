"""Help, exit codes and messages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from attrex import __version__
from attrex.cli.main import main
from tests.cli.shell import Shell

VERBS = ("fit", "fill", "backtest", "evaluate", "inspect", "plan", "schema")


def test_help_lists_the_verbs_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from attrex.cli.main import run\n"
        "assert run(['--help']) == 0\n"
        "heavy = {'torch', 'transformers', 'numpy', 'pyarrow', 'rapidfuzz', 'tokenizers'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for verb in VERBS:
        assert verb in done.stdout


@pytest.mark.parametrize(
    "verb", [*VERBS, *(f"schema {verb}" for verb in ("infer", "lint", "diff", "from-shopify"))]
)
def test_every_verb_has_help(shell: Shell, verb: str) -> None:
    done = shell(*verb.split(), "--help")
    assert done.code == 0
    assert "Usage" in done.out


def test_the_version_is_told(shell: Shell) -> None:
    assert shell("--version").out == f"attrex {__version__}\n"


def test_a_wrong_option_exits_with_two(shell: Shell, table: Path) -> None:
    done = shell("fit", table, "--speed", "9")
    assert done.code == 2
    assert "--speed" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("fit", "nowhere.csv", "-o", "m"), 3, "attrex: nowhere.csv: no such file. Fix: check the path"),
        (("fit", "{table}"), 2, "attrex: --out: where shall the model go? Give -o model/"),
        (("fit", "{table}", "-o", "m", "--recipe", "lexikon"), 2, 'did you mean "lexicon"?'),
        (("fit", "{table}", "-o", "m", "--format", "xml"), 2, 'there is no format "xml"'),
        (
            ("fit", "{table}", "-o", "m", "--min-precision", "90"),
            2,
            "--min-precision is 90; it must lie between",
        ),
        (
            ("fit", "{table}", "-o", "m", "--many", "Colour"),
            2,
            '--many: expected NAME=DELIMITER such as "Colour=|"',
        ),
        (("fit", "{table}", "-o", "m", "--id", "sku"), 3, 'field "sku": no such column (for id)'),
        (
            ("fit", "{table}", "-o", "m", "--recipe", "lexicon", "--schema", "nowhere.yaml"),
            5,
            "nowhere.yaml: there is no such file",
        ),
        (("fill", "{table}", "-m", "nowhere/"), 6, "attrex: nowhere"),
        (("fill", "{table}", "-m", "{model}", "-o", "x.docx"), 4, 'the ending ".docx" tells no format'),
        (("fill", "{table}", "-m", "{model}", "-o", "nowhere/x.csv"), 4, "there is no folder nowhere"),
        (("fill", "{table}", "-m", "{model}", "-o", "{table}"), 4, "this is the input itself"),
        (("fill", "{table}", "-m", "{model}", "--ask", "Color"), 2, 'did you mean "Colour"?'),
        (
            ("fill", "{table}", "-m", "{model}", "--cache", "kept"),
            2,
            'cache: "lexicon" prepares next to nothing',
        ),
        (("plan", "{table}", "-m", "nowhere/"), 6, "attrex: nowhere"),
        (
            ("plan", "{table}", "-m", "{model}", "--seconds", "0", "-q"),
            2,
            "--seconds is 0; it must be above 0",
        ),
        (("plan", "{table}", "-m", "{model}", "--ask", "Color", "-q"), 2, 'did you mean "Colour"?'),
        (("backtest", "{table}", "--share", "1"), 2, "--share is 1; it must lie between 0 and 1"),
        (("inspect", "{table}"), 3, "this is not the long form of attrex"),
        (
            ("inspect", "-"),
            3,
            "-: a pipe can be read only once, and it is read for the table and",
        ),
    ],
)
def test_a_mistake_is_one_message_and_an_exit_code(
    shell: Shell,
    table: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = shell(*(argument.format(table=table, model=model) for argument in arguments))
    assert done.code == code
    assert message in done.err
    assert [line for line in done.err.splitlines() if line.startswith("attrex: ")] == [
        done.err.splitlines()[-1]
    ]
    assert list(tmp_path.iterdir()) == []  # nothing half-written


@pytest.mark.parametrize("seed", ["-1", "2147483648"])
@pytest.mark.parametrize(
    "command",
    [
        "fit {} -o m",
        "fill {} -m m",
        "evaluate {} -m m",
        "backtest {}",
        "plan {} -m m",
        "data implicit {} -o o.csv",
    ],
)
def test_a_seed_out_of_range_is_a_wrong_option(shell: Shell, table: Path, command: str, seed: str) -> None:
    done = shell(*command.format(table).split(), "--seed", seed)
    assert done.code == 2
    assert "Invalid value for '--seed'" in done.err


def test_an_empty_file_is_an_input_error(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    done = shell("fit", path, "-o", tmp_path / "model", "--recipe", "lexicon")
    assert done.code == 3
    assert "the file is empty" in done.err


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_keeps_what_is_done_and_can_be_resumed(
    shell: Shell, model: Path, tmp_path: Path, sign: signal.Signals
) -> None:
    rows = 400_000
    path, out = tmp_path / "long.csv", tmp_path / "filled.csv"
    path.write_text(
        "id,title\n" + "".join(f"p{i},Acme lamp red 40 cm\n" for i in range(rows)), encoding="utf-8"
    )
    command = [sys.executable, "-m", "attrex", "fill", str(path), "-m", str(model), "-o", str(out)]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy()
    )
    state = out.with_name(out.name + ".attrex-part") / "state.json"
    for _ in range(600):
        if state.exists():
            break
        time.sleep(0.05)
    running.send_signal(sign)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "they are kept; run the same command again to go on from there" in err
    assert "Traceback" not in err
    assert not out.exists()
    assert state.exists()


def printing_to(target: int, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of a command whose standard output is the open file."""
    command = [sys.executable, "-m", "attrex", *arguments]
    done = subprocess.run(command, stdout=target, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(table: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert printing_to(writing, "schema", "infer", str(table)) == (141, "")
    os.close(writing)


FULL = (
    "attrex: standard output: cannot be written: No space left on device. "
    "Fix: make room, or write to another place\n"
)


@pytest.mark.parametrize(
    "command",
    [
        "fill {table} -m {model}",
        "fill {table} -m {model} -o {out} --json",
        "fit {table} --recipe lexicon -o {out}",
        "fit {table} --recipe lexicon --dry-run",
        "schema infer {table}",
        "evaluate {table} -m {model}",
        "plan {table} -m {model} --seconds 0.1",
    ],
)
def test_a_full_standard_output_is_one_message(
    model: Path, table: Path, tmp_path: Path, command: str, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = command.format(table=table, model=model, out=tmp_path / "out.csv").split()
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        done = shell(*arguments)
    assert done.code == 4
    assert done.err.endswith(FULL)


def test_the_last_flush_to_a_full_standard_output_is_silent() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    assert printing_to(full, "--version") == (4, FULL)
    assert printing_to(full, "--help") == (
        4,
        "attrex: No space left on device. Fix: make room, then run the same command again\n",
    )
    os.close(full)


@pytest.mark.parametrize("which", ["stdout", "stderr"])
def test_without_standard_output_the_work_is_done(
    which: str, model: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"sys.{which}", None)
    with pytest.raises(SystemExit, match="0"):
        main(["fill", str(table), "-m", str(model), "-o", str(tmp_path / "o.csv")])
    assert (tmp_path / "o.csv").exists()


def test_a_full_standard_error_stops_no_work(
    model: Path, table: Path, tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr("sys.stderr", full)
        done = shell("fill", table, "-m", model, "-o", tmp_path / "o.csv", "--on-error", "skip")
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
    assert done.code == 0
    assert "200 rows" in done.out
