"""How a model is trained."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from attrex.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """``epochs`` over the data; fewer where ``examples``, the number seen over all epochs, would be passed
    (but never less than two): a large catalogue needs fewer, and nobody wants to wait.

    ``rates``: learning rate by parameter group, "default" for the rest. ``batch``: products (or pairs) a
    step, of all processes together: by ``torchrun`` each takes its part of them, and the rates stay as they
    are. ``max_tokens``: of texts that are learnt from at once; a batch of more is learnt from in parts, whose
    gradients are summed, so that a batch takes no more memory than its parts. Not counted is how often a
    model reads an example's text. ``warmup``: share of the steps in which the rates rise. ``averaging``:
    decay per step of the weights' exponential moving average, which is what is kept; 0 keeps the last
    weights. ``patience``: epochs without a better score before training stops, counted from the first score
    above nought (None: never). ``clip``: the gradient's largest norm. ``folder``: where checkpoints go, so
    that a killed run goes on; None: nowhere.
    """

    epochs: int = 10
    examples: int | None = None
    batch: int = 16
    max_tokens: int = 4096
    rates: Mapping[str, float] = field(default_factory=lambda: {"default": 1e-3})
    weight_decay: float = 0.01
    warmup: float = 0.1
    averaging: float = 0.0
    patience: int | None = None
    clip: float = 1.0
    seed: int = 0
    folder: Path | None = None

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 1), ("max_tokens", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigError(f"training.{name}: expected a whole number from {least}, got {value!r}")
        for name in ("patience", "examples"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ConfigError(f"training.{name}: expected a whole number from 1, got {value!r}")
        for name in ("weight_decay", "warmup", "averaging", "clip"):
            _check_number(f"training.{name}", getattr(self, name))
        for name in ("warmup", "averaging"):
            if getattr(self, name) >= 1:
                raise ConfigError(f"training.{name}: expected a number below 1, got {getattr(self, name)!r}")
        if not isinstance(self.rates, Mapping) or "default" not in self.rates:
            raise ConfigError(
                f'training.rates: expected {{"default": a rate, ...}} by group, got {self.rates!r}'
            )
        for group, rate in self.rates.items():
            _check_number(f"training.rates.{group}", rate)

    def epochs_over(self, examples: int) -> int:
        """How many epochs there will be over data of that many examples."""
        if self.examples is None:
            return self.epochs
        return min(self.epochs, max(2, round(self.examples / max(1, examples))))


def _check_number(path: str, value: object) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return
    exponent = isinstance(value, str) and re.fullmatch(r"\d+[eE][-+]?\d+", value)
    hint = ", which YAML takes for text; write it with a point, as in 1.0e-3" if exponent else ""
    raise ConfigError(f"{path}: expected a number from 0, got {value!r}{hint}")
