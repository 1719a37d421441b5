"""What may be answered, as a trie of pieces, and how probable each answer is to a decoder.

All answers to all questions of one text are scored in one pass: its row holds, behind the text that was read
before, each question and behind it the trie's pieces, and each piece sees the text, its own question and the
pieces on its way from the root. At each fork the probabilities are those of the pieces that go on from there,
and of the end; so the answers', and that of the empty one, add up to one, and no other can be given.

Legend: B rows, S positions read before, Q positions that go on, E edges of all tries, D hidden.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attrex.nn.causal import CausalDecoder, cached

ROOT = -1


@dataclass(frozen=True, slots=True)
class Choices:
    """A trie: of each node its piece, its parent (before it; ``ROOT`` where it begins an answer), and which
    of ``count`` answers ends there (-1: none). Of two answers with the same pieces the first is there."""

    pieces: tuple[int, ...]
    parents: tuple[int, ...]
    ends: tuple[int, ...]
    count: int

    @classmethod
    def of(cls, answers: Sequence[Sequence[int]]) -> Choices:
        """Of the answers' pieces; an answer without a piece cannot be given."""
        places: dict[tuple[int, ...], int] = {(): ROOT}
        pieces: list[int] = []
        parents: list[int] = []
        ends: list[int] = []
        for number, answer in enumerate(answers):
            key: tuple[int, ...] = ()
            for piece in answer:
                parent, key = places[key], (*key, piece)
                if key not in places:
                    places[key] = len(pieces)
                    pieces.append(piece)
                    parents.append(parent)
                    ends.append(-1)
            if key and ends[places[key]] < 0:
                ends[places[key]] = number
        return cls(tuple(pieces), tuple(parents), tuple(ends), len(answers))

    def __len__(self) -> int:
        return len(self.pieces)

    def ways(self) -> dict[int, dict[int, int]]:
        """Of each place the pieces that go on from there, with the node that each leads to."""
        made: dict[int, dict[int, int]] = {place: {} for place in range(ROOT, len(self))}
        for node, (piece, parent) in enumerate(zip(self.pieces, self.parents, strict=True)):
            made[parent][piece] = node
        return made


@dataclass(frozen=True, slots=True)
class Segment:
    """One question behind a text: the pieces that end it, and what may be answered."""

    pieces: Sequence[int]
    choices: Choices

    def __len__(self) -> int:
        return len(self.pieces) + len(self.choices)


@dataclass(frozen=True, slots=True)
class Prefix:
    """What was read before: keys and values ``(L, H, S, X)``."""

    keys_LHSX: Tensor
    values_LHSX: Tensor

    def __len__(self) -> int:
        return int(self.keys_LHSX.shape[2])


def together(prefixes: Sequence[Prefix], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Keys and values ``(B, L, H, S, X)`` side by side, and ``(B, S)``, which positions are real; there."""
    S = max(len(each) for each in prefixes)
    lengths_B1 = torch.tensor([[len(each)] for each in prefixes])
    stacked = []
    for tensors in ([p.keys_LHSX for p in prefixes], [p.values_LHSX for p in prefixes]):
        L, H, _, X = tensors[0].shape
        made = tensors[0].new_zeros((len(tensors), L, H, S, X), device=device)
        for row, tensor in enumerate(tensors):
            made[row, :, :, : tensor.shape[2]] = tensor
        stacked.append(made)
    real_BS = torch.arange(S).unsqueeze(0) < lengths_B1
    return stacked[0], stacked[1], real_BS.to(device)


@dataclass(slots=True)
class _Edges:
    """Ways on: from which position of which row, to which piece, and which of them share a fork."""

    rows: list[int]
    froms: list[int]
    pieces: list[int]
    forks: list[int]
    forked: int = 0

    def fork(self, row: int, at: int, pieces: Sequence[int]) -> int:
        """Adds one; gives its first edge's number."""
        first = len(self.rows)
        self.rows += [row] * len(pieces)
        self.froms += [at] * len(pieces)
        self.pieces += pieces
        self.forks += [self.forked] * len(pieces)
        self.forked += 1
        return first


@torch.inference_mode()
def choose(
    decoder: CausalDecoder, prefixes: Sequence[Prefix], rows: Sequence[Sequence[Segment]], end: int
) -> list[list[list[float]]]:
    """Of each row's segments the probability of the empty answer, and behind it those of the choices."""
    device = decoder.device
    keys, values, real_BS = together(prefixes, device)
    B, Q = len(rows), max(sum(map(len, row)) for row in rows)
    ids_BQ = torch.full((B, Q), end)
    position_BQ = torch.zeros((B, Q), dtype=torch.long)
    sees_BQQ = torch.zeros((B, Q, Q), dtype=torch.bool)
    edges = _Edges([], [], [], [])
    ways: list[list[tuple[int, dict[int, int], dict[int, int]]]] = []
    for row, segments in enumerate(rows):
        before, own = 0, []
        for segment in segments:
            _lay(segment, before, len(prefixes[row]), ids_BQ[row], position_BQ[row], sees_BQQ[row])
            own.append(_fork(segment, row, before, end, edges))
            before += len(segment)
        ways.append(own)
    sees_BQK = torch.cat([real_BS.unsqueeze(1).expand(B, Q, -1), sees_BQQ.to(device)], 2)
    states_BQD = decoder.go_on(
        cached(keys, values), decoder.words(ids_BQ.to(device)), position_BQ.to(device), sees_BQK
    )
    rows_E, froms_E, pieces_E, forks_E = (
        torch.tensor(each, device=device) for each in (edges.rows, edges.froms, edges.pieces, edges.forks)
    )
    logits_E = decoder.logits_of(states_BQD[rows_E, froms_E], pieces_E)
    log_E = (logits_E - _log_sums(logits_E, forks_E, edges.forked)[forks_E]).tolist()
    return [
        [_answers(segment, log_E, *way) for segment, way in zip(row_segments, row_ways, strict=True)]
        for row_segments, row_ways in zip(rows, ways, strict=True)
    ]


def _lay(
    segment: Segment, before: int, read: int, ids_Q: Tensor, position_Q: Tensor, sees_QQ: Tensor
) -> None:
    """Writes a segment into its row, behind ``before`` positions of others."""
    tail, length = len(segment.pieces), len(segment)
    here = slice(before, before + length)
    ids_Q[here] = torch.tensor([*segment.pieces, *segment.choices.pieces])
    sees_QQ[before : before + tail, before : before + tail] = torch.ones(tail, tail).tril().bool()
    depths = list(range(tail))
    for node, parent in enumerate(segment.choices.parents):
        above = tail - 1 if parent == ROOT else tail + parent
        depths.append(depths[above] + 1)
        at = before + tail + node
        sees_QQ[at] = sees_QQ[before + above]
        sees_QQ[at, at] = True
    position_Q[here] = read + torch.tensor(depths)


def _fork(
    segment: Segment, row: int, before: int, end: int, edges: _Edges
) -> tuple[int, dict[int, int], dict[int, int]]:
    """Adds a segment's forks; gives the edge to the empty answer, to each node, and to each answer's end."""
    tail, choices = len(segment.pieces), segment.choices
    to_node: dict[int, int] = {}
    to_end: dict[int, int] = {}
    for place, ways in choices.ways().items():
        ends_here = place == ROOT or choices.ends[place] >= 0
        at = before + (tail - 1 if place == ROOT else tail + place)
        first = edges.fork(row, at, [end] * ends_here + list(ways))
        if ends_here:
            to_end[place] = first
        to_node |= {node: first + ends_here + number for number, node in enumerate(ways.values())}
    return to_end.pop(ROOT), to_node, to_end


def _log_sums(logits_E: Tensor, forks_E: Tensor, forked: int) -> Tensor:
    highest = logits_E.new_full((forked,), -torch.inf).scatter_reduce(0, forks_E, logits_E, "amax")
    shares_E = (logits_E - highest[forks_E]).exp()
    return highest + logits_E.new_zeros(forked).index_add(0, forks_E, shares_E).log()


def _answers(
    segment: Segment, log_E: Sequence[float], empty: int, to_node: dict[int, int], to_end: dict[int, int]
) -> list[float]:
    choices = segment.choices
    upto: list[float] = []
    made = [0.0] * choices.count
    for node, parent in enumerate(choices.parents):
        upto.append((0.0 if parent == ROOT else upto[parent]) + log_E[to_node[node]])
        if choices.ends[node] >= 0:
            made[choices.ends[node]] = math.exp(upto[node] + log_E[to_end[node]])
    return [math.exp(log_E[empty]), *made]
