"""Checks of builders' arguments, which come from recipes and model folders."""

from __future__ import annotations

from collections.abc import Collection

from attrex.errors import ConfigError


def one_of(name: str, value: str, known: Collection[str]) -> str:
    """The value. Raises ``ConfigError`` where it is none of the ``known``."""
    if value not in known:
        raise ConfigError(f"model.arguments.{name}: expected one of {', '.join(known)}; got {value!r}")
    return value
