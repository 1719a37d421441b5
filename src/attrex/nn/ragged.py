"""Rows of different lengths without padding: their tokens stand one after another.

What is done token by token runs on all of them as they are. Where tokens of a row meet, rows of like length
are laid side by side: so a batch of one long and many short rows costs little more than its tokens.

Legend: M tokens of all rows, X rows of a group, L longest of a group, C anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SLACK = 8
"""Tokens by which rows of a group may differ however short they are."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of like length. ``index_XL``: their tokens among the M, beyond a row's end its first; ``mask_XL``:
    the real ones, None where all are; ``run``: where all their tokens stand, where that is one piece of the
    M."""

    rows_X: Tensor
    index_XL: Tensor
    mask_XL: Tensor | None
    run: slice | None

    def parts(self, tokens: int) -> Iterator[Group]:
        """The same rows in groups of about so many tokens at most, a row at the least."""
        X, L = self.index_XL.shape
        step = max(1, tokens // L)
        if step >= X:
            yield self
            return
        for begin in range(0, X, step):
            end = min(begin + step, X)
            mask_XL = None if self.mask_XL is None else self.mask_XL[begin:end]
            run = None
            if self.run is not None:
                run = slice(self.run.start + begin * L, self.run.start + end * L)
            yield Group(self.rows_X[begin:end], self.index_XL[begin:end], mask_XL, run)

    def add(self, part_XLC: Tensor, packed_MC: Tensor) -> None:
        """Adds what was made of the group to its tokens, in place."""
        part_XLC = part_XLC.to(packed_MC.dtype)
        if self.run is not None:
            packed_MC[self.run].add_(part_XLC.flatten(0, 1))
        elif self.mask_XL is None:
            packed_MC.index_add_(0, self.index_XL.flatten(), part_XLC.flatten(0, 1))
        else:
            packed_MC.index_add_(0, self.index_XL[self.mask_XL], part_XLC[self.mask_XL])

    def of(self, packed_MC: Tensor) -> Tensor:
        """``(X, L, C)``; without a copy where they stand in one piece."""
        X, L = self.index_XL.shape
        if self.run is not None:
            return packed_MC[self.run].view(X, L, -1)
        return packed_MC.index_select(0, self.index_XL.flatten()).view(X, L, -1)


class Ragged:
    """``lengths`` of the rows, each from 1; row after row stands among the M."""

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        assert all(length > 0 for length in lengths), "a row is empty"
        self.lengths = list(lengths)
        starts = [0]
        for length in self.lengths:
            starts.append(starts[-1] + length)
        self.tokens, self._starts = starts[-1], starts
        self.groups = [self._group(rows, device) for rows in _alike(self.lengths)]
        places: list[Tensor] = []
        begin = 0
        back_M = torch.empty(self.tokens, dtype=torch.long, device=device)
        for group in self.groups:
            at_XL = torch.arange(begin, begin + group.index_XL.numel(), device=device).view_as(group.index_XL)
            real = slice(None) if group.mask_XL is None else group.mask_XL
            back_M[group.index_XL[real]] = at_XL[real]
            begin += group.index_XL.numel()
            places.append(at_XL)
        in_order = len(self.groups) == 1 and self.groups[0].run is not None
        self._back_M = None if in_order else back_M

    def _group(self, rows: list[int], device: torch.device) -> Group:
        longest = self.lengths[rows[0]]
        starts_X1 = torch.tensor([[self._starts[row]] for row in rows], device=device)
        lengths_X1 = torch.tensor([[self.lengths[row]] for row in rows], device=device)
        within_1L = torch.arange(longest, device=device).unsqueeze(0)
        mask_XL = within_1L < lengths_X1
        index_XL = starts_X1 + within_1L * mask_XL
        full = self.lengths[rows[-1]] == longest
        run = None
        if full and rows == list(range(rows[0], rows[0] + len(rows))):
            run = slice(self._starts[rows[0]], self._starts[rows[-1] + 1])
        return Group(torch.tensor(rows, device=device), index_XL, None if full else mask_XL, run)

    def parts(self, tokens: int) -> Iterator[Group]:
        """Its groups, each of about so many tokens at most."""
        for group in self.groups:
            yield from group.parts(tokens)

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """``(M, C)`` of what was made of each group, ``(X, L, C)``."""
        flat = [part.flatten(0, 1) for part in parts]
        together = flat[0] if len(flat) == 1 else torch.cat(flat)
        return together if self._back_M is None else together.index_select(0, self._back_M)

    def summed(self, made: Iterator[tuple[Group, Tensor]], total_MC: Tensor | None) -> Tensor:
        """``joined`` of what was made of ``parts``, added to what there is. Where nothing is learnt it is
        added on the spot, part by part, so that no second copy of all tokens is ever held."""
        if torch.is_grad_enabled():
            joined_MC = self.joined([part_XLC for _, part_XLC in made])
            return joined_MC if total_MC is None else total_MC + joined_MC
        for group, part_XLC in made:
            if total_MC is None and group.run is not None and group.index_XL.numel() == self.tokens:
                total_MC = part_XLC.flatten(0, 1)
            else:
                if total_MC is None:
                    total_MC = part_XLC.new_zeros(self.tokens, part_XLC.shape[2])
                group.add(part_XLC, total_MC)
            del part_XLC  # the next is made while it would still be held
        assert total_MC is not None
        return total_MC

    def padded(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """All rows as one group: tokens among the M ``(rows, longest)``, and which are real."""
        longest = max(self.lengths, default=1)
        starts_X1 = torch.tensor(self._starts[:-1], device=device).unsqueeze(1)
        within_1L = torch.arange(longest, device=device).unsqueeze(0)
        mask_XL = within_1L < torch.tensor(self.lengths, device=device).unsqueeze(1)
        return starts_X1 + within_1L * mask_XL, mask_XL


def _alike(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows in groups, the longest first: of a group the shortest has three quarters of the longest's tokens,
    or ``SLACK`` fewer."""
    ordered = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    group: list[int] = []
    for row in ordered:
        if group:
            longest = lengths[group[0]]
            if lengths[row] < min(0.75 * longest, longest - SLACK):
                yield group
                group = []
        group.append(row)
    if group:
        yield group


def means(vectors_MC: Tensor, row_M: Tensor, rows: int) -> Tensor:
    """The mean of each row's tokens, ``(rows, C)``, of ``row_M`` each; nought where a row has none."""
    count_R = torch.bincount(row_M, minlength=rows).clamp(min=1)
    shares_MC = vectors_MC / count_R[row_M].unsqueeze(1)
    return shares_MC.new_zeros(rows, vectors_MC.shape[1]).index_add(0, row_M, shares_MC)
