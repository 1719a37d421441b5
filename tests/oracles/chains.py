"""A CRF by enumeration: every tag sequence of every chain, one at a time, in plain Python numbers.

Slow, and too simple to be wrong; what ``attrex.nn.crf`` computes is held against it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import torch

from attrex.core.tags import TagScheme
from attrex.nn.crf import Chain


def random_chain(
    lengths: tuple[int, ...], *, tags: int, seed: int, dtype: torch.dtype = torch.float64
) -> Chain:
    """Chains of the given lengths side by side, each with transitions, start and end of its own.

    What stands beyond a chain's end is as random as the rest: it must not matter.
    """
    generator = torch.Generator().manual_seed(seed)

    def scores(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype) * 2

    sequences, width = len(lengths), max(lengths)
    mask_NT = torch.arange(width) < torch.tensor(lengths).unsqueeze(1)
    return Chain(
        scores(sequences, width, tags),
        scores(sequences, tags, tags),
        scores(sequences, tags),
        scores(sequences, tags),
        mask_NT,
    )


def alone(chain: Chain, at: int) -> Chain:
    """One of the chains without the others and without padding."""
    length = int(chain.mask_NT[at].sum())
    one = slice(at, at + 1)
    return Chain(
        chain.emissions_NTK[one, :length],
        chain.transitions_NKK[one],
        chain.start_NK[one],
        chain.end_NK[one],
        chain.mask_NT[one, :length],
    )


def scored_taggings(chain: Chain, at: int) -> list[tuple[tuple[int, ...], float]]:
    """All tag sequences of one chain with their scores (AdaTag's Eq. 4), best first."""
    return sorted(_scored(chain, at), key=lambda tagging: -tagging[1])


def _scored(chain: Chain, at: int) -> Iterator[tuple[tuple[int, ...], float]]:
    emissions = chain.emissions_NTK[at].tolist()
    transitions = chain.transitions_NKK[at].tolist()
    start, end = chain.start_NK[at].tolist(), chain.end_NK[at].tolist()
    length = int(chain.mask_NT[at].sum())
    for tags in product(range(len(start)), repeat=length):
        score = start[tags[0]] + end[tags[-1]]
        for token, tag in enumerate(tags):
            score += emissions[token][tag]
            if token:
                score += transitions[tags[token - 1]][tag]
        yield tags, score


def log_sum(scores: list[float]) -> float:
    """log of the summed exponentials; ``-inf`` of nothing."""
    if not scores:
        return -math.inf
    most = max(scores)
    return most + math.log(math.fsum(math.exp(score - most) for score in scores))


def span_log_probability(chain: Chain, at: int, scheme: TagScheme, start: int, end: int) -> float:
    """log p that tokens ``[start, end)`` are tagged as one value and read as exactly that."""
    taggings = scored_taggings(chain, at)
    pattern = scheme.pattern(end - start)
    fitting = [
        score
        for tags, score in taggings
        if list(tags[start:end]) == pattern and (start, end) in scheme.decode(tags)
    ]
    return log_sum(fitting) - log_sum([score for _, score in taggings])
