"""What every tagger shares: from a chain of tag scores to answers, and from labels to tags.

Legend: N asks, T tokens, K tags, L longest value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attrex.core import Answer, Attribute, Candidate, Evidence, Product
from attrex.core.tags import TagScheme
from attrex.nn import crf
from attrex.nn.crf import Chain
from attrex.supervision.pool import Label, Pool
from attrex.text.alignment import token_spans
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import Tokeniser
from attrex.text.windows import Window, cut

LONGEST = 16
"""Tokens of the longest value that is proposed; 99.9 % of the values of the benchmarks are shorter."""
PROPOSALS = 4
"""Spans proposed per ask at most."""
FLOOR = 0.01
"""Spans less probable than this are not proposed: they cost time and nobody reads them."""
UNLOCATED_WEIGHT = 0.2
"""What a filled cell whose value stands nowhere weighs as a negative (rules of evidence, 1)."""


def answers(chain: Chain, readings: Sequence[Reading], scheme: TagScheme) -> list[Answer]:
    """One answer per chain: the most probable spans that do not overlap, by their marginals, and the
    probability that all tokens are O. ``readings[n]`` is what chain n was made of."""
    marginals_NTL = crf.span_marginals(chain, scheme, LONGEST)
    none_N = crf.none_log_probability(chain, scheme.index("O")).exp().clamp(0, 1)
    N, T, L = marginals_NTL.shape
    best = marginals_NTL.flatten(1).topk(min(PROPOSALS, T * L), dim=1)
    scores = best.values.exp().clamp(0, 1).tolist()
    places = best.indices.tolist()
    nones = none_N.tolist()
    return [
        Answer(_candidates(reading, own, at, L), none)
        for reading, own, at, none in zip(readings, scores, places, nones, strict=True)
    ]


def _candidates(
    reading: Reading, scores: Sequence[float], places: Sequence[int], longest: int
) -> tuple[Candidate, ...]:
    if scores[0] < FLOOR:
        return ()
    found: list[Candidate] = []
    taken: list[tuple[int, int]] = []
    for score, place in zip(scores, places, strict=True):
        if score < FLOOR:
            break
        start, length = divmod(place, longest)
        end = start + length + 1
        if any(start < e and s < end for s, e in taken):
            continue
        span = reading.span(start, end)
        if span is None:
            continue
        taken.append((start, end))
        text = reading.texts[reading.sources[start]][span.start : span.end]
        found.append(Candidate(text, score, Evidence("span", span)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class TaggedAsk:
    """One ask of a window with its gold token spans and what it weighs."""

    attribute: Attribute
    spans: tuple[tuple[int, int], ...]
    weight: float


@dataclass(frozen=True, slots=True)
class TaggedWindow:
    """One window of a product, as read, with everything known of it."""

    product: Product
    reading: Reading
    asks: tuple[TaggedAsk, ...]


def tagged_windows(pool: Pool, tokeniser: Tokeniser, limit: int) -> list[TaggedWindow]:
    """The pool as a tagger learns it: products cut and read as they will be at extraction.

    A window without the value teaches "none" only where the ask's spans are known to be all there are
    (``Label.complete``) or lie in another window; windows without tokens or asks are left out.
    """
    labels: list[list[Label]] = [[] for _ in pool.products]
    for label in pool.labels:
        labels[label.product].append(label)
    windows = [w for w in cut(pool.products, tokeniser, limit) if labels[w.index]]
    readings = read([w.product for w in windows], tokeniser)
    tagged: list[TaggedWindow] = []
    for window, reading in zip(windows, readings, strict=True):
        asks = [ask for label in labels[window.index] if (ask := _tagged(label, window, reading))]
        if len(reading) and asks:
            tagged.append(TaggedWindow(window.product, reading, tuple(asks)))
    return tagged


def _tagged(label: Label, window: Window, reading: Reading) -> TaggedAsk | None:
    if label.kind == "unlocated":
        return TaggedAsk(label.attribute, (), label.weight * UNLOCATED_WEIGHT)
    here = [
        span.shifted(-offset)
        for span in label.spans
        if (offset := window.offsets.get(span.source, 0)) <= span.start
    ]
    spans = token_spans(reading, here)
    if label.kind == "positive" and not spans and not label.complete:
        return None
    return TaggedAsk(label.attribute, tuple(spans), label.weight)


def tag_tensor(asks: Sequence[tuple[TaggedAsk, int]], scheme: TagScheme, width: int) -> Tensor:
    """Tags ``(N, width)`` of asks paired with their readings' lengths; O beyond."""
    tags_NT = torch.full((len(asks), width), scheme.index("O"), dtype=torch.long)
    for at, (ask, length) in enumerate(asks):
        tags_NT[at, :length] = torch.tensor(scheme.encode(ask.spans, length), dtype=torch.long)
    return tags_NT
