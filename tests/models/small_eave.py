"""EAVE on a tiny encoder, before its first step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from attrex.models.catalog import CATALOG
from tests.conformance.ten import pool

TINY = {"window": 20, "dropout": 0.0}


def begun(base: str, **arguments: Any) -> Any:
    """The model before its first step."""
    torch.manual_seed(0)
    model: Any = CATALOG["eave"](base=base, **{**TINY, **arguments})
    model.begin(pool())
    model.network.eval()
    return model


@contextmanager
def counted(module: nn.Module, at: int = 0) -> Iterator[list[int]]:
    """The number of sequences that went through a module, call by call."""
    seen: list[int] = []
    hook = module.register_forward_hook(lambda _, given, __: seen.append(len(given[at])))
    yield seen
    hook.remove()
