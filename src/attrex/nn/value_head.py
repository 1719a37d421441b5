"""Which of an attribute's known values a product has, or none, from all that was read and seen.

A tagger cannot answer what stands nowhere in the text. Here the first class of each attribute is "none", the
others are its values; a product and an attribute become one vector, which is compared with the classes'.

Legend: B products, M words and patches, A attributes, C classes of all attributes, W the widest attribute's,
D hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor, nn

from attrex.nn.text_guided import TextGuided
from attrex.nn.unified import Seen

MOST_SHOWN = 64
"""Values of an attribute that words and pictures are compared by: more are names, and no looks."""
WordVectors = Callable[[Tensor], Tensor]
"""Of ids of the tokeniser."""


class ValueScorer(Protocol):
    """``first``: each attribute's first class."""

    first: Sequence[int]

    def __call__(self, seen: Seen) -> Tensor:
        """Log probabilities ``(B, C)``; those of each attribute's classes add up to one."""
        ...

    def opinions(self, seen: Seen) -> Sequence[Tensor]:
        """The log probabilities that are learnt, each by itself; the answer is made of them."""
        ...


class OneOpinion(nn.Module):
    """A ``ValueScorer`` that answers what it learns."""

    def opinions(self, seen: Seen) -> tuple[Tensor]:
        """See ``ValueScorer``."""
        return (self(seen),)


class Classes(nn.Module):
    """The classes' vectors; ``sizes``: how many values each attribute has."""

    class_AW: Tensor
    attribute_C: Tensor
    column_C: Tensor

    def __init__(self, width: int, sizes: Sequence[int]) -> None:
        super().__init__()
        counts = [size + 1 for size in sizes]
        self.first = [sum(counts[:at]) for at in range(len(counts))]
        self.class_CD = nn.Parameter(torch.randn(sum(counts), width) * width**-0.5)
        self.bias_C = nn.Parameter(torch.zeros(sum(counts)))
        # Beyond an attribute's last class stands one that does not exist.
        class_AW = torch.full((len(counts), max(counts, default=1)), sum(counts))
        for attribute, (first, count) in enumerate(zip(self.first, counts, strict=True)):
            class_AW[attribute, :count] = torch.arange(first, first + count)
        attributes = [at for at, count in enumerate(counts) for _ in range(count)]
        columns = [column for count in counts for column in range(count)]
        self.register_buffer("class_AW", class_AW, persistent=False)
        self.register_buffer("attribute_C", torch.tensor(attributes, dtype=torch.long), persistent=False)
        self.register_buffer("column_C", torch.tensor(columns, dtype=torch.long), persistent=False)

    def forward(self, hidden_BAD: Tensor) -> Tensor:
        """Log probabilities ``(B, C)``."""
        none_1D, never_1 = hidden_BAD.new_zeros(1, hidden_BAD.shape[2]), hidden_BAD.new_full((1,), -torch.inf)
        class_AWD = torch.cat([self.class_CD, none_1D])[self.class_AW]
        bias_AW = torch.cat([self.bias_C, never_1])[self.class_AW]
        scores_BAW = torch.einsum("bad,awd->baw", hidden_BAD, class_AWD) + bias_AW
        return scores_BAW.log_softmax(2)[:, self.attribute_C, self.column_C]


class ValueHead(OneOpinion):
    """Each attribute has a query that attends to the states of the words and to the patches; what it finds is
    joined by the mean of the words' states with a vector of the attribute's own, and by the picture as a
    whole: a query that looks everywhere, as all do at first, tells a vision encoder next to nothing. The mean
    rather than [CLS], for by the mean of its states MiniLM was trained to tell texts apart."""

    def __init__(self, width: int, sizes: Sequence[int], *, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.query_AD = nn.Parameter(torch.randn(len(sizes), width))
        self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.own_AD = nn.Parameter(torch.randn(len(sizes), width) * 0.02)
        self.hidden = nn.Sequential(nn.Linear(3 * width, width), nn.GELU(), nn.Dropout(dropout))
        self.classes = Classes(width, sizes)
        self.first = self.classes.first

    def weights(self, seen: Seen) -> Tensor:
        """Where each attribute's query looks, ``(B, A, M)``."""
        keys_BMD = self.key(self.norm(seen.memory_BMD))
        scores_BAM: Tensor = self.query_AD @ keys_BMD.transpose(1, 2) / keys_BMD.shape[2] ** 0.5
        lowest = torch.finfo(scores_BAM.dtype).min
        return scores_BAM.masked_fill(~seen.mask_BM.unsqueeze(1), lowest).softmax(2)

    def forward(self, seen: Seen) -> Tensor:
        """Log probabilities ``(B, C)``."""
        found_BAD = self.weights(seen) @ self.value(self.norm(seen.memory_BMD))
        own_BAD = (self.own_AD + self.norm(text_mean(seen)).unsqueeze(1)).expand_as(found_BAD)
        picture_BAD = self.norm(seen.picture_BD).unsqueeze(1).expand_as(found_BAD)
        logarithms_BC: Tensor = self.classes(self.hidden(torch.cat([found_BAD, own_BAD, picture_BAD], 2)))
        return logarithms_BC


class SecondLook(nn.Module):
    """A value head, and beside it one that sees the picture alone; what both say is multiplied. Each learns
    by itself: what a name tells is learnt so soon that little is left for a picture to be learnt from, and
    where a name tells nothing, a head that has learnt to read it goes on guessing by it."""

    def __init__(self, width: int, sizes: Sequence[int], *, dropout: float) -> None:
        super().__init__()
        self.all = ValueHead(width, sizes, dropout=dropout)
        self.picture = ValueHead(width, sizes, dropout=dropout)
        self.first = self.all.first

    def opinions(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Of a product without a picture the second says nothing, log 1 of all classes."""
        pictured_B1 = seen.mask_BP.any(1, keepdim=True)
        return self.all(seen), self.picture(picture_alone(seen)) * pictured_B1

    def forward(self, seen: Seen) -> Tensor:
        """Log probabilities ``(B, C)``."""
        return by_attribute(torch.stack(self.opinions(seen)).sum(0), self.first)


def by_attribute(scores_BC: Tensor, first: Sequence[int]) -> Tensor:
    """Log probabilities ``(B, C)`` within each attribute's classes; ``first``: of ``ValueScorer``."""
    ends = [*first[1:], scores_BC.shape[1]]
    own = [scores_BC[:, begin:end].log_softmax(1) for begin, end in zip(first, ends, strict=True)]
    return torch.cat(own, 1) if own else scores_BC


class ShownWords(nn.Module):
    """Of each known value how well its words go with a picture's patches by the attention through which words
    look at pictures (``nn.text_guided``): the sum of its exponentials over the patches. Learnt beside all
    else, it teaches a word to look where its value is to be seen; nothing else asks that of it, for what a
    picture shows can be read off any patch. Attributes of more than ``MOST_SHOWN`` values are left out."""

    ids_VL: Tensor
    mask_VL1: Tensor
    class_V: Tensor
    none_A: Tensor
    shown_C: Tensor

    def __init__(self, ids: Sequence[Sequence[Sequence[int]]]) -> None:
        """``ids``: of each attribute's values."""
        super().__init__()
        self.first = [at + sum(map(len, ids[:at])) for at in range(len(ids))]
        few = [len(own) <= MOST_SHOWN for own in ids]
        values = [
            (first + place, value)
            for first, own, shown in zip(self.first, ids, few, strict=True)
            for place, value in enumerate(own, start=1)
            if shown
        ]
        longest = max([1, *(len(value) for _, value in values)])
        padded = [[*value, *[0] * (longest - len(value))] for _, value in values]
        real = [[1] * len(value) + [0] * (longest - len(value)) for _, value in values]
        shown = [shown for own, shown in zip(ids, few, strict=True) for _ in range(1 + len(own))]
        for name, tensor in (
            ("ids_VL", torch.tensor(padded, dtype=torch.long).view(-1, longest)),
            ("mask_VL1", torch.tensor(real, dtype=torch.float32).view(-1, longest, 1)),
            ("class_V", torch.tensor([at for at, _ in values], dtype=torch.long)),
            ("none_A", torch.tensor(self.first, dtype=torch.long)),
            ("shown_C", torch.tensor(shown, dtype=torch.float32)),
        ):
            self.register_buffer(name, tensor, persistent=False)
        self.bias_A = nn.Parameter(torch.zeros(len(ids)))

    def forward(self, words: WordVectors, joiner: TextGuided, patches_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        """Log probabilities ``(B, C)``; nought, which is log 1, of products without a picture and of what is
        left out. ``patches_BPD`` have what all of their picture's share. By how they differ from it alone, a
        patch that lacks a value would tell it as well as one that shows it: words of colours came to look at
        the background.
        """
        B = len(patches_BPD)
        vectors_VLD = words(self.ids_VL) * self.mask_VL1
        vectors_VD = vectors_VLD.sum(1) / self.mask_VL1.sum(1).clamp(min=1)
        shown_BVP = joiner.patches.scores(vectors_VD.expand(B, -1, -1), patches_BPD)
        scores_BC = shown_BVP.new_zeros(B, len(self.shown_C))
        scores_BC = scores_BC.index_copy(1, self.class_V, shown_BVP.logsumexp(2))
        scores_BC = scores_BC.index_copy(1, self.none_A, self.bias_A.expand(B, -1))
        return by_attribute(scores_BC, self.first) * mask_BP.any(1, keepdim=True) * self.shown_C


def picture_alone(seen: Seen) -> Seen:
    """Without a word."""
    return replace(
        seen,
        states_BTD=seen.states_BTD[:, :0],
        mask_BT=seen.mask_BT[:, :0],
        memory_BMD=torch.cat([seen.patches_BPD, seen.picture_BD.unsqueeze(1)], 1),
        mask_BM=torch.cat([seen.mask_BP, seen.mask_BP[:, :1]], 1),
    )


def text_mean(seen: Seen) -> Tensor:
    """The mean of the words' states ``(B, D)``, nought where there are no words."""
    mask_BT1 = seen.mask_BT.unsqueeze(2)
    mean_BD: Tensor = (seen.states_BTD * mask_BT1).sum(1) / mask_BT1.sum(1).clamp(min=1)
    return mean_BD


class LateFusion(OneOpinion):
    """The MAE baseline (Logan et al. 2017): one vector of the attribute, one of the text and one of the
    picture side by side through two layers; the classes are compared with what comes out."""

    def __init__(self, width: int, sizes: Sequence[int], *, dropout: float) -> None:
        super().__init__()
        self.attribute_AD = nn.Parameter(torch.randn(len(sizes), width))
        self.joined = nn.Sequential(
            nn.Linear(3 * width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width)
        )
        self.classes = Classes(width, sizes)
        self.first = self.classes.first

    def forward(self, seen: Seen) -> Tensor:
        """Log probabilities ``(B, C)``."""
        text_BD = text_mean(seen)
        B, (A, D) = len(text_BD), self.attribute_AD.shape
        beside_BAD = [each.unsqueeze(1).expand(B, A, D) for each in (text_BD, seen.picture_BD)]
        logarithms_BC: Tensor = self.classes(
            self.joined(torch.cat([self.attribute_AD.expand(B, A, D), *beside_BAD], 2))
        )
        return logarithms_BC


def value_loss(logarithms_BC: Tensor, product_M: Tensor, class_M: Tensor, weight_M: Tensor) -> Tensor:
    """Cross-entropy of M classes that products have, weighted and summed by product; ``(B,)``."""
    each_M = -logarithms_BC[product_M, class_M] * weight_M
    return each_M.new_zeros(len(logarithms_BC)).index_add(0, product_M, each_M)
