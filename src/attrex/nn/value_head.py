"""The value head: which of an attribute's known values a product has, or none, from all that was read and
seen.

A tagger cannot answer what stands nowhere in the text. Each attribute has a query that attends to the states
of the words and to the patches; what it finds is compared with the attribute's classes. The first class of
each attribute is "none", the others are its values.

Legend: B products, M words and patches, A attributes, C classes of all attributes, W the widest attribute's,
D hidden.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ValueHead(nn.Module):
    """``sizes``: how many values each attribute has."""

    class_AW: Tensor
    attribute_C: Tensor
    column_C: Tensor

    def __init__(self, width: int, sizes: Sequence[int], *, dropout: float) -> None:
        super().__init__()
        classes = [size + 1 for size in sizes]
        self.first = [sum(classes[:at]) for at in range(len(classes))]
        self.norm = nn.LayerNorm(width)
        self.query_AD = nn.Parameter(torch.randn(len(sizes), width))
        self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.hidden = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Dropout(dropout))
        self.own_AD = nn.Parameter(torch.randn(len(sizes), width) * 0.02)
        self.class_CD = nn.Parameter(torch.randn(sum(classes), width) * width**-0.5)
        self.bias_C = nn.Parameter(torch.zeros(sum(classes)))
        # Beyond an attribute's last class stands one that does not exist.
        class_AW = torch.full((len(classes), max(classes, default=1)), sum(classes))
        for attribute, (first, count) in enumerate(zip(self.first, classes, strict=True)):
            class_AW[attribute, :count] = torch.arange(first, first + count)
        attributes = [at for at, count in enumerate(classes) for _ in range(count)]
        columns = [column for count in classes for column in range(count)]
        self.register_buffer("class_AW", class_AW, persistent=False)
        self.register_buffer("attribute_C", torch.tensor(attributes, dtype=torch.long), persistent=False)
        self.register_buffer("column_C", torch.tensor(columns, dtype=torch.long), persistent=False)

    def weights(self, memory_BMD: Tensor, mask_BM: Tensor) -> Tensor:
        """Where each attribute's query looks, ``(B, A, M)``."""
        keys_BMD = self.key(self.norm(memory_BMD))
        scores_BAM: Tensor = self.query_AD @ keys_BMD.transpose(1, 2) / keys_BMD.shape[2] ** 0.5
        return scores_BAM.masked_fill(~mask_BM.unsqueeze(1), torch.finfo(scores_BAM.dtype).min).softmax(2)

    def forward(self, memory_BMD: Tensor, mask_BM: Tensor, pooled_BD: Tensor) -> Tensor:
        """Log probabilities ``(B, C)``; those of each attribute's classes add up to one."""
        found_BAD = self.weights(memory_BMD, mask_BM) @ self.value(self.norm(memory_BMD))
        own_BAD = (self.own_AD + self.norm(pooled_BD).unsqueeze(1)).expand_as(found_BAD)
        hidden_BAD = self.hidden(torch.cat([found_BAD, own_BAD], 2))
        none_D, none = hidden_BAD.new_zeros(1, hidden_BAD.shape[2]), hidden_BAD.new_full((1,), -torch.inf)
        class_AWD = torch.cat([self.class_CD, none_D])[self.class_AW]
        bias_AW = torch.cat([self.bias_C, none])[self.class_AW]
        scores_BAW = torch.einsum("bad,awd->baw", hidden_BAD, class_AWD) + bias_AW
        logarithms_BAW = scores_BAW.log_softmax(2)
        return logarithms_BAW[:, self.attribute_C, self.column_C]


def value_loss(logarithms_BC: Tensor, product_M: Tensor, class_M: Tensor, weight_M: Tensor) -> Tensor:
    """Cross-entropy of M classes that products have, weighted and summed by product; ``(B,)``."""
    each_M = -logarithms_BC[product_M, class_M] * weight_M
    return each_M.new_zeros(len(logarithms_BC)).index_add(0, product_M, each_M)
