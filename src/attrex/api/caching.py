"""A folder as a model's cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrex import __version__
from attrex.cache import GIGABYTE, DiskCache
from attrex.errors import ConfigError
from attrex.models.folder import StorableModel
from attrex.models.interface import Packing

LIMIT = 4.0
"""Gigabytes a folder may hold, unless said otherwise."""


def open_cache(
    model: StorableModel,
    version: str,
    folder: str | Path,
    *,
    limit: float = LIMIT,
    say: Callable[[str], None] | None = None,
) -> DiskCache:
    """The model's records in ``folder``, of at most ``limit`` gigabytes with those of other models. ``say``
    is told what the user should know of it; without, the log is.

    Raises ``ConfigError`` for a model whose records are not for a disk.
    """
    if not limit > 0:
        raise ConfigError(f"cache limit: {limit:g} gigabytes is not above 0")
    types = model.record_types if isinstance(model, Packing) else None
    if types is None:
        raise ConfigError(
            f'cache: "{model.config()["builder"]}" prepares next to nothing before it knows the attribute, '
            "so that a cache would spare nothing. Fix: leave the cache out"
        )
    size = int(limit * GIGABYTE)
    return DiskCache(Path(folder), model=f"{version} {__version__}", types=types, limit=size, say=say)
