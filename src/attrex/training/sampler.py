"""Batches of like length, in an order that depends on seed and epoch alone, dealt to the processes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

BLOCK = 20
"""Batches that are sorted among themselves: little padding, and still a random order."""


class LengthGrouped:
    """Yields lists of indices. ``set_epoch`` chooses the order of the next pass.

    ``batch`` is that of a step. Each of ``processes`` gets its share of every batch, and all as many: where
    it does not come out even, the batch's first examples are seen twice. So the means of their losses and
    gradients are the batch's own, whatever the number of processes.
    """

    def __init__(
        self, lengths: Sequence[int], batch: int, seed: int, *, processes: int = 1, rank: int = 0
    ) -> None:
        self.lengths, self.batch_size, self.seed = list(lengths), batch, seed
        self.processes, self.rank = processes, rank
        self.drop_last = False
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        chance = random.Random(f"{self.seed}/{self._epoch}")  # noqa: S311 - no secret depends on it
        order = list(range(len(self.lengths)))
        chance.shuffle(order)
        width = self.batch_size * BLOCK
        batches: list[list[int]] = []
        for begin in range(0, len(order), width):
            block = sorted(order[begin : begin + width], key=lambda at: (self.lengths[at], at))
            batches += [block[at : at + self.batch_size] for at in range(0, len(block), self.batch_size)]
        chance.shuffle(batches)
        yield from map(self._share, batches)

    def _share(self, batch: list[int]) -> list[int]:
        """Every so manieth of the batch, which is sorted, so that all get like lengths."""
        each = -(-len(batch) // self.processes)
        return [batch[at % len(batch)] for at in range(self.rank, each * self.processes, self.processes)]


def parts(lengths: Sequence[int], most: int) -> Iterator[slice]:
    """A batch's examples in the order that they have, in pieces that are no larger than ``most`` tokens once
    they are padded to their longest; an example at the least."""
    begin = longest = 0
    for at, length in enumerate(lengths):
        longer = max(longest, length)
        if at > begin and longer * (at + 1 - begin) > most:
            yield slice(begin, at)
            begin, longer = at, length
        longest = longer
    yield slice(begin, len(lengths))
