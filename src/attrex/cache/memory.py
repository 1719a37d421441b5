"""Records in memory, the longest unused going first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from attrex.cache.records import own, size_of
from attrex.cache.store import Kind, Make, first_places

MEGABYTE = 1_000_000


class MemoryCache:
    """At most ``limit`` bytes of records, of any number of models. Threads may share one.

    A record larger than the limit is handed on and not kept.
    """

    def __init__(self, limit: int = 1000 * MEGABYTE) -> None:
        self.limit = limit
        self.size = self.hits = self.misses = 0
        self._records: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._records)

    def records(self, kind: Kind, keys: Sequence[str], make: Make) -> list[Any]:
        """See ``Cache``."""
        found: dict[str, Any] = {}
        with self._lock:
            for key in keys:
                if key in self._records:
                    self._records.move_to_end(key)
                    found[key] = self._records[key][0]
            places = first_places(keys, set(keys) - found.keys())
            self.hits += len(keys) - len(places)
            self.misses += len(places)
        if places:
            # A view would keep all of its batch alive.
            made = [own(record) for record in make(list(places.values()))]
            fresh = dict(zip(places, made, strict=True))
            found.update(fresh)
            with self._lock:
                for key, record in fresh.items():
                    self._keep(key, record)
        return [found[key] for key in keys]

    def _keep(self, key: str, record: Any) -> None:
        if key in self._records:
            self.size -= self._records.pop(key)[1]
        size = size_of(record)
        if size > self.limit:
            return
        self._records[key] = (record, size)
        self.size += size
        while self.size > self.limit:
            _, (_, freed) = self._records.popitem(last=False)
            self.size -= freed
