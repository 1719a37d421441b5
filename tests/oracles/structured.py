"""SMARTAVE's four attentions over one dense matrix, masks and all (appendix A); tests only."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attrex.nn.structured import Sent


def dense(sent: Sent, lengths: Sequence[int], owners: Sequence[int], heads: int) -> tuple[Tensor, Tensor]:
    """What local and hyper-tokens get, each pair of the whole batch scored and most of them barred."""
    block_M = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    owner_R = torch.tensor(owners)
    block_R = torch.arange(len(lengths))
    sees = {
        "local-local": block_M[:, None] == block_M,
        "local-hyper": owner_R[block_M][:, None] == owner_R,
        "hyper-local": block_R[:, None] == block_M,
        "hyper-hyper": owner_R[:, None] == owner_R,
    }
    values = {"local": sent.local_MD, "hyper": sent.hyper_RD}
    made = {name: torch.zeros_like(value) for name, value in values.items()}
    for pattern, (query, key) in sent.asked.items():
        who, whom = pattern.split("-")
        size = query.shape[1] // heads
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            scores = query[:, own] @ key[:, own].T / size**0.5
            weights = torch.softmax(scores.masked_fill(~sees[pattern], -torch.inf), 1)
            made[who][:, own] += weights @ values[whom][:, own]
    return made["local"], made["hyper"]
