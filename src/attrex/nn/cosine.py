"""SUOpenTag's head (Xu et al., 2019): a text's states weighed by their likeness to the attribute's.

Legend: N pairs, B texts, A attributes, T tokens of a text, Q tokens of an attribute, D the encoder's width,
H both directions of a BiLSTM, W = 2 H.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attrex.nn import flops
from attrex.nn.late_interaction import Operations


class Recurrent(nn.Module):
    """A BiLSTM over an encoder's states; ``width`` H is both directions together."""

    def __init__(self, states: int, *, width: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(states, width // 2, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states_BTD: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
        """States ``(B, T, H)``, zero beyond the mask, and the last of each direction ``(B, H)``."""
        lengths_B = mask_BT.sum(1).clamp(min=1).cpu()
        packed = pack_padded_sequence(
            self.dropout(states_BTD), lengths_B, batch_first=True, enforce_sorted=False
        )
        made, (last_2BH, _) = self.lstm(packed)
        states_BTH, _ = pad_packed_sequence(made, batch_first=True, total_length=states_BTD.shape[1])
        return states_BTH, torch.cat([last_2BH[0], last_2BH[1]], 1)


class CosineAttention(nn.Module):
    """Text and attribute go through a BiLSTM each. The attribute's last state attends to a token by the
    cosine of the two, and the token's state weighed by that joins the state: ``[h; cos(h, a) h]``.
    Implements ``nn.late_interaction.Interaction``."""

    def __init__(self, states: int, *, last: int, width: int, dropout: float) -> None:
        super().__init__()
        self.width, self.layers = 2 * width, (last,)
        self.text = Recurrent(states, width=width, dropout=dropout)
        self.asked = Recurrent(states, width=width, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def context(self, states: Sequence[Tensor], mask_BT: Tensor) -> Tensor:
        """``(B, T, H)``."""
        states_BTH: Tensor = self.text(states[0], mask_BT)[0]
        return states_BTH

    def attribute(self, states_AQD: Tensor, mask_AQ: Tensor) -> tuple[Tensor, Tensor]:
        """``(A, 1, H)``."""
        last_AH: Tensor = self.asked(states_AQD, mask_AQ)[1]
        return last_AH.unsqueeze(1), mask_AQ[:, :1]

    def forward(self, context_NTX: Tensor, mask_NT: Tensor, attribute_NVY: Tensor, mask_NV: Tensor) -> Tensor:
        likeness_NT1 = cosine_similarity(context_NTX, attribute_NVY, dim=2).unsqueeze(2)
        joined_NTW: Tensor = self.dropout(torch.cat([context_NTX, likeness_NT1 * context_NTX], 2))
        return joined_NTW

    def cost(self, tokens: int, asked: int) -> Operations:
        """The two BiLSTMs; the likeness is no product of matrices."""
        text, question = (
            flops.lstm(length, own.lstm.input_size, own.lstm.hidden_size)
            for length, own in ((tokens, self.text), (asked, self.asked))
        )
        return Operations(text, question, 0)
