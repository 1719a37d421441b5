"""A span as an answer: where it begins, where it ends, and whether there is one (AVEQA).

Legend: N sequences, T tokens, D hidden, L longest span, G gold spans of a sequence at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, pad


@dataclass(frozen=True, slots=True)
class SpanScores:
    """log p that the answer begins and that it ends at a token ``(N, T)``, each normalised over the tokens,
    and the logit of there being none ``(N,)``."""

    begin_NT: Tensor
    end_NT: Tensor
    none_N: Tensor

    def log_probabilities(self, longest: int) -> tuple[Tensor, Tensor]:
        """log p(there is an answer, and it is tokens ``[i, i + l + 1)``), ``(N, T, L)`` with
        ``l = 0..L-1``, begin and end being independent; and log p(none), ``(N,)``."""
        L = min(longest, self.end_NT.shape[1])
        ends_NTL = pad(self.end_NT, (0, L - 1), value=-torch.inf).unfold(1, L, 1)
        some_N11 = logsigmoid(-self.none_N)[:, None, None]
        return self.begin_NT.unsqueeze(2) + ends_NTL + some_N11, logsigmoid(self.none_N)

    def extraction_loss(self, begins_NG: Tensor, ends_NG: Tensor, real_NG: Tensor) -> Tensor:
        """-log of the summed probabilities of the gold spans ``[begin, end]``, 0 without one; ``(N,)``."""
        likely_NG = self.begin_NT.gather(1, begins_NG) + self.end_NT.gather(1, ends_NG)
        some_N = real_NG.any(1)
        # A finite number in rows without a span: a gradient of -inf would be none.
        likely_NG = likely_NG.masked_fill(~real_NG, -1e9)
        return torch.where(some_N, -torch.logsumexp(likely_NG, 1), 0.0)

    def none_loss(self, real_NG: Tensor) -> Tensor:
        """-log p of there being an answer, or none; ``(N,)``."""
        return binary_cross_entropy_with_logits(self.none_N, (~real_NG.any(1)).float(), reduction="none")


class SpanHead(nn.Module):
    """Begin and end from each token's state, no-answer from the opening token's."""

    def __init__(self, states: int) -> None:
        super().__init__()
        self.edges = nn.Linear(states, 2)
        self.none = nn.Sequential(nn.Linear(states, states), nn.Tanh(), nn.Linear(states, 1))

    def forward(self, states_NTD: Tensor, mask_NT: Tensor, opening_ND: Tensor) -> SpanScores:
        edges_NT2 = self.edges(states_NTD).masked_fill(~mask_NT.unsqueeze(2), -torch.inf)
        begin_NT, end_NT = torch.log_softmax(edges_NT2, 1).unbind(2)
        return SpanScores(begin_NT, end_NT, self.none(opening_ND).squeeze(1))
