"""What each token is tagged by, and what an attribute range is judged by: the joint models of slots and
intents.

An intent is here the set of attributes that a product has. Each class gives features ``(B, T, H)`` of the
tokens and the range's scores ``(B, A)``, or None, from what was seen.

Legend: B products, T tokens, A attributes, D the encoder's width, H features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attrex.nn.attribute_range import RangeHead
from attrex.nn.cosine import Recurrent
from attrex.nn.unified import Seen

_INNER = 64
"""Of the additive attention, which holds so many numbers for each pair of tokens."""


class RecurrentSlots(nn.Module):
    """ULS's feature decoder without its tags: a BiLSTM over the states. It judges no range."""

    def __init__(self, states: int, *, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.recurrent = Recurrent(states, width=width, dropout=dropout)

    def forward(self, seen: Seen) -> tuple[Tensor, None]:
        states_BTH: Tensor = self.recurrent(seen.states_BTD, seen.mask_BT)[0]
        return states_BTH, None


class PooledSlots(nn.Module):
    """Joint-BERT (Chen et al. 2019): the tokens' states are the features, the whole product's vector ([CLS])
    gives the range."""

    def __init__(self, states: int, *, attributes: int, dropout: float) -> None:
        super().__init__()
        self.width = states
        self.dropout = nn.Dropout(dropout)
        self.range = RangeHead(states, attributes)

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        return self.dropout(seen.states_BTD), self.range(self.dropout(seen.pooled_BD))


class LastSlots(nn.Module):
    """RNN-LSTM (Hakkani-Tür et al. 2016): one BiLSTM's states for both; the range is what stands at the end
    of the sentence, where each direction has read all of it."""

    def __init__(self, states: int, *, attributes: int) -> None:
        super().__init__()
        self.width = states
        self.range = RangeHead(states, attributes)

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        return seen.states_BTD, self.range(last_state(seen))


class AttendedSlots(nn.Module):
    """Attn-BiRNN (Liu and Lane 2016): a token's state joined by the context that it attends to; the range
    from the states weighed by an attention of its own."""

    def __init__(self, states: int, *, attributes: int) -> None:
        super().__init__()
        self.width = 2 * states
        self.attention = AdditiveAttention(states)
        self.pooling = nn.Linear(states, 1)
        self.range = RangeHead(states, attributes)

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        context_BTD = self.attention(seen.states_BTD, seen.mask_BT)
        weights_BT = _softmax(self.pooling(seen.states_BTD).squeeze(2), seen.mask_BT)
        intent_BD = (weights_BT.unsqueeze(1) @ seen.states_BTD).squeeze(1)
        return torch.cat([seen.states_BTD, context_BTD], 2), self.range(intent_BD)


class GatedSlots(nn.Module):
    """Slot-Gated (Goo et al. 2018): how much of a token's context counts is decided by a gate that compares
    it with the intent's: ``h + c g`` with ``g = sum v tanh(c + W c_intent)``."""

    def __init__(self, states: int, *, attributes: int) -> None:
        super().__init__()
        self.width = states
        self.attention = AdditiveAttention(states)
        self.pooling = nn.Linear(states, 1)
        self.compared = nn.Linear(states, states, bias=False)
        self.weighed = nn.Linear(states, 1, bias=False)
        self.range = RangeHead(states, attributes)

    def gate(self, context_BTD: Tensor, intent_BD: Tensor) -> Tensor:
        """``(B, T, 1)``."""
        gate_BT1: Tensor = self.weighed(torch.tanh(context_BTD + self.compared(intent_BD).unsqueeze(1)))
        return gate_BT1

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        context_BTD = self.attention(seen.states_BTD, seen.mask_BT)
        weights_BT = _softmax(self.pooling(seen.states_BTD).squeeze(2), seen.mask_BT)
        intent_BD = (weights_BT.unsqueeze(1) @ seen.states_BTD).squeeze(1)
        features_BTD = seen.states_BTD + context_BTD * self.gate(context_BTD, intent_BD)
        return features_BTD, self.range(last_state(seen) + intent_BD)


class AdditiveAttention(nn.Module):
    """Bahdanau's attention of each state to all: ``softmax_j v tanh(W h_i + U h_j)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, _INNER), nn.Linear(width, _INNER, bias=False)
        self.score = nn.Linear(_INNER, 1, bias=False)

    def forward(self, states_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """The contexts ``(B, T, D)``."""
        pairs_BTTI = torch.tanh(self.query(states_BTD).unsqueeze(2) + self.key(states_BTD).unsqueeze(1))
        weights_BTT = _softmax(self.score(pairs_BTTI).squeeze(3), mask_BT.unsqueeze(1))
        return weights_BTT @ states_BTD


def last_state(seen: Seen) -> Tensor:
    """Of a bidirectional encoder: what the forward half has read at the last token and the backward half at
    the first; ``(B, D)``."""
    half = seen.states_BTD.shape[2] // 2
    last_B = (seen.mask_BT.sum(1) - 1).clamp(min=0)
    rows_B = torch.arange(len(last_B), device=last_B.device)
    return torch.cat([seen.states_BTD[rows_B, last_B, :half], seen.states_BTD[:, 0, half:]], 1)


def _softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Over the last dimension, of what is real."""
    return scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1)
