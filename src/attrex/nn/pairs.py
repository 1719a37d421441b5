"""Contexts and attributes side by side, without a copy of either until they meet.

Tokens that several asks share lie flat, one behind another, and are worked on once; a ``Pairs`` says which of
them stand in which row.

Legend: N asks, S tokens of the longest pair, B contexts, X their tokens together, A attributes, Z their
tokens together, Y those of all asks' attributes, M layers of states.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows ``context attribute padding``, one an ask, their tokens following each other without a gap.

    ``context_NS``: which of X stands there (0 behind the context). ``ask_Y``, ``place_Y``, ``token_Y``: the
    row, the place and which of Z it is, of every attribute's token. ``mask_NS``: what is no padding;
    None where nothing is.
    """

    context_NS: Tensor
    ask_Y: Tensor
    place_Y: Tensor
    token_Y: Tensor
    mask_NS: Tensor | None

    @classmethod
    def of(cls, contexts_B: Tensor, attributes_A: Tensor, context_N: Tensor, attribute_N: Tensor) -> Pairs:
        """Of lengths, and which context is asked for which attribute."""
        context_length_N, attribute_length_N = contexts_B[context_N], attributes_A[attribute_N]
        length_N = context_length_N + attribute_length_N
        within_S = torch.arange(int(length_N.max()))
        begin_B, begin_A = contexts_B.cumsum(0) - contexts_B, attributes_A.cumsum(0) - attributes_A
        inside_NS = within_S < context_length_N.unsqueeze(1)
        mask_NS = within_S < length_N.unsqueeze(1)
        ask_Y = torch.repeat_interleave(torch.arange(len(context_N)), attribute_length_N)
        first_N = attribute_length_N.cumsum(0) - attribute_length_N
        within_Y = torch.arange(len(ask_Y)) - first_N[ask_Y]
        return cls(
            (begin_B[context_N].unsqueeze(1) + within_S) * inside_NS,
            ask_Y,
            context_length_N[ask_Y] + within_Y,
            begin_A[attribute_N][ask_Y] + within_Y,
            None if bool(mask_NS.all()) else mask_NS,
        )

    def join(self, context_XD: Tensor, attribute_YD: Tensor) -> Tensor:
        """``(N, S, D)``. Padding holds the first context's first token."""
        joined_NSD = context_XD[self.context_NS]
        joined_NSD[self.ask_Y, self.place_Y] = attribute_YD
        return joined_NSD

    def to(self, device: torch.device) -> Pairs:
        """The same there."""
        return Pairs.from_tensors({name: tensor.to(device) for name, tensor in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """By name, as part of a batch of training."""
        named = {
            "pair_context_NS": self.context_NS,
            "pair_ask_Y": self.ask_Y,
            "pair_place_Y": self.place_Y,
            "pair_token_Y": self.token_Y,
        }
        return named if self.mask_NS is None else {**named, "pair_mask_NS": self.mask_NS}

    @classmethod
    def from_tensors(cls, batch: dict[str, Tensor]) -> Pairs:
        """What ``tensors`` gave."""
        return cls(
            batch["pair_context_NS"],
            batch["pair_ask_Y"],
            batch["pair_place_Y"],
            batch["pair_token_Y"],
            batch.get("pair_mask_NS"),
        )
