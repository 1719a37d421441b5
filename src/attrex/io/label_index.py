"""MAVE's labels by product id, without holding them in memory."""

from __future__ import annotations

import hashlib
import json
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attrex.io.input import Input


class LabelIndex:
    """Finds a product's line in a label file by a digest of its id: 16 bytes a label, and one seek.

    ``take`` gives each label once, as a product that stands twice in the metadata counts once.
    """

    def __init__(self, source: Input) -> None:
        digests: list[NDArray[np.uint64]] = []
        offsets: list[NDArray[np.int64]] = []
        with source.failures():
            self._file = source.bytes()
            block: list[tuple[int, int]] = []
            at = 3 if source.mark else 0
            self._file.seek(at)
            for line in self._file:
                if not line.isspace():
                    block.append((_digest(_id(line)), at))
                at += len(line)
                if len(block) == 65536:
                    _keep(block, digests, offsets)
            _keep(block, digests, offsets)
        known = np.concatenate(digests)
        order = np.argsort(known, kind="stable")
        self._digests, self._offsets = known[order], np.concatenate(offsets)[order]
        self._taken = np.zeros(len(order), dtype=bool)
        self.total = len(order)

    def __enter__(self) -> LabelIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def left(self) -> int:
        """Labels that were not taken."""
        return int(self.total - self._taken.sum())

    def take(self, id: str) -> dict[str, Any] | None:
        """The label of a product, the first time it is asked for."""
        digest = np.uint64(_digest(id))
        at = int(np.searchsorted(self._digests, digest))
        while at < self.total and self._digests[at] == digest:
            if not self._taken[at]:
                self._file.seek(int(self._offsets[at]))
                label = json.loads(self._file.readline())
                if str(label.get("id")) == id:
                    self._taken[at] = True
                    return dict(label)
            at += 1
        return None


def _digest(id: str) -> int:
    return int.from_bytes(hashlib.blake2b(id.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def _id(line: bytes) -> str:
    try:
        return str(json.loads(line).get("id"))
    except (ValueError, AttributeError):
        return ""


def _keep(
    block: list[tuple[int, int]], digests: list[NDArray[np.uint64]], offsets: list[NDArray[np.int64]]
) -> None:
    digests.append(np.array([d for d, _ in block], dtype=np.uint64))
    offsets.append(np.array([o for _, o in block], dtype=np.int64))
    block.clear()
