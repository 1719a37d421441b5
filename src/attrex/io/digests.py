"""Which ids have been met, in a few bytes an id."""

from __future__ import annotations

import hashlib
from array import array

CAPACITY = 1 << 24
"""Ids that are remembered at most: 16.8 million, in 256 MB. Later ones are not checked."""


class DigestSet:
    """A set of texts, each kept as an 8-byte digest in one open-addressing table.

    16 to 32 bytes a text, against more than 100 for a set of strings: a million ids take 32 MB.
    Two different texts share a digest with probability 2**-64.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._table = array("Q", bytes(8 * 1024))
        self._mask = 1023
        self._used = 0

    def __len__(self) -> int:
        return self._used

    @property
    def full(self) -> bool:
        """Whether new texts are no longer remembered."""
        return self._used >= self._capacity

    def add(self, text: str) -> bool:
        """Whether the text is new. A text that finds the set full counts as new."""
        data = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        digest = int.from_bytes(data, "little") or 1  # 0 marks a free slot
        slot = self._slot(digest)
        if self._table[slot] == digest:
            return False
        if not self.full:
            self._table[slot] = digest
            self._used += 1
            if 2 * self._used > self._mask:
                self._grow()
        return True

    def _slot(self, digest: int) -> int:
        table, mask = self._table, self._mask
        slot = digest & mask
        while table[slot] not in (0, digest):
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        old = self._table
        self._mask = 2 * self._mask + 1
        self._table = array("Q", bytes(8 * (self._mask + 1)))
        for digest in old:
            if digest:
                self._table[self._slot(digest)] = digest
