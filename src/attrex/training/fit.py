"""Trains a learner on a pool."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from transformers import logging as transformers_logging
from transformers import set_seed
from transformers.trainer import TRAINER_STATE_NAME

from attrex.core import content_hash
from attrex.errors import ConfigError, InputError, Interrupted, OutputError
from attrex.models.folder import StorableModel
from attrex.models.interface import Learner
from attrex.nn import processes
from attrex.supervision.pool import Pool
from attrex.training.settings import Settings
from attrex.training.trainer import AttrexTrainer, Score
from attrex.training.warming import WARMED, warm_up

JOB = "job.txt"
_DRAWS = 1_000_003
"""So many numbers lie between the draws of two processes."""


class Trainable(Learner, StorableModel, Protocol):
    """What can be trained and kept."""


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """``epochs`` run (fewer than asked where training stopped early), the last epoch's mean ``loss``, the
    best ``score`` on the tune part (None where there was none), ``seconds``, and the number of trained
    ``parameters``."""

    epochs: int
    loss: float
    score: float | None
    seconds: float
    parameters: int


def _silent(line: str) -> None:
    """Says nothing."""


def fit(
    model: Trainable,
    pool: Pool,
    score: Score | None,
    settings: Settings,
    say: Callable[[str], None] = _silent,
) -> TrainingReport:
    """Leaves ``model`` trained. The same seed on the same machine gives the same weights, also after a
    kill and a second call with the same arguments, where ``settings.folder`` is given: the checkpoints stay
    until ``forget`` is called, when the model is written.

    Started by ``torchrun``, all processes call this with the same arguments and share the work: each takes
    its part of every batch, and all end with the same weights. The first alone scores, says something, and
    writes the checkpoints, which all must be able to read.

    Raises ``InputError`` where there is nothing to learn from, ``Interrupted`` on Ctrl-C, ``ConfigError``
    where there are more processes than examples in a batch, or a rate is of a group that the model lacks.
    """
    began = time.monotonic()
    if settings.batch < processes.count():
        raise ConfigError(
            f"training.batch: {settings.batch} for {processes.count()} processes; give at least one to each"
        )
    processes.join()
    if not processes.is_first():
        say = _silent
    set_seed(settings.seed)
    model.begin(pool)
    _check_groups(model, settings)
    checkpoints = None if settings.folder is None else checkpoints_of(settings.folder)
    with _quiet(), _deterministic():
        trainer = AttrexTrainer(model, pool, settings, score=score, checkpoints=checkpoints, say=say)
        if not len(trainer.epochs):
            if checkpoints is not None:
                with suppress(OSError):
                    checkpoints.rmdir()  # the trainer makes it; what is kept of another run stays
            raise InputError(
                "no value to learn from stands in a text",
                fix="check the mapping with --dry-run; implicit values need another kind of model",
            )
        job = _job(model, pool, settings)
        resumed = processes.from_first(lambda: _last(checkpoints, job, say))
        # Other masks for other processes. Not by another seed: all make the same examples of it.
        torch.rand(processes.rank() * _DRAWS, device=trainer.args.device)
        try:
            if resumed is None:
                warm_up(model, pool, checkpoints, say)
            if resumed is None or not trainer.had_stopped(Path(resumed)):
                trainer.train(resume_from_checkpoint=resumed)
        except KeyboardInterrupt as stop:
            raise Interrupted(f"stopped; {_kept(checkpoints)}") from stop
    trainer.finish()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return TrainingReport(
        epochs=round(trainer.state.epoch or 0),
        loss=losses[-1] if losses else float("nan"),
        score=trainer.best_score if trainer.best is not None else None,
        seconds=time.monotonic() - began,
        parameters=sum(p.numel() for group in model.parameter_groups().values() for p in group),
    )


def _check_groups(model: Trainable, settings: Settings) -> None:
    groups = model.parameter_groups()
    for name in settings.rates:
        if name != "default" and name not in groups:
            raise ConfigError(
                f"training.rates.{name}: this model has no such group; it has {', '.join(sorted(groups))}"
            )


def checkpoints_of(folder: Path) -> Path:
    """Where the checkpoints of a model that will stand in ``folder`` lie while it is trained."""
    folder = folder.resolve()  # "." has no name
    return folder.with_name(f"{folder.name}.attrex-checkpoints")


def forget(folder: Path) -> None:
    """Removes the checkpoints of a model that now stands in ``folder``."""
    shutil.rmtree(checkpoints_of(folder), ignore_errors=True)


def _job(model: Trainable, pool: Pool, settings: Settings) -> str:
    """What must be the same for a run to go on from a checkpoint."""
    what = {k: v for k, v in asdict(settings).items() if k != "folder"} | {"processes": processes.count()}
    attributes = pool.attributes()
    places = {attribute: at for at, attribute in enumerate(attributes)}
    labels = [
        [label.product, places[label.attribute], label.kind, label.values, label.weight, label.complete]
        + [[span.source, span.start, span.end] for span in label.spans]
        for label in pool.labels
    ]
    products = [
        [p.category, [[s.name, s.text] for s in p.sources], [picture.content for picture in p.pictures]]
        for p in pool.products
    ]
    return content_hash([model.config(), what, [asdict(a) for a in attributes], labels, products])


def _last(checkpoints: Path | None, job: str, say: Callable[[str], None]) -> str | None:
    """The checkpoint to go on from; one of another job is removed, and one that is not whole."""
    if checkpoints is None:
        return None
    note = checkpoints / JOB
    if checkpoints.is_dir() and note.is_file() and note.read_text("utf-8") == job:
        found = sorted(checkpoints.glob("checkpoint-*"), key=lambda each: int(each.name.partition("-")[2]))
        while found and not _is_whole(found[-1]):
            shutil.rmtree(found.pop(), ignore_errors=True)
        if found:
            say(f"going on from {found[-1].name} of a run that was stopped")
        return str(found[-1]) if found else None
    try:
        shutil.rmtree(checkpoints, ignore_errors=True)
        checkpoints.mkdir(parents=True)
        note.write_text(job, "utf-8")
    except OSError as problem:
        shutil.rmtree(checkpoints, ignore_errors=True)
        raise OutputError(
            f"no checkpoints can be written ({problem.strerror or problem})",
            file=str(checkpoints),
            fix="make room, or give another place",
        ) from problem
    return None


def _kept(checkpoints: Path | None) -> str:
    """What a person who stopped the run is told of it."""
    if checkpoints is None:
        return "nothing was kept"
    if (checkpoints / WARMED).is_file() or any(map(_is_whole, checkpoints.glob("checkpoint-*"))):
        return "what was finished is kept; the same command goes on from there"
    return "no epoch was finished, so nothing is kept; the same command begins anew"


def _is_whole(checkpoint: Path) -> bool:
    """The trainer's state is what is written last, and a kill may come in the middle of it."""
    try:
        json.loads((checkpoint / TRAINER_STATE_NAME).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return True


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the trainer's own prints."""
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)


@contextmanager
def _deterministic() -> Iterator[None]:
    """On the CPU with sums in one order: the gradient of picked states is added up by several threads, and
    two fits with one seed differed. It costs 3 to 7 % of the processor time (20 steps of the default model on
    160 titles of OA-Mine, one thread, three pairs: 1.066, 1.027, 1.042). CUDA is left as it is: there it
    needs settings from outside."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before or not torch.cuda.is_available())
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
