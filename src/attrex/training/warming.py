"""What a part of a model learns by itself before all is learnt together: done once, also where a run is
stopped in its first epoch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from attrex.errors import OutputError
from attrex.models.interface import Learner, Warming
from attrex.nn import processes
from attrex.supervision.pool import Pool

WARMED = "warmed.safetensors"


def warm_up(model: Learner, pool: Pool, checkpoints: Path | None, say: Callable[[str], None]) -> None:
    """What ``model`` does as ``Warming``, if it is; or what was kept of it in ``checkpoints``. Chance is then
    as it was before, so that what follows is the same either way.

    Raises ``OutputError`` where it cannot be kept.
    """
    if not isinstance(model, Warming):
        return
    kept = None if checkpoints is None else checkpoints / WARMED
    if kept is not None and _restored(model.network, kept):
        say("going on behind what a part had learnt by itself in a run that was stopped")
        return
    with torch.random.fork_rng({p.device for p in model.network.parameters() if p.is_cuda}):
        learnt = model.warm_up(pool, say)
    if learnt and kept is not None and processes.is_first():
        _keep(model.network, kept)


def _restored(network: nn.Module, kept: Path) -> bool:
    """False where nothing whole is kept."""
    try:
        tensors = load_file(kept)
    except (FileNotFoundError, SafetensorError):
        return False
    with torch.no_grad():
        for name, parameter in _trained(network).items():
            parameter.copy_(tensors[name])
    return True


def _trained(network: nn.Module) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}


def _keep(network: nn.Module, kept: Path) -> None:
    tensors = {name: parameter.detach().cpu().contiguous() for name, parameter in _trained(network).items()}
    try:
        save_file(tensors, kept)
    except (OSError, SafetensorError) as problem:
        raise OutputError(
            f"no checkpoints can be written ({problem})",
            file=str(kept.parent),
            fix="make room, or give another place",
        ) from problem
