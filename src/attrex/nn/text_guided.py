"""How a text's word vectors and a picture's patches become what a language encoder reads (ULS-DRAM 3.1, 3.2).

TIR lets the words pick what they need from both and stays as long as the text. Its rivals of Table 1 hand
the patches over as words of their own, as they are ("concatenation") or after a self-attention.

Legend: B products, S positions of the text, P patches, X positions handed over, D hidden, I = D' inner.
"""

from __future__ import annotations

from typing import Literal, Protocol

import torch
from torch import Tensor, nn

Attending = Literal["softmax", "printed"]
"""What becomes of an attention's scores: their softmax, or nothing, as Eq. 2 to 4 are printed."""
Handed = tuple[Tensor, Tensor]
"""Vectors ``(B, X, D)`` for the language encoder and the mask ``(B, X)`` of the real ones. The text's are the
first of each row, in their order."""


class Joiner(Protocol):
    """``mask_BS`` and ``mask_BP`` say which vectors are real; a product without a picture has no real
    patch."""

    def __call__(self, text_BSD: Tensor, mask_BS: Tensor, patches_BPD: Tensor, mask_BP: Tensor) -> Handed: ...


class GuidedAttention(nn.Module):
    """Eq. 1 and 2: one head of width D'. With "printed" the scores weigh the values as they are."""

    def __init__(self, width: int, inner: int, attending: Attending) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, inner, bias=False) for _ in range(3))
        self.attending = attending

    def scores(self, queries_BSD: Tensor, keys_BPD: Tensor) -> Tensor:
        """``(B, S, P)``, before any softmax."""
        queries_BSI, keys_BPI = self.query(queries_BSD), self.key(keys_BPD)
        scores_BSP: Tensor = queries_BSI @ keys_BPI.transpose(1, 2) / queries_BSI.shape[2] ** 0.5
        return scores_BSP

    def weights(self, queries_BSD: Tensor, keys_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        """``(B, S, P)``; nought for what is not real, so that a row without any adds up to nought."""
        scores_BSP = self.scores(queries_BSD, keys_BPD)
        mask_B1P = mask_BP.unsqueeze(1)
        if self.attending == "softmax":
            scores_BSP = scores_BSP.masked_fill(~mask_B1P, torch.finfo(scores_BSP.dtype).min).softmax(2)
        return scores_BSP * mask_B1P

    def forward(self, queries_BSD: Tensor, keys_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        """``(B, S, I)``."""
        found_BSI: Tensor = self.weights(queries_BSD, keys_BPD, mask_BP) @ self.value(keys_BPD)
        return found_BSI


class TextGuided(nn.Module):
    """TIR, Eq. 3 to 5: the words attend to the words and to the patches; the sum of what they find, brought
    back to their width by W^m, is added to them."""

    def __init__(self, width: int, *, inner: int, attending: Attending) -> None:
        super().__init__()
        self.words = GuidedAttention(width, inner, attending)
        self.patches = GuidedAttention(width, inner, attending)
        self.back = nn.Linear(inner, width, bias=False)
        # Small at first, so that the pretrained encoder finds its words as it knows them.
        nn.init.normal_(self.back.weight, std=0.02)

    def forward(self, text_BSD: Tensor, mask_BS: Tensor, patches_BPD: Tensor, mask_BP: Tensor) -> Handed:
        """As long as the text: X = S."""
        found_BSI = self.words(text_BSD, text_BSD, mask_BS) + self.patches(text_BSD, patches_BPD, mask_BP)
        return text_BSD + self.back(found_BSI), mask_BS

    def attention(self, text_BSD: Tensor, patches_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        """What each word reads of each patch, ``(B, S, P)``: the heat maps of Figures 6 and 7."""
        return self.patches.weights(text_BSD, patches_BPD, mask_BP)


class Concatenated(nn.Module):
    """ULS-VL's "Vanilla": the patches follow the text as words of their own. Nothing is learnt here."""

    def forward(self, text_BSD: Tensor, mask_BS: Tensor, patches_BPD: Tensor, mask_BP: Tensor) -> Handed:
        """X = S + P; what is not real goes behind, so that no position depends on the batch."""
        mask_BX = torch.cat([mask_BS, mask_BP], 1)
        order_BX = torch.sort((~mask_BX).byte(), dim=1, stable=True).indices
        vectors_BXD = torch.cat([text_BSD, patches_BPD], 1)
        rows_B1 = torch.arange(len(order_BX), device=order_BX.device).unsqueeze(1)
        return vectors_BXD[rows_B1, order_BX], mask_BX[rows_B1, order_BX]


class SelfAttended(nn.Module):
    """Table 1's "Self-Attn": all attend to all before the language encoder; patches guide words, too. What
    is found is added, as in TIR."""

    def __init__(self, width: int, *, inner: int, attending: Attending) -> None:
        super().__init__()
        self.joined = Concatenated()
        self.all = GuidedAttention(width, inner, attending)
        self.back = nn.Linear(inner, width, bias=False)
        nn.init.normal_(self.back.weight, std=0.02)

    def forward(self, text_BSD: Tensor, mask_BS: Tensor, patches_BPD: Tensor, mask_BP: Tensor) -> Handed:
        """X = S + P."""
        vectors_BXD, mask_BX = self.joined(text_BSD, mask_BS, patches_BPD, mask_BP)
        return vectors_BXD + self.back(self.all(vectors_BXD, vectors_BXD, mask_BX)), mask_BX


class WordsAlone(nn.Module):
    """ULS-L: the words as they are, whatever is to be seen."""

    def forward(self, text_BSD: Tensor, mask_BS: Tensor, patches_BPD: Tensor, mask_BP: Tensor) -> Handed:
        """X = S."""
        return text_BSD, mask_BS
