"""Pixels as the encoders of pictures want them.

Legend: C pictures, S pixels a side.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalised(nn.Module):
    """Red, green and blue in 0 to 255, a pixel's last, to channels in front, by each one's ``mean`` and
    ``std``, which are of values in [0, 1]."""

    mean_3: Tensor
    std_3: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean_3", torch.tensor(list(mean)), persistent=False)
        self.register_buffer("std_3", torch.tensor(list(std)), persistent=False)

    def forward(self, pixels_CSS3: Tensor) -> Tensor:
        """``(C, 3, S, S)``."""
        scaled_CSS3 = (pixels_CSS3.float() / 255 - self.mean_3) / self.std_3
        return scaled_CSS3.permute(0, 3, 1, 2).contiguous()
