"""Beam search over anything that writes one symbol after another.

Legend: N items, B beams, M = N x B rows (an item's beams stand together), W symbols, L longest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Steps(Protocol):
    """A batch of sequences that are being written, with the state that they share with their past."""

    def step(self, symbols_M: Tensor) -> Tensor:
        """Takes in the symbol written last, a row each; gives the next one's log probabilities ``(M, W)``."""
        ...

    def choose(self, rows_M: Tensor) -> None:
        """Goes on with these of the rows, each as often as it is named. An item's rows stand together,
        and all items have as many."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """One finished sequence without its end: the symbols, the log probability of each with the end's behind
    them, and ``score``, their sum."""

    symbols: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    score: float


@torch.inference_mode()
def search(
    steps: Steps,
    items: int,
    *,
    start: int,
    end: int,
    beams: int,
    longest: int,
    device: torch.device,
    least: float = -math.inf,
) -> list[list[Written]]:
    """Of each item the (at most) ``beams`` sequences found that end within ``longest`` symbols, the end
    included, the most probable first; scores are not normalised by length, for they are probabilities.

    An item is done when its beams are, or when none that goes on is more probable than ``least`` (a
    logarithm); what has not ended by then is left out.
    """
    found: list[list[Written]] = [[] for _ in range(items)]
    live = list(range(items))
    symbols_M = torch.full((items,), start, device=device)
    score_NB = torch.zeros((items, 1), device=device)
    past_NBL = torch.zeros((items, 1, 0), dtype=torch.long, device=device)
    cost_NBL = torch.zeros((items, 1, 0), device=device)
    for _ in range(longest):
        log_MW = steps.step(symbols_M)
        N, B, W = len(live), score_NB.shape[1], log_MW.shape[1]
        total_NX = (score_NB.unsqueeze(2) + log_MW.view(N, B, W)).flatten(1)
        # Twice as many as are wanted: at most every beam ends, and as many go on.
        best = total_NX.topk(min(2 * beams, B * W), dim=1)
        parent_NX = torch.div(best.indices, W, rounding_mode="floor")
        symbol_NX = best.indices % W
        ended_NX = symbol_NX.eq(end)
        rows_N1 = torch.arange(N, device=device).unsqueeze(1)
        cost_NX = best.values - score_NB[rows_N1, parent_NX]
        past_NXL = torch.cat([past_NBL[rows_N1, parent_NX], symbol_NX.unsqueeze(2)], 2)
        cost_NXL = torch.cat([cost_NBL[rows_N1, parent_NX], cost_NX.unsqueeze(2)], 2)
        _keep_ended(found, live, ended_NX[:, :beams], past_NXL, cost_NXL, best.values)
        # The best that go on, in order; those that ended go behind them.
        going_NB = torch.argsort(ended_NX.to(torch.uint8), dim=1, stable=True)[:, :beams]
        score_NB = best.values.masked_fill(ended_NX, -torch.inf)[rows_N1, going_NB]
        parent_NB = parent_NX[rows_N1, going_NB]
        stay_N = torch.tensor(
            [
                top > least and _may_better(found[at], beams, top)
                for at, top in zip(live, score_NB[:, 0].tolist(), strict=True)
            ],
            device=device,
        )
        if not stay_N.any():
            break
        live = [at for at, stays in zip(live, stay_N.tolist(), strict=True) if stays]
        steps.choose((rows_N1 * B + parent_NB)[stay_N].flatten())
        symbols_M = symbol_NX[rows_N1, going_NB][stay_N].flatten()
        past_NBL, cost_NBL = past_NXL[rows_N1, going_NB][stay_N], cost_NXL[rows_N1, going_NB][stay_N]
        score_NB = score_NB[stay_N]
    return [sorted(own, key=lambda each: -each.score)[:beams] for own in found]


def _keep_ended(
    found: list[list[Written]],
    live: list[int],
    ended_NB: Tensor,
    past_NXL: Tensor,
    cost_NXL: Tensor,
    score_NX: Tensor,
) -> None:
    for row, beam in ended_NB.nonzero().tolist():
        score = score_NX[row, beam].item()
        if score > -torch.inf:
            symbols = tuple(past_NXL[row, beam].tolist()[:-1])
            found[live[row]].append(Written(symbols, tuple(cost_NXL[row, beam].tolist()), score))


def _may_better(found: list[Written], beams: int, going: float) -> bool:
    """Whether what goes on, whose score can only fall, may still come among the best."""
    if going == -torch.inf:
        return False
    return len(found) < beams or going > sorted((each.score for each in found), reverse=True)[beams - 1]
