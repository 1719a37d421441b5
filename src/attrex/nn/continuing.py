"""Writing on from kept keys and values: freely, within what is allowed, or drawn by chance.

Legend: M rows that are written, S positions read before, Q positions of the question, K all that is kept,
V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from attrex.nn.beams import Steps, Written
from attrex.nn.causal import CausalDecoder, cached
from attrex.nn.choices import ROOT, Choices, Prefix, together
from attrex.nn.encoders import padded


class Continuing:
    """Answers that are being written, a row each, behind ``prefixes`` and ``questions``, which have a piece
    at least; implements ``nn.beams.Steps``. The first symbol, a start, is not read: the question is."""

    def __init__(
        self, decoder: CausalDecoder, prefixes: Sequence[Prefix], questions: Sequence[Sequence[int]]
    ) -> None:
        self._decoder = decoder
        device = decoder.device
        keys, values, self._real_MK = together(prefixes, device)
        self._cache = cached(keys, values)
        ids_MQ, mask_MQ = padded(questions, 0)
        self._question = ids_MQ.to(device), mask_MQ.to(device)
        self._next_M1 = torch.tensor([[len(each)] for each in prefixes], device=device)
        self._begun = False

    def step(self, symbols_M: Tensor) -> Tensor:
        """Log probabilities ``(M, V)`` of what comes next."""
        if self._begun:
            ids_MQ, mask_MQ = (
                symbols_M.unsqueeze(1),
                torch.ones_like(symbols_M, dtype=torch.bool).unsqueeze(1),
            )
        else:
            ids_MQ, mask_MQ = self._question
            self._begun = True
        Q = ids_MQ.shape[1]
        order_QQ = torch.ones(Q, Q, dtype=torch.bool, device=ids_MQ.device).tril()
        own_MQQ = order_QQ & mask_MQ.unsqueeze(1)
        sees_MQK = torch.cat([self._real_MK.unsqueeze(1).expand(-1, Q, -1), own_MQQ], 2)
        position_MQ = self._next_M1 + torch.arange(Q, device=ids_MQ.device)
        states_MQD = self._decoder.go_on(self._cache, self._decoder.words(ids_MQ), position_MQ, sees_MQK)
        lengths_M1 = mask_MQ.sum(1, keepdim=True)
        self._next_M1 = self._next_M1 + lengths_M1
        self._real_MK = torch.cat([self._real_MK, mask_MQ], 1)
        last_MD = states_MQD[torch.arange(len(ids_MQ), device=ids_MQ.device), lengths_M1.squeeze(1) - 1]
        return self._decoder.logits(last_MD).log_softmax(1)

    def choose(self, rows_M: Tensor) -> None:
        """Goes on with these rows."""
        self._cache.batch_select_indices(rows_M)
        self._real_MK, self._next_M1 = self._real_MK[rows_M], self._next_M1[rows_M]


class Allowed:
    """Writing that keeps to the ``choices`` of each row, for tries that are too large to be scored whole;
    implements ``nn.beams.Steps``."""

    def __init__(self, steps: Steps, choices: Sequence[Choices], end: int) -> None:
        self._steps, self._end = steps, end
        self._ways = [each.ways() for each in choices]
        self._ends = [each.ends for each in choices]
        self._at = [ROOT] * len(choices)
        self._begun = False

    def step(self, symbols_M: Tensor) -> Tensor:
        """Log probabilities ``(M, V)`` among what may come next."""
        if self._begun:
            symbols = symbols_M.tolist()
            # What has ended is not written on; any place will do for it.
            self._at = [w[at].get(s, ROOT) for w, at, s in zip(self._ways, self._at, symbols, strict=True)]
        self._begun = True
        log_MV = self._steps.step(symbols_M)
        open_MV = torch.zeros_like(log_MV, dtype=torch.bool)
        for row, (ways, ends, at) in enumerate(zip(self._ways, self._ends, self._at, strict=True)):
            open_MV[row, list(ways[at])] = True
            open_MV[row, self._end] |= at == ROOT or ends[at] >= 0
        return log_MV.masked_fill(~open_MV, -torch.inf).log_softmax(1)

    def choose(self, rows_M: Tensor) -> None:
        """Goes on with these rows."""
        rows = rows_M.tolist()
        self._ways, self._ends = [self._ways[row] for row in rows], [self._ends[row] for row in rows]
        self._at = [self._at[row] for row in rows]
        self._steps.choose(rows_M)


class EndFirst:
    """Remembers how probable the end was as the first symbol of each row (``ended``); implements
    ``nn.beams.Steps``."""

    def __init__(self, steps: Steps, end: int) -> None:
        self._steps, self._end = steps, end
        self.ended: list[float] = []

    def step(self, symbols_M: Tensor) -> Tensor:
        """Log probabilities as they are."""
        log_MV = self._steps.step(symbols_M)
        if not self.ended:
            self.ended = log_MV[:, self._end].exp().tolist()
        return log_MV

    def choose(self, rows_M: Tensor) -> None:
        """Goes on with these rows."""
        self._steps.choose(rows_M)


@torch.inference_mode()
def sample(
    steps: Steps,
    draws: Sequence[Callable[[], float]],
    *,
    end: int,
    temperature: float,
    top_p: float,
    longest: int,
    device: torch.device,
) -> list[list[Written]]:
    """Of each row one sequence drawn by chance, none where it did not end within ``longest`` symbols.

    At each step the distribution, sharpened by ``temperature``, is cut to its most probable symbols that
    together have ``top_p``, and one is drawn by the row's own number of ``draws`` in [0, 1): so a draw does
    not hang on the rows beside it. Log probabilities are the model's own, neither sharpened nor cut.
    """
    count = len(draws)
    symbols_M = torch.full((count,), end, device=device)
    past: list[list[int]] = [[] for _ in range(count)]
    costs: list[list[float]] = [[] for _ in range(count)]
    found: list[list[Written]] = [[] for _ in range(count)]
    live = list(range(count))
    for _ in range(longest):
        log_MV = steps.step(symbols_M)
        ordered = (log_MV / temperature).softmax(1).sort(1, descending=True)
        share_MV = ordered.values.masked_fill(ordered.values.cumsum(1) - ordered.values >= top_p, 0)
        upto_MV = (share_MV / share_MV.sum(1, keepdim=True)).cumsum(1)
        drawn_M1 = torch.tensor([[draws[at]()] for at in live], device=device, dtype=upto_MV.dtype)
        rank_M1 = (upto_MV <= drawn_M1).sum(1, keepdim=True)
        # Rounding may leave the last sum below the number drawn.
        rank_M1 = torch.minimum(rank_M1, (share_MV > 0).sum(1, keepdim=True) - 1)
        symbols_M = ordered.indices.gather(1, rank_M1).squeeze(1)
        own_M = log_MV.gather(1, symbols_M.unsqueeze(1)).squeeze(1).tolist()
        for at, symbol, cost in zip(live, symbols_M.tolist(), own_M, strict=True):
            costs[at].append(cost)
            if symbol == end:
                found[at].append(Written(tuple(past[at]), tuple(costs[at]), sum(costs[at])))
            else:
                past[at].append(symbol)
        going = [row for row, at in enumerate(live) if not found[at]]
        if not going:
            break
        live = [live[row] for row in going]
        rows = torch.tensor(going, device=device)
        symbols_M = symbols_M[rows]
        steps.choose(rows)
    return found
