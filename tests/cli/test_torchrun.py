"""What ``torchrun`` starts: one process speaks, and only what can be shared is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from attrex.cli.main import main
from attrex.cli.terminal import say
from tests.cli.shell import Shell


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is the second process of two."""
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("second")
def test_only_fit_is_shared(shell: Shell) -> None:
    done = shell("fill", "t.csv", "-m", "model")
    assert done.code == 2
    assert done.err == (
        "attrex, process 1: torchrun: attrex fill is done by one process, not by 2; only fit is shared. "
        "Leave torchrun out\n"
    )


@pytest.mark.usefixtures("second")
def test_standard_input_is_not_shared(shell: Shell, tmp_path: Path) -> None:
    done = shell("fit", "-", "-o", tmp_path / "m")
    assert done.code == 2
    assert "FILE: standard input can be read by one process only; give torchrun's a file" in done.err


@pytest.mark.usefixtures("second")
def test_an_error_of_any_process_is_told_with_its_number(shell: Shell) -> None:
    assert shell("fit", "nowhere.csv", "-o", "m").err.startswith(
        "attrex, process 1: nowhere.csv: no such file"
    )


@pytest.mark.usefixtures("second")
def test_the_others_are_silent(
    capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_CPP_LOG_LEVEL", "ERROR")
    say("a line")
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", sys.stdout)  # put back afterwards
        with pytest.raises(SystemExit) as end:
            main(["fit", str(table), "-o", str(tmp_path / "m"), "--recipe", "lexicon", "--dry-run"])
    assert end.value.code == 0
    assert capsys.readouterr() == ("", "")
