"""What two small products might have been seen as: the second is shorter and has no picture."""

from __future__ import annotations

import torch

from attrex.nn.unified import Seen

B, T, P, D = 2, 4, 3, 8
LENGTHS = (4, 2)


def seen(seed: int = 1) -> Seen:
    """Numbers at random, nought where nothing is."""
    made = torch.Generator().manual_seed(seed)
    mask_BT = torch.arange(T) < torch.tensor(LENGTHS).unsqueeze(1)
    mask_BP = torch.tensor([[True] * P, [False] * P])
    states_BTD = torch.randn(B, T, D, generator=made)
    patches_BPD = torch.randn(B, P, D, generator=made) * mask_BP.unsqueeze(2)
    return Seen(
        states_BTD=states_BTD,
        mask_BT=mask_BT,
        pooled_BD=torch.randn(B, D, generator=made),
        patches_BPD=patches_BPD,
        mask_BP=mask_BP,
        picture_BD=patches_BPD.mean(1),
        memory_BMD=torch.cat([states_BTD, patches_BPD], 1),
        mask_BM=torch.cat([mask_BT, mask_BP], 1),
    )
