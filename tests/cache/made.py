"""A model's records, made up, and what counts how often they are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Inner:
    ids: list[int]
    text: str


@dataclass(frozen=True, slots=True)
class Made:
    """One field of every kind that a record may have."""

    name: str
    inner: Inner
    states_TD: Tensor
    layers: tuple[Tensor, ...]
    mask_T: Tensor
    pair: tuple[int, float]
    maybe: Inner | None
    flag: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A described record."""

    name: str
    weight_K: Tensor


def made(name: str, *, tokens: int = 5, width: int = 8, maybe: bool = False) -> Made:
    """The same for the same name."""
    draw = torch.Generator().manual_seed(sum(name.encode("utf-8", "surrogatepass")))
    inner = Inner([3, 1, 2**40 if name == "large" else 4], f"{name}: \ud83d \x00 é 😀")
    return Made(
        name,
        inner,
        torch.randn(tokens, width, generator=draw),
        tuple(torch.randn(tokens, width, generator=draw).bfloat16() for _ in range(2)),
        torch.arange(tokens) < 3,
        (7, 0.5),
        inner if maybe else None,
        True,
    )


class Maker:
    """``make`` of a cache over names, counting."""

    def __init__(self, names: Sequence[str], **more: Any) -> None:
        self.names, self.more = list(names), more
        self.made: list[str] = []
        self.calls = 0

    def __call__(self, places: list[int]) -> list[Made]:
        self.calls += 1
        self.made += [self.names[at] for at in places]
        return [made(self.names[at], **self.more) for at in places]
