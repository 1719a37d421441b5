"""CMA-CLIP's two attentions (Fu et al., 2022), as a scorer of known values.

Sequence-wise: words and patches meet in one Transformer. Modality-wise: each attribute weighs the text, the
picture and what came of both, for a colour is seen and a size is read.

Legend: B products, M words and patches, T words, P patches, A attributes, C classes, D hidden.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from attrex.nn.unified import Seen
from attrex.nn.value_head import Classes, OneOpinion, text_mean

TEXT, PICTURE, BOTH = range(3)


class ModalityAttention(OneOpinion):
    """``heads`` and ``layers`` of the Transformer in which words and patches meet; implements
    ``nn.value_head.ValueScorer``."""

    def __init__(self, width: int, sizes: Sequence[int], *, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.sequence = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.kind_2D = nn.Parameter(torch.randn(2, width) * 0.02)
        self.aggregate_D = nn.Parameter(torch.randn(width) * 0.02)
        self.query_AD = nn.Parameter(torch.randn(len(sizes), width))
        self.key = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout))
        self.classes = Classes(width, sizes)
        self.first = self.classes.first

    def joined(self, seen: Seen) -> Tensor:
        """What came of words and patches together, ``(B, D)``."""
        B = len(seen.states_BTD)
        parts = (seen.states_BTD + self.kind_2D[TEXT], seen.patches_BPD + self.kind_2D[PICTURE])
        before_B1D = self.aggregate_D.expand(B, 1, -1)
        mask_B1 = seen.mask_BT.new_ones(B, 1)
        met_BXD = self.sequence(
            torch.cat([before_B1D, *parts], 1),
            src_key_padding_mask=~torch.cat([mask_B1, seen.mask_BT, seen.mask_BP], 1),
        )
        joined_BD: Tensor = met_BXD[:, 0]
        return joined_BD

    def modalities(self, seen: Seen) -> Tensor:
        """One vector each of the text, the picture and both, ``(B, 3, D)``."""
        made_B3D: Tensor = self.norm(torch.stack([text_mean(seen), seen.picture_BD, self.joined(seen)], 1))
        return made_B3D

    def weights(self, seen: Seen, modalities_B3D: Tensor) -> Tensor:
        """How much each attribute looks at each modality, ``(B, A, 3)``; a product without a picture has no
        such modality."""
        keys_B3D = self.key(modalities_B3D)
        scores_BA3: Tensor = self.query_AD @ keys_B3D.transpose(1, 2) / keys_B3D.shape[2] ** 0.5
        has_B3 = seen.mask_BT.new_ones(len(keys_B3D), 3)
        has_B3[:, PICTURE] = seen.mask_BP.any(1)
        return scores_BA3.masked_fill(~has_B3.unsqueeze(1), torch.finfo(scores_BA3.dtype).min).softmax(2)

    def forward(self, seen: Seen) -> Tensor:
        """Log probabilities ``(B, C)``."""
        modalities_B3D = self.modalities(seen)
        found_BAD = self.weights(seen, modalities_B3D) @ modalities_B3D
        logarithms_BC: Tensor = self.classes(self.hidden(found_BAD))
        return logarithms_BC
