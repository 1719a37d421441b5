"""Checks of builders' arguments, which come from recipes and model folders."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import signature
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from attrex.errors import ConfigError
from attrex.text.windows import SMALLEST

LEAST = {
    "window": SMALLEST,
    **dict.fromkeys(
        ("attribute_size", "block", "decoder_layers", "decoder_width", "embedding", "experts", "heads"), 1
    ),
    **dict.fromkeys(("longest", "width"), 1),
}
"""The least value of sizes that mean the same to every builder."""
_SAID: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a name",
    bool: "true or false",
    NoneType: "nothing",
    Mapping: "settings by name",
}


def one_of(name: str, value: str, known: Collection[str]) -> str:
    """The value. Raises ``ConfigError`` where it is none of the ``known``."""
    if value not in known:
        raise ConfigError(f"model.arguments.{name}: expected one of {', '.join(known)}; got {value!r}")
    return value


def check_arguments(model: str, builder: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raises ``ConfigError`` for an argument that the model's builder does not have, one that it needs and
    does not get, a value of another kind than its signature says, and a size that no builder can do with.
    What else a builder wants it checks itself."""
    known, hints = signature(builder).parameters, get_type_hints(builder)
    for name in arguments:
        if name not in known:
            raise ConfigError(
                f"model.arguments.{name}: {model} has no such argument; it has {', '.join(known)}"
            )
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise ConfigError(f"model.arguments.{name}: is missing; {model} needs it")
    for name, value in arguments.items():
        if not _fits(value, hints[name]):
            raise ConfigError(f"model.arguments.{name}: expected {_said(hints[name])}, got {value!r}")
        if name in LEAST and value is not None and value < LEAST[name]:
            raise ConfigError(f"model.arguments.{name} is {value}; it must be at least {LEAST[name]}")
        if name == "dropout" and not 0 <= value < 1:
            raise ConfigError(f"model.arguments.dropout is {value}; it must lie in [0, 1)")


def _fits(value: Any, hint: Any) -> bool:
    kind, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if kind in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if kind is Literal:
        return isinstance(value, str)  # which ones there are the builder tells
    if kind is Sequence:
        return isinstance(value, list | tuple) and all(_fits(each, inner[0]) for each in value)
    if kind is Mapping:
        return isinstance(value, Mapping)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _said(hint: Any) -> str:
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_said, inner)))
    if kind is Literal:
        return f"one of {', '.join(inner)}"
    if kind is Sequence:
        return f"a list ({_said(inner[0])} each)"
    return _SAID[kind or hint]
