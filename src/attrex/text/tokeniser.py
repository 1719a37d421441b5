"""Tokens with character offsets; the one text path of training and of extraction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text's tokens: vocabulary ids, and ``[start, end)`` of each in code points of the text."""

    ids: list[int]
    starts: list[int]
    ends: list[int]

    def __len__(self) -> int:
        return len(self.ids)


class Tokeniser(Protocol):
    """Cuts texts into tokens, without special tokens and without truncation."""

    def encode(self, texts: Sequence[str]) -> list[Tokens]: ...
