"""Records in a folder, for the next run.

Each batch of new records is one file, written beside and renamed, so that processes may share a folder: they
see whole files only. A file is safetensors, memory-mapped: one array of bytes a record (``records.pack``)
and, in its metadata, whose records they are and their checksums. A folder within the folder belongs to one
model and precision; the files longest unused go first, whosever they are.

What comes out is rounded, also when it has just been made: a run that reads the cache and one that fills it
give the same extractions.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from attrex.cache.records import Precision, Unreadable, pack, unpack
from attrex.cache.store import Kind, Make, first_places
from attrex.errors import OutputError

GIGABYTE = 1_000_000_000
FORMAT = 1
"""Of the files; others are not read."""
LARGEST = 64_000_000
"""Bytes a file: what goes at once when the folder is full."""
OPEN = 32
"""Files kept mapped."""
STALE = 3600.0
"""Seconds after which a file that was never renamed is taken for a crash's."""
_LOG = logging.getLogger(__name__)
_SUFFIX, _NEW = ".safetensors", ".new"
_GONE = object()
_OURS = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose records they are."""

    model: str
    precision: Precision
    format: int = FORMAT

    @property
    def folder(self) -> str:
        """The name of its folder."""
        text = json.dumps([self.model, self.precision, self.format])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(slots=True)
class _File:
    """One file: its path, and its records' checksums."""

    path: Path
    sums: Mapping[str, str]


@dataclass(slots=True)
class _Index:
    """Which file holds what, and the latest files mapped."""

    files: dict[str, _File] = field(default_factory=dict)
    mapped: OrderedDict[Path, Any] = field(default_factory=OrderedDict)

    def add(self, file: _File) -> None:
        for key in file.sums:
            self.files[key] = file

    def drop(self, file: _File) -> None:
        self.mapped.pop(file.path, None)
        for key in file.sums:
            if self.files.get(key) is file:
                del self.files[key]


class DiskCache:
    """One model's records in ``folder``, at most ``limit`` bytes with those of all others.

    ``model`` is the model's version (with the release of attrex that runs it), ``types`` those of its
    prepared and described records (see ``models.interface.Packing``). ``precision`` is for prepared records;
    described ones are few and stay as they are. What is damaged is thrown away and made again. Threads may
    share one. ``say`` (without, the log) is told, once each: that there are records of other models, that
    something was damaged, that the folder can no longer be written to. Raises ``OutputError`` where there
    cannot be such a folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        model: str,
        types: tuple[type, type],
        precision: Precision = "float16",
        limit: int = 4 * GIGABYTE,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.root, self.limit = folder, limit
        self.identity = Identity(model, precision)
        self.hits = self.misses = self.damaged = 0
        # A closed model describes what it does not know as None.
        self._types: dict[Kind, Any] = {"product": types[0], "attribute": types[1] | None}
        self._say = _LOG.warning if say is None else say
        self._said: set[str] = set()
        self._index = _Index()
        self._lock = threading.Lock()
        self._own = folder / self.identity.folder
        try:
            self._own.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise OutputError(
                f"there can be no cache ({problem.strerror or problem})",
                file=str(folder),
                fix="give another folder, or leave the cache out",
            ) from problem
        self._scan()

    @property
    def size(self) -> int:
        """Bytes in the folder, those of other models included."""
        return sum(stat.st_size for _, stat in _stats(self.root))

    def records(self, kind: Kind, keys: Sequence[str], make: Make) -> list[Any]:
        """See ``Cache``."""
        with self._lock:
            found = self._found(kind, keys)
            places = first_places(keys, set(keys) - found.keys())
            self.hits += len(keys) - len(places)
            self.misses += len(places)
        if places:
            self._take_in(kind, list(places), list(make(list(places.values()))), found)
        return [found[key] for key in keys]

    # --- reading ---

    def _found(self, kind: Kind, keys: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        used: dict[Path, None] = {}
        for key in dict.fromkeys(keys):
            file = self._index.files.get(key)
            if file is not None:
                record = self._read(file, key, kind)
                if record is not _GONE:
                    found[key] = record
                    used[file.path] = None
        for path in used:
            _touch(path)
        return found

    def _scan(self) -> None:
        """What is there."""
        others, size = set(), 0
        for path, stat in _stats(self.root):
            if path.parent != self._own:
                others.add(path.parent)
                size += stat.st_size
                continue
            file = self._opened(path)
            if file is not None:
                self._index.add(file)
        if others:
            models = "another model" if len(others) == 1 else f"{len(others)} other models"
            self._tell(
                "others",
                f"{self.root}: holds records of {models} too, or of another release of attrex "
                f"({size / 1e6:,.1f} MB); they are not used",
            )

    def _opened(self, path: Path) -> _File | None:
        try:
            with safe_open(path, "pt") as content:
                about = json.loads((content.metadata() or {})["attrex"])
                names = set(content.keys())
            if about["identity"] != self._identity or names != about["sums"].keys():
                raise ValueError("not these records")
            return _File(path, about["sums"])
        except FileNotFoundError:  # another process made room
            return None
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
            self._throw_away(_File(path, {}))
            return None

    @property
    def _identity(self) -> list[Any]:
        return [self.identity.model, self.identity.precision, self.identity.format]

    def _read(self, file: _File, key: str, kind: Kind) -> Any:
        """``_GONE`` where the record is not there or not to be trusted."""
        try:
            content = self._map(file.path)
            data = memoryview(content.get_tensor(key).numpy())
            if _sum(data) != file.sums[key]:
                raise Unreadable("another checksum")
            return unpack(data, self._types[kind])
        except FileNotFoundError:
            self._index.drop(file)
        except (SafetensorError, OSError, Unreadable):
            self._throw_away(file)
        return _GONE

    def _map(self, path: Path) -> Any:
        mapped = self._index.mapped
        if path in mapped:
            mapped.move_to_end(path)
        else:
            mapped[path] = safe_open(path, "pt")
            if len(mapped) > OPEN:
                mapped.popitem(last=False)
        return mapped[path]

    def _throw_away(self, file: _File) -> None:
        self._index.drop(file)
        file.path.unlink(missing_ok=True)
        self.damaged += 1
        self._tell(
            "damaged", f"{self.root}: {file.path.name} was damaged; it is removed and made again as needed"
        )

    def _tell(self, what: str, line: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._say(line)

    # --- writing ---

    def _take_in(self, kind: Kind, keys: Sequence[str], made: list[Any], found: dict[str, Any]) -> None:
        """Writes new records and puts them among those ``found``, as they will be read: one after another,
        so that a batch of megabytes each is not held twice."""
        type_ = self._types[kind]
        precision = self.identity.precision if kind == "product" else "float32"
        part: dict[str, bytes] = {}
        size = 0
        for at, key in enumerate(keys):
            data = pack(made[at], type_, precision)
            made[at] = None
            found[key] = unpack(memoryview(data), type_)
            if part and size + len(data) > LARGEST:
                self._write(part)
                part, size = {}, 0
            part[key] = data
            size += len(data)
        self._write(part)

    def _write(self, part: Mapping[str, bytes]) -> None:
        try:
            with self._lock:
                self._index.add(self._write_file(part))
                self._make_room()
        except (OSError, SafetensorError) as problem:
            self._tell(
                "full", f"{self.root}: nothing more can be kept there ({problem}); the work goes on without"
            )

    def _write_file(self, part: Mapping[str, bytes]) -> _File:
        sums = {key: _sum(memoryview(data)) for key, data in part.items()}
        path = self._own / f"{secrets.token_hex(8)}{_SUFFIX}"
        beside = path.with_suffix(_NEW)
        tensors = {key: torch.frombuffer(bytearray(data), dtype=torch.uint8) for key, data in part.items()}
        try:
            save_file(tensors, beside, {"attrex": json.dumps({"identity": self._identity, "sums": sums})})
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return _File(path, sums)

    def _make_room(self) -> None:
        """The files longest unused go, and what a crash has left."""
        files = sorted(_stats(self.root), key=lambda each: each[1].st_mtime)
        size = sum(stat.st_size for _, stat in files)
        for path, stat in files:
            if size <= self.limit:
                break
            path.unlink(missing_ok=True)
            size -= stat.st_size
        for beside in self._own.glob(f"*{_NEW}"):
            try:
                if time.time() - beside.stat().st_mtime > STALE:
                    beside.unlink(missing_ok=True)
            except FileNotFoundError:
                continue


def _stats(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All files of caches below the folder; nothing else that stands there."""
    for folder in root.iterdir():
        if not _OURS.fullmatch(folder.name) or not folder.is_dir():
            continue
        for path in folder.glob(f"*{_SUFFIX}"):
            try:
                yield path, path.stat()
            except FileNotFoundError:  # another process made room
                continue


def _sum(data: memoryview) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except OSError:  # gone, or of another user: its age is a hint only
        return
