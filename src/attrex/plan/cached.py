"""Whether a cache pays: what records take, and how long they take to be read instead of made."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from attrex.cache import DiskCache, product_key
from attrex.cache.records import own, size_of
from attrex.core import Product
from attrex.models.interface import Model, Packing

WINDOWS = 64
"""Windows whose records are tried at most."""


@dataclass(frozen=True, slots=True)
class CachePlan:
    """A cache of all windows. ``memory`` and ``disk``: bytes. ``read``, ``write``, ``make``: seconds to read
    all records from the disk, to write them there, and to make them. None where records are not for a
    disk."""

    cacheable: Literal["no", "memory", "disk"]
    memory: float
    make: float
    disk: float | None = None
    read: float | None = None
    write: float | None = None

    @property
    def pays(self) -> bool | None:
        """Whether a run that reads all records from the disk is quicker than one that makes them."""
        return None if self.read is None else self.read < self.make

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "cacheable": self.cacheable,
            "memory_bytes": round(self.memory),
            "disk_bytes": None if self.disk is None else round(self.disk),
            "seconds_to_make": self.make,
            "seconds_to_read": self.read,
            "seconds_to_write": self.write,
            "disk_pays": self.pays,
        }


def plan_cache(
    model: Model,
    version: str,
    windows: Sequence[Product],
    *,
    seconds_a_window: float,
    of: float,
    seconds: float,
) -> CachePlan:
    """The cache of ``of`` windows, of which ``windows`` are some. ``seconds_a_window``: to prepare one; as
    many are tried as take ``seconds``.

    Reading is measured on files that the system has forgotten, as far as it can be told to, in its folder
    for temporary files.
    """
    few = max(1, min(WINDOWS, len(windows), int(seconds / max(seconds_a_window, 1e-9))))
    tried = list(windows[:few])
    if not tried or model.traits.cacheable == "no":
        return CachePlan("no", 0.0, seconds_a_window * of)
    prepared = model.prepare(tried)
    scale = of / len(tried)
    memory = sum(size_of(own(record)) for record in prepared) * scale
    make = seconds_a_window * of
    types = model.record_types if isinstance(model, Packing) else None
    if types is None:
        return CachePlan("memory", memory, make)
    keys = [product_key(window, version) for window in tried]
    with tempfile.TemporaryDirectory(prefix="attrex-plan-") as folder:
        cache = DiskCache(Path(folder), model=version, types=types)
        begun = time.perf_counter()
        cache.records("product", keys, lambda places: [prepared[at] for at in places])
        write = time.perf_counter() - begun
        size = cache.size
        _forget(Path(folder))
        again = DiskCache(Path(folder), model=version, types=types)
        begun = time.perf_counter()
        again.records("product", keys, lambda places: [prepared[at] for at in places])
        read = time.perf_counter() - begun
    return CachePlan("disk", memory, make, size * scale, read * scale, write * scale)


def _forget(folder: Path) -> None:
    """Has the system read these files from the disk next time."""
    if sys.platform != "linux":
        return
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
