"""How a vision encoder wants its pictures: the size, and what a channel is normalised by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attrex.errors import ConfigError

Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Preparation:
    """Pictures become ``size`` x ``size`` pixels, stretched, not cut: a patch of the encoder's is then the
    same share of every picture. ``mean`` and ``std`` are of red, green and blue in [0, 1].

    Raises ``ConfigError`` for a size below 1, other than three channels, or a deviation that is not positive.
    """

    size: int = 224
    mean: Channels = (0.485, 0.456, 0.406)
    std: Channels = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError(f"pictures.size is {self.size}; it must be at least 1")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != 3:
                raise ConfigError(f"pictures.{name}: expected three numbers, got {list(values)}")
        if min(self.std) <= 0:
            raise ConfigError(f"pictures.std is {list(self.std)}; each must be above 0")

    @classmethod
    def of(cls, size: int, mean: Sequence[float], std: Sequence[float]) -> Preparation:
        """From lists, as a ``preprocessor_config.json`` has them."""
        return cls(size, tuple(mean), tuple(std))  # type: ignore[arg-type]  # lengths are checked above

    def normalised(self, pixels_NSS3: NDArray[np.uint8]) -> NDArray[np.float32]:
        """``(N, 3, S, S)``: (value / 255 - mean) / std, channel by channel."""
        mean, std = (np.asarray(values, dtype=np.float32) for values in (self.mean, self.std))
        scaled_NSS3 = pixels_NSS3.astype(np.float32)
        scaled_NSS3 *= 1 / (255 * std)
        scaled_NSS3 -= mean / std
        return np.ascontiguousarray(scaled_NSS3.transpose(0, 3, 1, 2))


IMAGENET = Preparation()
"""224 pixels and the statistics of ImageNet (ULS-DRAM 4.2)."""
