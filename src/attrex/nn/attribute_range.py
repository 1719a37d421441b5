"""PAR: which attributes a product has, and tags for those alone (ULS-DRAM 3.3).

Legend: B products, N pairs of a product and an attribute, A attributes, T tokens, D hidden, H the decoder's
states, W what it reads, K tags.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity

from attrex.nn.cosine import Recurrent
from attrex.nn.crf import Chain
from attrex.nn.decoders import Decoder, DecoderSource, LookUpLayer, begin_outside


class RangeHead(nn.Module):
    """Eq. 6, before the sigmoid: a score for each attribute from the product's vector (that of [CLS])."""

    def __init__(self, width: int, attributes: int) -> None:
        super().__init__()
        self.classes = nn.Linear(width, attributes)

    def forward(self, pooled_BD: Tensor) -> Tensor:
        """``(B, A)``."""
        scores_BA: Tensor = self.classes(pooled_BD)
        return scores_BA


def range_loss(scores_BA: Tensor, has_BA: Tensor, known_BA: Tensor) -> Tensor:
    """Binary cross-entropy, summed over the attributes of which it is known whether the product has them;
    ``(B,)``."""
    each_BA = binary_cross_entropy_with_logits(scores_BA, has_BA, reduction="none")
    return (each_BA * known_BA).sum(1)


def cosine_guided(states_NTD: Tensor, guide_ND: Tensor) -> Tensor:
    """Eq. 8: each state, and the state weighed by its likeness to the attribute's; ``(N, T, 2 D)``."""
    likeness_NT1 = cosine_similarity(states_NTD, guide_ND.unsqueeze(1), dim=2).unsqueeze(2)
    return torch.cat([states_NTD, likeness_NT1 * states_NTD], 2)


class Policy(Protocol):
    """What tells the decoder which attribute it decodes. ``width``: W."""

    width: int

    def guide(self, states_NTD: Tensor, attribute_N: Tensor) -> Tensor:
        """What the decoder reads, ``(N, T, W)``."""
        ...

    def decoder(self, states_NTH: Tensor, attribute_N: Tensor) -> tuple[Tensor, Decoder]:
        """Scores ``(N, T, K)`` and the transitions, one row a pair."""
        ...


class PrototypePolicy(nn.Module):
    """Prototype-AR: Eq. 8 with a vector of each attribute's own that is learnt with the rest."""

    def __init__(self, attributes: int, *, states: int, decoded: int, tags: int) -> None:
        super().__init__()
        self.width = 2 * states
        self.prototypes_AD = nn.Parameter(torch.randn(attributes, states))
        self.shared = _shared(decoded, tags)

    def guide(self, states_NTD: Tensor, attribute_N: Tensor) -> Tensor:
        return cosine_guided(states_NTD, self.prototypes_AD[attribute_N])

    def decoder(self, states_NTH: Tensor, attribute_N: Tensor) -> tuple[Tensor, Decoder]:
        return _decode(self.shared, states_NTH, torch.zeros_like(attribute_N))


class WordPolicy(nn.Module):
    """BERT-AR: Eq. 8 with what a pretrained encoder makes of the attribute's words, which stays as it is."""

    words_AD: Tensor

    def __init__(self, words_AD: Tensor, *, decoded: int, tags: int) -> None:
        super().__init__()
        self.width = 2 * words_AD.shape[1]
        self.register_buffer("words_AD", words_AD)
        self.shared = _shared(decoded, tags)

    def guide(self, states_NTD: Tensor, attribute_N: Tensor) -> Tensor:
        return cosine_guided(states_NTD, self.words_AD[attribute_N])

    def decoder(self, states_NTH: Tensor, attribute_N: Tensor) -> tuple[Tensor, Decoder]:
        return _decode(self.shared, states_NTH, torch.zeros_like(attribute_N))


class DynamicPolicy(nn.Module):
    """DyNet-AR: no guidance; the linear layer and the transitions behind the recurrent layer are each
    attribute's own."""

    def __init__(self, attributes: int, *, states: int, decoded: int, tags: int) -> None:
        super().__init__()
        self.width = states
        self.own = DecoderSource(
            begin_outside(LookUpLayer(attributes, (tags, decoded + 1), scale=0.02)),
            LookUpLayer(attributes, (tags + 1, tags + 1), scale=0.1),
        )

    def guide(self, states_NTD: Tensor, attribute_N: Tensor) -> Tensor:
        return states_NTD

    def decoder(self, states_NTH: Tensor, attribute_N: Tensor) -> tuple[Tensor, Decoder]:
        return _decode(self.own, states_NTH, attribute_N)


class RangedTags(nn.Module):
    """The feature decoder (BiLSTM and CRF) of one attribute at a time, as its policy says."""

    def __init__(self, policy: Policy, *, width: int, dropout: float) -> None:
        super().__init__()
        self.policy = policy
        self.recurrent = Recurrent(policy.width, width=width, dropout=dropout)

    def forward(self, states_NTD: Tensor, mask_NT: Tensor, attribute_N: Tensor) -> Chain:
        """The chain of each pair's tags."""
        read_NTW = self.policy.guide(states_NTD, attribute_N)
        states_NTH, _ = self.recurrent(read_NTW, mask_NT)
        emissions_NTK, decoder = self.policy.decoder(states_NTH, attribute_N)
        return Chain(emissions_NTK, decoder.transitions_AKK, decoder.start_AK, decoder.end_AK, mask_NT)


def _shared(states: int, tags: int) -> DecoderSource:
    return DecoderSource(
        begin_outside(LookUpLayer(1, (tags, states + 1), scale=0.02)),
        LookUpLayer(1, (tags + 1, tags + 1), scale=0.1),
    )


def _decode(source: DecoderSource, states_NTH: Tensor, index_N: Tensor) -> tuple[Tensor, Decoder]:
    made: Decoder = source(index_N)
    scores_NTK = states_NTH @ made.weight_AKD.transpose(1, 2) + made.bias_AK.unsqueeze(1)
    return scores_NTK, made
