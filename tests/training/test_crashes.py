"""Killed at any moment, a command that is given again ends with the same bytes."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from attrex.errors import Interrupted, OutputError
from attrex.nn.threads import one_thread
from attrex.training import Settings, fit, forget
from attrex.training.fit import checkpoints_of
from tests.training.line import Line, pool

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_fit_and_fill_survive_being_killed(kills: int, tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tests.training.crashes", str(tmp_path), str(kills), "0"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(told.stdout.splitlines()[-1])
    for verb in ("fit", "fill"):
        assert set(found[verb].pop("codes")) == {0}
        assert found[verb] == {"killed": kills, "same": True}
    assert found["left"] == []


# --- a full disk ---


@pytest.mark.parametrize(
    ("room", "said"),
    [(300, ".*File too large.*"), (2_500, "not all of it was taken")],
    ids=["for no weights", "for weights, but no state of the optimiser"],
)
def test_a_checkpoint_that_finds_no_room_is_told_and_leaves_nothing(
    room: int, said: str, tmp_path: Path
) -> None:
    chosen = Settings(epochs=4, batch=4, rates={"default": 1e-2}, folder=tmp_path / "model", seed=1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(told: str) -> None:
        if told.startswith("epoch 2"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))

    folder = checkpoints_of(tmp_path / "model")
    try:
        with one_thread(), pytest.raises(OutputError) as told:
            fit(Line(), pool(), None, chosen, limit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    fix = "make room, and give the same command again: it goes on from the epoch before"
    wanted = rf"{re.escape(str(folder))}: the checkpoint of epoch 2 cannot be written \({said}\). Fix: {fix}"
    assert re.fullmatch(wanted, str(told.value))
    assert [each.name for each in folder.glob("checkpoint-*")] == ["checkpoint-3"]
    lines: list[str] = []
    with one_thread():
        fit(Line(), pool(), None, chosen, lines.append)
    assert lines[0] == "going on from checkpoint-3 of a run that was stopped"


def test_no_room_for_any_checkpoint_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    chosen = Settings(epochs=1, batch=4, rates={"default": 1e-2}, folder=tmp_path / "model", seed=1)
    with one_thread(), pytest.raises(OutputError) as told:
        fit(Line(), pool(), None, chosen)
    assert str(told.value) == (
        f"{checkpoints_of(tmp_path / 'model')}: no checkpoints can be written (No space left on device). "
        "Fix: make room, or give another place"
    )
    assert list(tmp_path.iterdir()) == []


# --- a kill within a checkpoint ---


def stop_at(line: str) -> Callable[[str], None]:
    def say(told: str) -> None:
        if told.startswith(line):
            raise KeyboardInterrupt

    return say


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


HALVES: dict[str, Callable[[Path], None]] = {
    "the state is cut": lambda folder: cut(folder / "trainer_state.json"),
    "there is no state": lambda folder: (folder / "trainer_state.json").unlink(),
    "only the weights, cut": lambda folder: (
        [cut(path) if path.name == "model.safetensors" else path.unlink() for path in folder.iterdir()]
        and None
    ),
    "nothing": lambda folder: [path.unlink() for path in folder.iterdir()] and None,
}


@pytest.mark.parametrize("half", HALVES)
def test_a_checkpoint_that_is_not_whole_is_not_gone_on_from(half: str, tmp_path: Path) -> None:
    chosen = Settings(
        epochs=6, batch=4, rates={"default": 1e-2}, averaging=0.9, folder=tmp_path / "model", seed=1
    )
    with one_thread():
        undisturbed = Line()
        fit(undisturbed, pool(), None, chosen)
        forget(tmp_path / "model")
        folder = checkpoints_of(tmp_path / "model")
        last = folder / "checkpoint-18"
        with pytest.raises(Interrupted):
            fit(Line(), pool(), None, chosen, stop_at("epoch 4"))
        (kept,) = folder.glob("checkpoint-*")
        assert kept.name == "checkpoint-9"
        last.mkdir()
        for path in kept.iterdir():
            (last / path.name).write_bytes(path.read_bytes())
        HALVES[half](last)
        lines: list[str] = []
        resumed = Line()
        fit(resumed, pool(), None, chosen, lines.append)
    assert lines[0] == "going on from checkpoint-9 of a run that was stopped"
    expected = undisturbed.network.state_dict()
    assert all(weight.equal(expected[name]) for name, weight in resumed.network.state_dict().items())
