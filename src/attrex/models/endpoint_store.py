"""Answers kept by the hash of what was asked: in memory, and in a file that survives the run."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from attrex.errors import OutputError
from attrex.models.endpoint_answers import Said

_TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, said TEXT NOT NULL)"
KEPT = 100_000
"""Answers kept in memory where there is no file."""


def key_of(address: str, body: Mapping[str, Any]) -> str:
    """Of the server and of all that it is sent: another model, prompt, schema or temperature, another key."""
    text = json.dumps([address, body], sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class Store:
    """``path``: a file of SQLite's, made where there is none; it holds hashes and values, no product texts.
    What was kept survives the end of the process, however it ends. Threads and processes may share it.

    Raises ``OutputError`` where there can be no such file.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = Lock()
        self._path = path
        self._kept: dict[str, Said] = {}
        self._file: sqlite3.Connection | None = None
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
            # Each answer synced to the disk cost 10 ms, as much as asking a fast server.
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(_TABLE)
        except (sqlite3.Error, OSError) as problem:
            raise self._unusable(problem) from None

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()

    def get(self, key: str) -> Said | None:
        """The answer, if it was kept. One that is damaged counts as not kept."""
        with self._lock:
            if self._file is None:
                return self._kept.get(key)
            row = self._file.execute("SELECT said FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        try:
            return Said.from_json(str(row[0]))
        except ValueError:
            return None

    def keep(self, key: str, said: Said) -> None:
        """Raises ``OutputError`` where the disk is full: answers that cost money are not lost in silence."""
        with self._lock:
            if self._file is None:
                if len(self._kept) >= KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = said
                return
            try:
                self._file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, said.to_json()))
            except sqlite3.Error as problem:
                raise self._unusable(problem) from None

    def _unusable(self, problem: Exception) -> OutputError:
        return OutputError(
            f"answers cannot be kept there ({problem})",
            file=str(self._path),
            fix="give another file as the setting answers, or make room",
        )
