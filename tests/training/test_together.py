"""Several processes that train one model, as ``torchrun`` starts them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from attrex.api import Extractor
from attrex.errors import ConfigError
from attrex.nn import processes
from attrex.nn.threads import one_thread
from attrex.training import Settings, fit
from attrex.training.fit import checkpoints_of
from tests.api.shop import shop
from tests.training.crashes import contents, write_inputs
from tests.training.line import Line, pool
from tests.training.together import train

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


# --- two processes against one ---


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left that trained together."""
    folder = tmp_path_factory.mktemp("together")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.together", str(folder)],
            cwd=ROOT,
            env=environment(**where, RANK=rank, LOCAL_RANK=rank),
        )
        for rank in "01"
    ]
    assert [each.wait() for each in started] == [0, 0]
    return folder


@pytest.fixture(scope="module")
def told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads((folder / f"told-{rank}.json").read_text()) for rank in "01"]


@pytest.mark.parametrize("weights", ["weights", "masked", "parted"])
def test_all_end_with_the_same_weights(weights: str, folder: Path) -> None:
    one, other = (load_file(folder / f"{weights}-{rank}.safetensors") for rank in "01")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("weights", ["weights", "parted"])
def test_they_learn_what_one_alone_learns(weights: str, folder: Path) -> None:
    """Each batch is shared out, so that the mean of their gradients is the batch's own."""
    with one_thread():
        alone, report, _, _ = train(None)
    together = load_file(folder / f"{weights}-0.safetensors")
    for name, weight in alone.network.state_dict().items():
        torch.testing.assert_close(together[name], weight, rtol=1e-4, atol=1e-5)
    assert report.epochs == 5


def test_each_sees_its_share_of_every_batch(told: list[dict[str, Any]]) -> None:
    with one_thread():
        alone, _, _, _ = train(None)
    shares = [each["seen"] for each in told]
    assert [sorted(a + b) for a, b in zip(*shares, strict=True)] == [sorted(batch) for batch in alone.seen]


def test_their_parts_of_a_batch_need_not_be_as_many(told: list[dict[str, Any]]) -> None:
    counts = []
    for each in told:
        step = {tuple(batch): at for at, batch in enumerate(each["seen"])}
        of = {example: at for batch, at in step.items() for example in batch}
        counts.append(Counter(of[part[0]] for part in each["parts"]))
    assert counts[0] != counts[1]
    assert max(counts[0].values()) > 1


def test_the_first_alone_scores_and_speaks(told: list[dict[str, Any]]) -> None:
    assert [each["scored"] for each in told] == [5, 0]
    assert [len(each["lines"]) for each in told] == [5, 0]
    assert [(each["epochs"], each["score"]) for each in told] == [(5, 0.5)] * 2
    assert told[0]["loss"] > 0
    assert [each["from first"] for each in told] == [{"rank": 0, "text": "é"}] * 2


def test_a_checkpoint_holds_every_process_s_chance(folder: Path) -> None:
    (checkpoint,) = checkpoints_of(folder / "model").glob("checkpoint-*")
    states = [(checkpoint / f"rng_state_{rank}.pth").read_bytes() for rank in "01"]
    assert states[0] != states[1]


@pytest.mark.parametrize("rank", [0, 1])
def test_no_thread_of_the_group_is_left(rank: int, folder: Path) -> None:
    """One that ended after the interpreter would abort the process."""
    threads = json.loads((folder / f"threads-{rank}.json").read_text())
    assert threads
    assert not [name for name in threads if "gloo" in name]


# --- who they are ---


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (1, 0, True)),
        ({"WORLD_SIZE": "4", "RANK": "2"}, (1, 0, True)),  # another tool's variables
        ({"WORLD_SIZE": "4", "RANK": "2", "LOCAL_RANK": "0"}, (4, 2, False)),
        ({"WORLD_SIZE": "4", "RANK": "0", "LOCAL_RANK": "0"}, (4, 0, True)),
    ],
)
def test_torchrun_says_who_one_is(
    given: dict[str, str], expected: tuple[int, int, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert (processes.count(), processes.rank(), processes.is_first()) == expected


def test_more_processes_than_a_batch_has_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WORLD_SIZE": "8", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r"training\.batch: 4 for 8 processes; give at least one to each"):
        fit(Line(), pool(), None, Settings(batch=4))


# --- the whole command ---


@pytest.mark.slow
def test_fit_by_torchrun(tmp_path: Path) -> None:
    table, recipe = write_inputs(tmp_path)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    folders = [tmp_path / name for name in ("one", "two")]
    for out in folders:
        ran = subprocess.run(
            [*torchrun, "-m", "attrex", "fit", str(table), "--recipe", str(recipe), "-o", str(out)],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.count("fitted in") == 1
        assert ran.stderr.count("epoch 1 of") == 1
    first, second = map(contents, folders)
    assert {"model.safetensors", "calibration.json", "config.json", "README.md"} <= first.keys()
    assert first == second
    assert not checkpoints_of(folders[0]).exists()
    products = shop(90)
    filled = Extractor.from_pretrained(folders[0]).fill(products)
    found = [e for each in filled for e in each if e.status == "found"]
    assert len(found) > 30
