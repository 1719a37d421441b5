"""Beam search against enumeration of all sequences."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from attrex.nn.beams import Written, search

END, WORDS, LONGEST = 3, 4, 4


class Table:
    """Each item's next symbol depends on the two before it, by a table of its own."""

    def __init__(self, logits_NPPW: Tensor) -> None:
        self.log = logits_NPPW.log_softmax(3)
        N = len(self.log)
        self.item_M = torch.arange(N)
        self.before_M = torch.zeros(N, dtype=torch.long)
        self.rows: list[int] = []

    def step(self, symbols_M: Tensor) -> Tensor:
        self.rows.append(len(symbols_M))
        made_MW = self.log[self.item_M, self.before_M, symbols_M]
        self.before_M = symbols_M
        return made_MW

    def choose(self, rows_M: Tensor) -> None:
        self.item_M, self.before_M = self.item_M[rows_M], self.before_M[rows_M]


def run(logits: Tensor, beams: int) -> list[list[Written]]:
    return search(
        Table(logits),
        len(logits),
        start=0,
        end=END,
        beams=beams,
        longest=LONGEST,
        device=torch.device("cpu"),
    )


def test_what_is_less_probable_than_asked_for_is_not_followed() -> None:
    """The first item is sure, the second is not; the sequences that count are the same."""
    torch.manual_seed(0)
    logits = torch.randn(2, WORDS, WORDS, WORDS)
    logits[0, 0, 0, 1] += 9  # surely 1, and then the end
    logits[0, 0, 1, END] += 9
    table, whole = Table(logits), run(logits, 4)
    least = -4.0
    device = torch.device("cpu")
    found = search(table, 2, start=0, end=END, beams=4, longest=LONGEST, device=device, least=least)
    for ours, theirs in zip(found, whole, strict=True):
        likely = [each for each in theirs if each.score > least]
        assert [each.symbols for each in ours[: len(likely)]] == [each.symbols for each in likely]
    assert table.rows[:2] == [2, 8]
    assert table.rows[2] == 4  # the first is done


def everything(log_PPW: Tensor) -> list[tuple[float, tuple[int, ...]]]:
    """All sequences that end in time, best first."""
    found = []
    for length in range(LONGEST):
        for symbols in itertools.product(range(END), repeat=length):
            before, last, total = 0, 0, 0.0
            for symbol in (*symbols, END):
                total += log_PPW[before, last, symbol].item()
                before, last = last, symbol
            found.append((total, symbols))
    return sorted(found, reverse=True)


def test_with_beams_enough_the_best_sequences_are_found() -> None:
    logits = torch.randn(5, WORDS, WORDS, WORDS, generator=torch.Generator().manual_seed(0))
    for item, written in enumerate(run(logits, 120)):
        best = everything(logits[item].log_softmax(2))
        assert [w.symbols for w in written] == [symbols for _, symbols in best]
        for ours, (score, symbols) in zip(written, best, strict=True):
            assert ours.score == pytest.approx(score, abs=1e-5)
            assert sum(ours.log_probabilities) == pytest.approx(score, abs=1e-5)
            assert len(ours.log_probabilities) == len(symbols) + 1


def test_one_beam_is_greedy_and_more_find_no_worse() -> None:
    logits = 2 * torch.randn(8, WORDS, WORDS, WORDS, generator=torch.Generator().manual_seed(1))
    best: dict[int, list[float]] = {
        b: [own[0].score if own else -99 for own in run(logits, b)] for b in (1, 4)
    }
    assert sum(best[4]) > sum(best[1])
    for item, own in enumerate(run(logits, 1)):
        table, symbols, before = logits[item], [0], 0
        while len(symbols) <= LONGEST and (len(symbols) == 1 or symbols[-1] != END):
            symbols.append(int(table[before, symbols[-1]].argmax()))
            before = symbols[-2]
        assert [w.symbols for w in own] == ([tuple(symbols[1:-1])] if symbols[-1] == END else [])


def test_an_item_of_a_batch_is_written_as_alone() -> None:
    logits = torch.randn(6, WORDS, WORDS, WORDS, generator=torch.Generator().manual_seed(2))
    together = run(logits, 3)
    alone = [run(logits[at : at + 1], 3)[0] for at in range(6)]
    assert [[w.symbols for w in own] for own in together] == [[w.symbols for w in own] for own in alone]
    assert all(len(own) <= 3 for own in together)


def test_a_finished_item_costs_no_more_steps() -> None:
    logits = torch.zeros(2, WORDS, WORDS, WORDS)
    logits[0, :, :, END] = 30.0
    logits[1, :, :, END] = -30.0
    table = Table(logits)
    found = search(table, 2, start=0, end=END, beams=1, longest=LONGEST, device=torch.device("cpu"))
    assert found[0][0].symbols == ()
    assert found[1] == []
    assert table.rows == [2, 1, 1, 1]
