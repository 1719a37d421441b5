"""A linear-chain CRF whose every example brings its own transitions.

AdaTag generates a decoder per attribute (its §3.2), so that each of the N sequences of a batch, one
per ask, has its own transition table. Plain functions over tensors; nothing here has parameters.

A softmax tagger is the same chain with ``transitions`` zero: its likelihood is the product of the
tokens' softmaxes. One decoding path serves both.

Legend: N sequences, T tokens, K tags, L longest span. ``mask_NT`` is True on real tokens, which stand
to the left; every sequence has at least one. Scores follow AdaTag's Eq. 4 with a start and an end
state: ``start_NK`` and ``end_NK`` are its T from state 0 and to state n+1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attrex.core.tags import TagScheme

IMPOSSIBLE = -1e4


@dataclass(frozen=True, slots=True)
class Chain:
    """The scores of a batch of chains.

    ``emissions_NTK``: score of tag k at token t; ``transitions_NKK``: of tag j right after tag i
    (``[n, i, j]``); ``start_NK``, ``end_NK``: of beginning and of ending with a tag.
    """

    emissions_NTK: Tensor
    transitions_NKK: Tensor
    start_NK: Tensor
    end_NK: Tensor
    mask_NT: Tensor


def sequence_score(chain: Chain, tags_NT: Tensor) -> Tensor:
    """s(X, r, Y) of AdaTag's Eq. 4 for given tags; ``(N,)``. Tags beyond the mask are ignored."""
    mask_NT = chain.mask_NT
    emitted_NT = chain.emissions_NTK.gather(2, tags_NT.unsqueeze(2)).squeeze(2)
    score_N = emitted_NT.masked_fill(~mask_NT, 0).sum(1)
    before_NT, after_NT = tags_NT[:, :-1], tags_NT[:, 1:]
    K = chain.transitions_NKK.shape[1]
    moves_NT = chain.transitions_NKK.flatten(1).gather(1, before_NT * K + after_NT)
    score_N = score_N + (moves_NT * mask_NT[:, 1:]).sum(1)
    last_N = mask_NT.sum(1) - 1
    score_N = score_N + chain.start_NK.gather(1, tags_NT[:, :1]).squeeze(1)
    return score_N + chain.end_NK.gather(1, tags_NT.gather(1, last_N.unsqueeze(1))).squeeze(1)


def _forward(chain: Chain) -> list[Tensor]:
    """``alpha_NK`` after each token; beyond a sequence's end the last one is carried on."""
    emissions_TNK = chain.emissions_NTK.unbind(1)
    mask_TN1 = chain.mask_NT.unsqueeze(2).unbind(1)
    alphas = [chain.start_NK + emissions_TNK[0]]
    for emission_NK, mask_N1 in zip(emissions_TNK[1:], mask_TN1[1:], strict=True):
        moved_NK = torch.logsumexp(alphas[-1].unsqueeze(2) + chain.transitions_NKK, 1) + emission_NK
        alphas.append(torch.where(mask_N1, moved_NK, alphas[-1]))
    return alphas


def log_partition(chain: Chain) -> Tensor:
    """log of the summed exponentials of all tag sequences' scores; ``(N,)``."""
    return torch.logsumexp(_forward(chain)[-1] + chain.end_NK, 1)


def log_likelihood(chain: Chain, tags_NT: Tensor) -> Tensor:
    """log p(Y | X, r), AdaTag's Eq. 4 with the exponentials it needs; ``(N,)``."""
    return sequence_score(chain, tags_NT) - log_partition(chain)


def viterbi(chain: Chain) -> tuple[Tensor, Tensor]:
    """The best tag sequences ``(N, T)`` (0 beyond the mask) and their scores ``(N,)``."""
    tags_N1T, scores_N1 = k_best(chain, 1)
    return tags_N1T[:, 0], scores_N1[:, 0]


def k_best(chain: Chain, k: int) -> tuple[Tensor, Tensor]:
    """The k best tag sequences ``(N, k, T)`` and scores ``(N, k)``, best first.

    Where a sequence has fewer than k taggings the rest score ``IMPOSSIBLE`` or less.
    """
    emissions_TNK = chain.emissions_NTK.unbind(1)
    N, T, K = chain.emissions_NTK.shape
    score_NKk = torch.full((N, K, k), IMPOSSIBLE * 10, dtype=emissions_TNK[0].dtype)
    score_NKk = score_NKk.to(chain.emissions_NTK.device)
    score_NKk[:, :, 0] = chain.start_NK + emissions_TNK[0]
    stay_NKk = torch.arange(K * k, device=score_NKk.device).view(1, K, k).expand(N, K, k)
    steps: list[Tensor] = []
    for t in range(1, T):
        # From every (tag, rank) to every tag: the k best arrivals.
        moved_NKkK = score_NKk.unsqueeze(3) + chain.transitions_NKK.unsqueeze(2)
        best = moved_NKkK.reshape(N, K * k, K).transpose(1, 2).topk(k, dim=2)
        live_N11 = chain.mask_NT[:, t].view(N, 1, 1)
        score_NKk = torch.where(live_N11, best.values + emissions_TNK[t].unsqueeze(2), score_NKk)
        steps.append(torch.where(live_N11, best.indices, stay_NKk))
    final = (score_NKk + chain.end_NK.unsqueeze(2)).reshape(N, K * k).topk(k, dim=1)
    at_Nk = final.indices
    path: list[Tensor] = [at_Nk // k]
    for step_NKk in reversed(steps):
        at_Nk = step_NKk.reshape(N, K * k).gather(1, at_Nk)
        path.append(at_Nk // k)
    tags_NkT = torch.stack(path[::-1], dim=2)
    return tags_NkT * chain.mask_NT.unsqueeze(1), final.values


def none_log_probability(chain: Chain, outside: int) -> Tensor:
    """log p of the sequence that is ``outside`` (O) throughout: that there is no value; ``(N,)``."""
    return log_likelihood(chain, _all(chain, outside))


def _all(chain: Chain, tag: int) -> Tensor:
    return torch.full(chain.mask_NT.shape, tag, device=chain.mask_NT.device)


def span_marginals(chain: Chain, scheme: TagScheme, longest: int) -> tuple[Tensor, Tensor]:
    """log p(tokens ``[i, i + l + 1)`` are exactly one value), ``(N, T, L)`` with ``l = 0..L-1``; and
    ``none_log_probability``, ``(N,)``, for which the same forward pass serves.

    The confidence of a span: the summed probability of all taggings in which the value opens at i,
    runs through, closes after l + 1 tokens and is not continued. Spans that leave the sequence get
    ``-inf``. Costs one forward and one backward pass and no enumeration.
    """
    emissions_TNK = chain.emissions_NTK.unbind(1)
    T, K = chain.emissions_NTK.shape[1:]
    begin, inside = scheme.index("B"), scheme.index("I")
    closing = scheme.index("E") if "E" in scheme.tags else inside
    continues_K = torch.tensor([tag in "IE" for tag in scheme.tags], device=chain.mask_NT.device)
    alphas = _forward(chain)
    partition_N = torch.logsumexp(alphas[-1] + chain.end_NK, 1)

    # after_NK[t]: everything right of token t given its tag; closed: the same where no value runs on.
    last_NT = chain.mask_NT & ~torch.nn.functional.pad(chain.mask_NT[:, 1:], (0, 1))
    # After E nothing runs on, whatever comes: an E or I there opens anew.
    runs_on_KK = continues_K.unsqueeze(0).expand(K, K).clone()
    if "E" in scheme.tags:
        runs_on_KK[closing] = False
    barred_NKK = chain.transitions_NKK.masked_fill(runs_on_KK, -torch.inf)
    after_NK = chain.end_NK
    closed_T: list[Tensor] = [chain.end_NK] * T
    for t in range(T - 2, -1, -1):
        right_N1K = (emissions_TNK[t + 1] + after_NK).unsqueeze(1)
        ends_here_N1 = last_NT[:, t].unsqueeze(1)
        closed_NK = torch.logsumexp(barred_NKK + right_N1K, 2)
        closed_T[t] = torch.where(ends_here_N1, chain.end_NK, closed_NK)
        moved_NK = torch.logsumexp(chain.transitions_NKK + right_N1K, 2)
        live_N1 = chain.mask_NT[:, t + 1].unsqueeze(1)
        after_NK = torch.where(live_N1, moved_NK, chain.end_NK)
    closed_NTK = torch.stack(closed_T, 1)
    opened_NT = torch.stack([alpha[:, begin] for alpha in alphas], 1) - partition_N.unsqueeze(1)

    runs = Runs(
        opened_NT=opened_NT,
        alone_NT=closed_NTK[:, :, begin],
        closed_NT=closed_NTK[:, :, closing],
        inside_NT=chain.emissions_NTK[:, :, inside],
        closing_NT=chain.emissions_NTK[:, :, closing],
        moves_N22=chain.transitions_NKK[:, [begin, inside]][:, :, [inside, closing]],
        mask_NT=chain.mask_NT,
    )
    none_N = sequence_score(chain, _all(chain, scheme.index("O"))) - partition_N
    return span_scores(runs, longest), none_N


@dataclass(frozen=True, slots=True)
class Runs:
    """What the spans' log probabilities are added up from.

    ``opened_NT``: all left of token t and a value that opens there, over the whole; ``alone_NT``: all right
    of t where the value ends there, just opened; ``closed_NT``: the same where it has run on;
    ``inside_NT``, ``closing_NT``: scores of the tags with which it runs on and closes; ``moves_N22``: from
    its first tag and from the one inside, to the one inside and to the closing one.
    """

    opened_NT: Tensor
    alone_NT: Tensor
    closed_NT: Tensor
    inside_NT: Tensor
    closing_NT: Tensor
    moves_N22: Tensor
    mask_NT: Tensor


def span_scores(runs: Runs, longest: int) -> Tensor:
    """``(N, T, L)``, ``-inf`` for spans that leave the sequence."""
    N, T = runs.mask_NT.shape
    longest = min(longest, T)
    out_NTL = runs.opened_NT.new_full((N, T, longest), -torch.inf)
    out_NTL[:, :, 0] = runs.opened_NT + runs.alone_NT
    run_NT = runs.opened_NT  # log score with an open value at [i, i + l], tagged B I ... I
    for length in range(1, longest):
        on_N1, close_N1 = runs.moves_N22[:, min(length, 2) - 1].unsqueeze(2).unbind(1)
        run_NT = run_NT[:, : T - length]
        end_NT = run_NT + close_N1 + runs.closing_NT[:, length:]
        out_NTL[:, : T - length, length] = end_NT + runs.closed_NT[:, length:]
        run_NT = run_NT + on_N1 + runs.inside_NT[:, length:]
    at_T, longer_L = (torch.arange(size, device=runs.mask_NT.device) for size in (T, longest))
    inside_NTL = at_T.view(1, T, 1) + longer_L < runs.mask_NT.sum(1).view(N, 1, 1)
    return out_NTL.masked_fill(~inside_NTL, -torch.inf)
