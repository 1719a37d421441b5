"""Readings laid out as an encoder reads them.

Legend: N sequences, S positions of the encoder's input, T tokens of the text alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from attrex.errors import ConfigError
from attrex.nn.encoders import padded
from attrex.text.batches import by_length
from attrex.text.reading import LONGEST_PREFIX, Reading
from attrex.text.tokeniser import Tokeniser

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Inputs:
    """``ids_NS`` and ``mask_NS`` for the encoder: opening, question, category, text, separator.
    ``position_NT``: where the text's tokens stand in there; ``chain_NT``: which of them are real."""

    ids_NS: Tensor
    mask_NS: Tensor
    position_NT: Tensor
    chain_NT: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By name, as part of a batch of training."""
        return {
            "ids_NS": self.ids_NS,
            "mask_NS": self.mask_NS,
            "position_NT": self.position_NT,
            "chain_NT": self.chain_NT,
        }

    @classmethod
    def of(cls, batch: dict[str, Tensor]) -> Inputs:
        """What ``tensors`` gave."""
        return cls(batch["ids_NS"], batch["mask_NS"], batch["position_NT"], batch["chain_NT"])

    def to(self, device: torch.device) -> Inputs:
        """The same there."""
        return Inputs(*(t.to(device) for t in self.tensors().values()))

    def rows(self, index_N: Tensor) -> Inputs:
        """Some of the sequences."""
        return Inputs(*(t[index_N] for t in self.tensors().values()))

    def text_states(self, states_NSD: Tensor) -> Tensor:
        """The states ``(N, T, D)`` of the text's tokens among all of the encoder's."""
        rows_N1 = torch.arange(len(states_NSD), device=states_NSD.device).unsqueeze(1)
        return states_NSD[rows_N1, self.position_NT]


def lay_out(
    readings: Sequence[Reading],
    tokeniser: Tokeniser,
    questions: Sequence[Sequence[int]] | None = None,
    *,
    at_least: Literal[0, 1] = 0,
) -> Inputs:
    """One row per reading; ``questions``: tokens that stand before each, their separator included.
    ``at_least`` 1: of a text without a token the separator behind it stands for one, for a chain has one."""
    asked: Sequence[Sequence[int]] = [()] * len(readings) if questions is None else questions
    before = [[*tokeniser.opening, *q, *r.prefix] for q, r in zip(asked, readings, strict=True)]
    ids_NS, mask_NS = padded(
        [[*b, *r.ids, tokeniser.separator] for b, r in zip(before, readings, strict=True)], tokeniser.padding
    )
    lengths_N1 = torch.tensor([[max(at_least, len(reading))] for reading in readings])
    within_1T = torch.arange(int(lengths_N1.max())).unsqueeze(0)
    chain_NT = within_1T < lengths_N1
    first_N1 = torch.tensor([[len(b)] for b in before])
    return Inputs(ids_NS, mask_NS, (within_1T + first_N1) * chain_NT, chain_NT)


def positions(reading: Reading, tokeniser: Tokeniser, question: int = 0) -> int:
    """How long the row is that ``lay_out`` makes of a reading behind a question of so many tokens."""
    return len(tokeniser.opening) + question + len(reading.prefix) + len(reading) + 1


def check_room(body: nn.Module, window: int, question: int, tokeniser: Tokeniser) -> None:
    """Raises ``ConfigError`` where what ``lay_out`` makes of a text of so many tokens behind a question of so
    many has no room among the positions that an encoder has learnt."""
    check_positions(getattr(body.config, "max_position_embeddings", None), window, question, tokeniser)


def check_positions(longest: int | None, window: int, question: int, tokeniser: Tokeniser) -> None:
    """The same of an encoder with so many positions; None for any number."""
    tokens = len(tokeniser.opening) + question + LONGEST_PREFIX + 1 + window + 1
    if longest is not None and tokens > longest:
        beside = "category and attribute" if question else "its category"
        room = window - (tokens - longest)
        fix = f"a window of {room} at most" if room > 0 else "an encoder with more positions"
        raise ConfigError(
            f"model.arguments.window is {window}; with {beside} that is {tokens} tokens, "
            f"and the encoder has {longest} positions. Fix: {fix}"
        )


def in_batches(
    lengths: Sequence[int], budget: int, make: Callable[[list[int]], Iterable[Made]]
) -> list[Made]:
    """What ``make`` makes of each item, in the items' order: it is given their indices in batches of like
    length, each of at most ``budget`` padded tokens."""
    made: dict[int, Made] = {}
    for batch in by_length(lengths, budget):
        made.update(zip(batch, make(batch), strict=True))
    return [made[at] for at in range(len(lengths))]


def encoded(
    readings: Sequence[Reading], budget: int, encode: Callable[[list[Reading]], Tensor]
) -> list[Tensor]:
    """What ``encode`` makes of each reading's tokens, ``(T, ...)``: it is given readings in batches, and
    returns ``(N, T, ...)``."""

    def make(batch: list[int]) -> list[Tensor]:
        states_NTX = encode([readings[at] for at in batch])
        return [own_TX[: len(readings[at])] for at, own_TX in zip(batch, states_NTX, strict=True)]

    return in_batches([len(r) + len(r.prefix) for r in readings], budget, make)
