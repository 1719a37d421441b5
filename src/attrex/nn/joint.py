"""One tag sequence for several attributes: the spans of each, and the probability that it has none.

All attributes' chains are one chain, so that its forward and its backward pass serve them all. Only that
an attribute has no tag anywhere needs a forward pass of its own, which is one matrix product a token.

Legend: N sequences, T tokens, K tags of all attributes together, X asks, L longest span.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attrex.nn.crf import Chain, Runs, span_scores


@dataclass(frozen=True, slots=True)
class JointTags:
    """The tags of what is asked: by ask, the tags that open a value, run on in it and close it, and
    ``own_XK``, whether a tag is one of the attribute's.

    ``runs_on_KK[i, j]``: whether tag j goes on with the value that tag i stands in.
    """

    begin_X: Tensor
    inside_X: Tensor
    closing_X: Tensor
    own_XK: Tensor
    runs_on_KK: Tensor


def joint_marginals(chain: Chain, sequence_X: Tensor, tags: JointTags, longest: int) -> tuple[Tensor, Tensor]:
    """For asks of sequences: log p(tokens ``[i, i + l + 1)`` are exactly one value of the attribute),
    ``(X, T, L)`` as ``crf.span_marginals``, and log p(no token has a tag of the attribute's), ``(X,)``.

    All sequences share the transitions of the first. Computed in float64, so that exponentials can be
    summed by matrix products: what lies 700 below the best is lost.
    """
    emissions_NTK, mask_NT = chain.emissions_NTK.double(), chain.mask_NT
    transitions_KK = chain.transitions_NKK[0].double()
    start_K, end_K = chain.start_NK[0].double(), chain.end_NK[0].double()
    moves_KK = transitions_KK.exp()
    before_NTK = _before(emissions_NTK, mask_NT, start_K, moves_KK)
    closed_NTK = _closed(emissions_NTK, mask_NT, end_K, moves_KK, tags.runs_on_KK)
    partition_N = torch.logsumexp(before_NTK[:, -1] + end_K, 1)
    begin_X, inside_X, closing_X = tags.begin_X, tags.inside_X, tags.closing_X
    from_X2, to_X2 = torch.stack([begin_X, inside_X], 1), torch.stack([inside_X, closing_X], 1)
    runs = Runs(
        opened_NT=before_NTK[sequence_X, :, begin_X] - partition_N[sequence_X].unsqueeze(1),
        alone_NT=closed_NTK[sequence_X, :, begin_X],
        closed_NT=closed_NTK[sequence_X, :, closing_X],
        inside_NT=emissions_NTK[sequence_X, :, inside_X],
        closing_NT=emissions_NTK[sequence_X, :, closing_X],
        moves_N22=transitions_KK[from_X2.unsqueeze(2), to_X2.unsqueeze(1)],
        mask_NT=mask_NT[sequence_X],
    )
    none_X = _without(emissions_NTK, mask_NT, (start_K, moves_KK, end_K), sequence_X, ~tags.own_XK)
    return span_scores(runs, longest), none_X - partition_N[sequence_X]


def _summed(score_NK: Tensor, moves_KK: Tensor) -> Tensor:
    """``log sum_i exp(score_i) moves_ij``."""
    top_N1 = score_NK.amax(1, keepdim=True)
    return top_N1 + ((score_NK - top_N1).exp() @ moves_KK).log()


def _before(emissions_NTK: Tensor, mask_NT: Tensor, start_K: Tensor, moves_KK: Tensor) -> Tensor:
    """The forward pass; beyond a sequence's end the last scores are carried on."""
    score_NK = start_K + emissions_NTK[:, 0]
    scores = [score_NK]
    for emission_NK, mask_N in zip(emissions_NTK.unbind(1)[1:], mask_NT.unbind(1)[1:], strict=True):
        moved_NK = _summed(score_NK, moves_KK) + emission_NK
        score_NK = torch.where(mask_N.unsqueeze(1), moved_NK, score_NK)
        scores.append(score_NK)
    return torch.stack(scores, 1)


def _closed(
    emissions_NTK: Tensor, mask_NT: Tensor, end_K: Tensor, moves_KK: Tensor, runs_on_KK: Tensor
) -> Tensor:
    """The backward pass: all right of token t given its tag, where the value it stands in ends there."""
    N, T, K = emissions_NTK.shape
    back_KK, barred_KK = moves_KK.T, moves_KK.masked_fill(runs_on_KK, 0).T
    after_NK = end_K.expand(N, K)
    closed = [after_NK]
    for t in range(T - 1, 0, -1):
        right_NK = emissions_NTK[:, t] + after_NK
        live_N1 = mask_NT[:, t].unsqueeze(1)
        closed.append(torch.where(live_N1, _summed(right_NK, barred_KK), end_K))
        after_NK = torch.where(live_N1, _summed(right_NK, back_KK), end_K)
    return torch.stack(closed[::-1], 1)


def _without(
    emissions_NTK: Tensor,
    mask_NT: Tensor,
    moves: tuple[Tensor, Tensor, Tensor],
    sequence_X: Tensor,
    allowed_XK: Tensor,
) -> Tensor:
    """log of the summed exponentials of the tag sequences that keep to the allowed tags, ``(X,)``.

    Probabilities that add up to one after each token, and the logarithm of what they were divided by:
    no exponential an ask and tag.
    """
    start_K, moves_KK, end_K = moves
    top_NT = emissions_NTK.amax(2)
    factor_NTK = (emissions_NTK - top_NT.unsqueeze(2)).exp()
    tiny = torch.finfo(factor_NTK.dtype).tiny

    def shared(weight_XK: Tensor, t: int) -> tuple[Tensor, Tensor]:
        tagged_XK = weight_XK * factor_NTK[sequence_X, t] * allowed_XK
        sum_X1 = tagged_XK.sum(1, keepdim=True).clamp(min=tiny)
        return tagged_XK / sum_X1, sum_X1.squeeze(1).log() + top_NT[sequence_X, t]

    share_XK, total_X = shared(start_K.exp(), 0)
    for t in range(1, mask_NT.shape[1]):
        live_X = mask_NT[sequence_X, t]
        moved_XK, gained_X = shared(share_XK @ moves_KK, t)
        share_XK = torch.where(live_X.unsqueeze(1), moved_XK, share_XK)
        total_X = torch.where(live_X, total_X + gained_X, total_X)
    return total_X + (share_XK @ end_K.exp()).clamp(min=tiny).log()
