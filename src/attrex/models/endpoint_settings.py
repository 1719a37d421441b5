"""The settings of a model behind an address, checked before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from attrex.errors import ConfigError
from attrex.models.arguments import one_of
from attrex.models.endpoint_answers import Ungrounded
from attrex.models.endpoint_prompts import Output, Prompt, prompt_of
from attrex.web.pace import Limits
from attrex.web.server import checked

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Settings:
    """The builder's arguments, checked; see ``build_endpoint``."""

    address: str
    model: str
    prompt: Prompt
    key: str | None
    shots: int
    ungrounded: Ungrounded
    output: Output
    request: Mapping[str, Any]
    limits: Limits
    price: Mapping[str, float]
    answers: str | None
    pictures: int | None
    window: int


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Raises ``ConfigError`` for one that is wrong, with its path; neither address nor key are repeated
    there, for they may hold a secret."""
    for name, least in (("shots", 0), ("window", 16), ("pictures", 16)):
        value = given[name]
        if value is None and name == "pictures":
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConfigError(
                f"model.arguments.{name}: expected a whole number from {least} on, got {value!r}"
            )
    model, key = given["model"], given["key"]
    if not isinstance(model, str) or not model:
        raise ConfigError(f"model.arguments.model: expected the name of a model on the server, got {model!r}")
    if key is not None and not (isinstance(key, str) and _NAME.match(key)):
        raise ConfigError(
            "model.arguments.key: expected the name of an environment variable such as OPENAI_API_KEY; the "
            "key itself belongs in that variable only"
        )
    for name in ("price", "request", "limits"):
        if given[name] is not None and not isinstance(given[name], Mapping):
            raise ConfigError(f"model.arguments.{name}: expected settings by name, got {given[name]!r}")
    for name, cost in (given["price"] or {}).items():
        number = isinstance(cost, int | float) and not isinstance(cost, bool) and cost >= 0
        if name not in ("prompt", "answer") or not number:
            raise ConfigError(
                "model.arguments.price: expected {prompt: , answer: }, money for a million tokens, "
                f"got {name}: {cost!r}"
            )
    if given["answers"] is not None and not isinstance(given["answers"], str):
        raise ConfigError(f"model.arguments.answers: expected a file, got {given['answers']!r}")
    checked(given["address"])
    return Settings(
        given["address"],
        model,
        prompt_of(given["prompt"]),
        key,
        given["shots"],
        one_of("ungrounded", given["ungrounded"], get_args(Ungrounded)),  # type: ignore[arg-type]  # one of these
        one_of("output", given["output"], get_args(Output)),  # type: ignore[arg-type]  # one of these
        dict(given["request"] or {}),
        Limits.of(given["limits"] or {}),
        dict(given["price"] or {}),
        given["answers"],
        given["pictures"],
        given["window"],
    )
