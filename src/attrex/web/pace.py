"""How much may be asked of a server, and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from threading import Lock
from typing import Any

from attrex.errors import ConfigError

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """``concurrency`` requests at once; ``seconds`` for one answer as a whole; ``tries`` of a request before
    it is given up; ``wait`` seconds after the first failure, twice as long after each further one, never
    longer than ``longest_wait`` unless the server says so; ``answer_tokens`` the longest answer. None: no
    such limit.

    Raises ``ConfigError`` for a value that makes no sense.
    """

    concurrency: int = 8
    seconds: float = 120.0
    tries: int = 6
    wait: float = 1.0
    longest_wait: float = 60.0
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    answer_tokens: int = 1024

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is None and name.endswith("_per_minute"):
                continue
            whole = name in ("concurrency", "tries", "answer_tokens")
            kind = int if whole else int | float
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value < float("inf"):
                said = "a whole number" if whole else "a number"
                raise ConfigError(f"limits.{name}: expected {said} from {least:g} on, got {value!r}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Limits:
        """From settings. Raises ``ConfigError`` for one that does not exist."""
        known = [each.name for each in fields(cls)]
        for name in given:
            if name not in known:
                raise ConfigError(f"limits.{name}: no such setting; there are {', '.join(known)}")
        return cls(**given)


_LEAST = {
    "concurrency": 1,
    "seconds": 0.001,
    "tries": 1,
    "wait": 0,
    "longest_wait": 0,
    "requests_per_minute": 0.001,
    "tokens_per_minute": 1,
    "answer_tokens": 1,
}


class Pace:
    """Tells when the next request may go, to any number of threads. Tokens are known only once they are
    spent, so after an answer the others wait until the minute's share is free again; a minute's worth may be
    spent at once."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._now = limits, now
        self._lock = Lock()
        self._next = self._closed = float("-inf")
        self._spent = float("-inf")

    def delay(self) -> float:
        """Seconds to wait, and to ask again then; 0: go, and the next one is counted from here."""
        with self._lock:
            now = self._now()
            ready = max(self._next, self._closed, self._spent - _MINUTE)
            if ready > now:
                return ready - now
            if self._limits.requests_per_minute is not None:
                self._next = now + _MINUTE / self._limits.requests_per_minute
            return 0.0

    def spend(self, tokens: int) -> None:
        """So many were used."""
        if self._limits.tokens_per_minute is not None:
            with self._lock:
                self._spent = max(self._spent, self._now())
                self._spent += tokens * _MINUTE / self._limits.tokens_per_minute

    def close(self, seconds: float) -> None:
        """Nothing goes for so long: the server has asked for it."""
        with self._lock:
            self._closed = max(self._closed, self._now() + seconds)
