"""States of a heavy encoder that learns nothing: computed once in all of training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attrex.models.eave_network import HeavyEncoder
from attrex.models.inputs import in_batches
from attrex.nn.encoders import padded

HEAVY_TOKENS = 4096
"""Padded tokens that go through the heavy encoder at once. Not tuned."""


class FrozenStates:
    """By token sequence, in memory, up to ``limit`` bytes; what does not fit is computed anew each time.

    What came first stays: an epoch asks for all in turn, so that what was used last is needed latest.
    """

    def __init__(self, limit: int = 1 << 30) -> None:
        self.limit = limit
        self._kept: dict[tuple[int, ...], Tensor] = {}
        self._bytes = 0

    @torch.no_grad()
    def of(self, heavy: HeavyEncoder, sequences: Sequence[Sequence[int]], padding: int) -> Tensor:
        """``(M, X, heavy width)``, the sequences' states behind each other, on the CPU."""
        keys = [tuple(sequence) for sequence in sequences]
        missing = [key for key in dict.fromkeys(keys) if key not in self._kept]
        device = next(heavy.parameters()).device

        def states(batch: list[int]) -> list[Tensor]:
            ids_BS, mask_BS = padded([missing[at] for at in batch], padding)
            made_MBSD = heavy(ids_BS.to(device), mask_BS.to(device)).cpu()
            return [made_MBSD[:, at, mask_S] for at, mask_S in enumerate(mask_BS)]

        fresh = dict(
            zip(missing, in_batches([len(key) for key in missing], HEAVY_TOKENS, states), strict=True)
        )
        found = [self._kept[key] if key in self._kept else fresh[key] for key in keys]
        for key, made_MSD in fresh.items():
            size = made_MSD.numel() * made_MSD.element_size()
            if self._bytes + size <= self.limit:
                self._kept[key] = made_MSD
                self._bytes += size
        return torch.cat(found, dim=1)
