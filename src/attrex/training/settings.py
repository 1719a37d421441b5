"""How a model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from attrex.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """``rates``: learning rate by parameter group, "default" for the rest. ``batch``: products (or pairs)
    a step. ``averaging``: decay per step of the weights' exponential moving average, which is what is
    kept; 0 keeps the last weights. ``patience``: epochs without a better score before training stops
    (None: all ``epochs``). ``folder``: where checkpoints go, so that a killed run goes on; None: nowhere.
    """

    epochs: int = 10
    batch: int = 16
    rates: Mapping[str, float] = field(default_factory=lambda: {"default": 1e-3})
    weight_decay: float = 0.01
    warmup: float = 0.1
    averaging: float = 0.0
    patience: int | None = None
    clip: float = 1.0
    seed: int = 0
    folder: Path | None = None

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigError(f"training.{name}: expected a whole number from {least}, got {value!r}")
        if self.patience is not None and (not isinstance(self.patience, int) or self.patience < 1):
            raise ConfigError(f"training.patience: expected a whole number from 1, got {self.patience!r}")
        for name in ("weight_decay", "warmup", "averaging", "clip"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or value < 0:
                raise ConfigError(f"training.{name}: expected a number from 0, got {value!r}")
        for name in ("warmup", "averaging"):
            if getattr(self, name) >= 1:
                raise ConfigError(f"training.{name}: expected a number below 1, got {getattr(self, name)!r}")
        if not isinstance(self.rates, Mapping) or "default" not in self.rates:
            raise ConfigError(
                f'training.rates: expected {{"default": a rate, ...}} by group, got {self.rates!r}'
            )
        for group, rate in self.rates.items():
            if not isinstance(rate, int | float) or rate < 0:
                raise ConfigError(f"training.rates.{group}: expected a number from 0, got {rate!r}")
