"""A pretrained encoder's self-attention, in two halves: before tokens meet, and where they do.

Legend: B sequences, T tokens, Q tokens that attend, D hidden, I all heads together, H heads, d head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Projected:
    """What an attention works on, and the input that skips it. No token knows of another yet, so that
    sequences that share tokens can share this."""

    queries_BQI: Tensor
    keys_BTI: Tensor
    values_BTI: Tensor
    skipped_BQD: Tensor

    def first(self, rows: int) -> Projected:
        """With the first Q tokens alone to attend."""
        return Projected(
            self.queries_BQI[:, :rows], self.keys_BTI, self.values_BTI, self.skipped_BQD[:, :rows]
        )


@dataclass(frozen=True, slots=True)
class Attention:
    """An attention's linear layers in front of the heads, and what else it needs."""

    query: nn.Module
    key: nn.Module
    value: nn.Module
    scale: float
    heads: int
    dropout: float

    def project(self, read_BTD: Tensor, states_BTD: Tensor, rows: int | None) -> Projected:
        return Projected(
            self.query(read_BTD[:, :rows]), self.key(read_BTD), self.value(read_BTD), states_BTD[:, :rows]
        )

    def attend(self, given: Projected, bias: Tensor | None) -> Tensor:
        """``(B, Q, I)``, the heads side by side."""
        if bias is not None:
            # Rows of relative positions; a mask of keys alone has one row for all.
            bias = bias[:, :, : given.queries_BQI.shape[1]]
            bias = bias if bias.dtype == torch.bool else bias.to(given.queries_BQI.dtype)
        attended_BHQd = nn.functional.scaled_dot_product_attention(
            self.split(given.queries_BQI),
            self.split(given.keys_BTI),
            self.split(given.values_BTI),
            attn_mask=bias,
            dropout_p=self.dropout,
            scale=self.scale,
        )
        return attended_BHQd.transpose(1, 2).flatten(2)

    def weights(self, queries_BQD: Tensor, keys_BTD: Tensor, bias: Tensor | None) -> Tensor:
        """``(B, H, Q, T)``, without dropout."""
        queries_BHQd, keys_BHTd = self.split(self.query(queries_BQD)), self.split(self.key(keys_BTD))
        scores_BHQT = self.scale * (queries_BHQd @ keys_BHTd.transpose(2, 3)).float()
        if bias is not None and bias.dtype == torch.bool:
            scores_BHQT = scores_BHQT.masked_fill(~bias, torch.finfo(torch.float32).min)
        elif bias is not None:
            scores_BHQT = scores_BHQT + bias
        return scores_BHQT.softmax(3)

    def split(self, states_BTI: Tensor) -> Tensor:
        """``(B, H, T, I / H)``."""
        return states_BTI.view(*states_BTI.shape[:2], self.heads, -1).transpose(1, 2)
