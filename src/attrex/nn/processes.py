"""Several processes on one job, as ``torchrun`` starts them: which one this is, and how they meet."""

from __future__ import annotations

import atexit
import gc
import json
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

PATIENCE = timedelta(days=7)
"""So long one waits for another: the first scores and calibrates alone. One that died is noticed by
``torchrun``, which ends the others."""


def count() -> int:
    """How many processes share the job; 1 without ``torchrun``."""
    started = all(name in os.environ for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"))
    return int(os.environ["WORLD_SIZE"]) if started else 1


def rank() -> int:
    """This process's number, from 0."""
    return int(os.environ["RANK"]) if count() > 1 else 0


def is_first() -> bool:
    """Whether this is the process that writes and prints."""
    return rank() == 0


def join() -> None:
    """Meets the others; done before all else that is shared, and once."""
    from torch import distributed  # not at the top: who runs alone needs no torch

    if count() > 1 and not distributed.is_initialized():
        import torch

        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
        atexit.register(part)


def part() -> None:
    """Leaves the others. What still holds the group goes first: the group's threads end with it, and one that
    let go of a tensor after the interpreter has gone would abort the process.
    """
    from torch import distributed

    if distributed.is_initialized():
        gc.collect()
        distributed.destroy_process_group()


def from_first(make: Callable[[], Any]) -> Any:
    """What the first process makes, in all of them; the others wait. It goes over as JSON."""
    if count() == 1:
        return make()
    import torch
    from torch import distributed

    join()
    made = json.dumps(make()).encode() if is_first() else b""
    length = torch.tensor([len(made)])
    distributed.broadcast(length, 0)
    content = torch.zeros(int(length), dtype=torch.uint8)
    if made:
        content = torch.tensor(list(made), dtype=torch.uint8)
    distributed.broadcast(content, 0)
    return json.loads(bytes(content.tolist()))


def wait() -> None:
    """Until all processes are here."""
    from_first(lambda: None)
