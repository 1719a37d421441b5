"""Kills a command with SIGKILL at random moments, runs it again until it is done, and tells what it left.

``python -m tests.training.crashes FOLDER KILLS SEED`` does so with fitting and filling; a test reads the JSON
line that it prints. The commands run in forks of this process, so that what takes seconds is imported once.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
import shutil
import sys
import time
from pathlib import Path

from attrex import api, training
from attrex.cli.main import run
from tests.api.shop import shop, write_csv
from tests.conformance.base import make_base

RECIPE = """
description: Tiny.
model:
  builder: adatag
  arguments: {{encoder: pretrained, base: {base}, shapes: read, replacement: 0.3, window: 60}}
training: {{epochs: 8, batch: 8, rates: {{default: 1.0e-2}}, averaging: 0.9, patience: 6}}
split: {{train: 0.6, tune: 0.2, calibrate: 0.2}}
"""
_FORK = multiprocessing.get_context("fork")


def write_inputs(folder: Path, *, rows: int = 90) -> tuple[Path, Path]:
    """A catalogue, and a recipe on a tiny base."""
    base = make_base(folder / "base")
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(base=base), encoding="utf-8")
    return write_csv(folder / "shop.csv", shop(rows)), recipe


def contents(place: Path) -> dict[str, str]:
    """The hash of each file in the place, or of the file."""
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return {str(f.relative_to(place)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(files)}


def go(*command: object) -> None:
    """The command in this process, which ends with its code."""
    sys.exit(run([str(each) for each in command]))


def loop(command: list[object], out: Path, kills: int, seed: int) -> dict[str, object]:
    """Whether what is left by a run that nobody disturbs is the same as by one that is killed ``kills``
    times, and the exit codes of the runs that came to an end."""
    begun = time.monotonic()
    undisturbed = _FORK.Process(target=go, args=(*command, "-o", out))
    undisturbed.start()
    undisturbed.join()
    took = time.monotonic() - begun
    expected, crashed = contents(out), out.with_name(f"crashed-{out.name}")
    chance, killed, ends = random.Random(seed), 0, [undisturbed.exitcode]
    while True:
        each = _FORK.Process(target=go, args=(*command, "-o", crashed))
        each.start()
        each.join(chance.uniform(0, took) if killed < kills else None)
        if each.is_alive():
            each.kill()
            each.join()
            killed += 1
            continue
        ends.append(each.exitcode)
        same = contents(crashed) == expected
        if killed == kills or not same:
            return {"killed": killed, "codes": ends, "same": same}
        took *= 0.7  # It was done before it was killed often enough: once more, with less time for it.
        shutil.rmtree(crashed) if crashed.is_dir() else crashed.unlink()


def main(folder: Path, kills: int, seed: int) -> None:
    table, recipe = write_inputs(folder)
    model = folder / "model"
    fitted = loop(["fit", table, "--recipe", recipe, "-q"], model, kills, seed)
    large = write_csv(folder / "large.csv", shop(2_200))
    filled = loop(["fill", large, "-m", model, "-q"], folder / "filled.csv", kills, seed + 1)
    left = sorted(path.name for path in folder.iterdir() if "attrex" in path.name)
    print(json.dumps({"fit": fitted, "fill": filled, "left": left}), flush=True)


if __name__ == "__main__":
    assert api.fit
    assert training.fit
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
