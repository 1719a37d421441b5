"""What every tagger shares: from a chain of tag scores to answers, and from labels to tags.

Legend: N asks, T tokens, K tags, L longest value.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attrex.core import Answer, Attribute, Candidate, Evidence, Problem, Product, Span
from attrex.core.tags import TagScheme
from attrex.models.inputs import lay_out
from attrex.nn import crf
from attrex.nn.crf import Chain
from attrex.nn.threads import one_thread
from attrex.supervision.pool import Label, Pool
from attrex.text.alignment import cover
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import Tokeniser
from attrex.text.windows import Window, cut

LONGEST = 16
"""Tokens of the longest value that is proposed; half of what neighbouring windows share."""
PROPOSALS = 4
"""Spans proposed per ask at most."""
LOOKED_AT = 16
"""Best spans from which the proposals are taken: most overlap a better one."""
FLOOR = 0.01
"""Spans less probable than this are not proposed: they cost time and nobody reads them."""
UNLOCATED_WEIGHT = 0.2
"""What a filled cell whose value stands nowhere weighs as a negative (rules of evidence, 1)."""
TRIMS = "trims.json"
"""``Trims`` in a model folder."""
NOTHING = Answer((), 1.0)
"""To an ask of a window without a token."""
UNKNOWN = Answer(
    (), None, None, Problem("unknown_attribute", "the model was not trained on this attribute and is closed")
)
"""To an ask that a closed model cannot answer."""


def answers(
    chain: Chain,
    readings: Sequence[Reading],
    attributes: Sequence[str],
    scheme: TagScheme,
    trims: Trims,
) -> list[Answer]:
    """One answer per chain: its most probable spans, and the probability that all tokens are O.
    Chain n was made of ``readings[n]``, for ``attributes[n]``."""
    with one_thread():
        marginals_NTL, none_N = crf.span_marginals(chain, scheme, LONGEST)
        return proposed(marginals_NTL, none_N, readings, attributes, trims)


def proposed(
    marginals_NTL: Tensor,
    none_N: Tensor,
    readings: Sequence[Reading],
    attributes: Sequence[str],
    trims: Trims,
) -> list[Answer]:
    """Answers of the most probable spans that do not overlap, given the log probabilities of all spans and
    of none (``crf.span_marginals``)."""
    _, T, L = marginals_NTL.shape
    best = marginals_NTL.flatten(1).topk(min(LOOKED_AT, T * L), dim=1)
    scores = best.values.exp().clamp(0, 1).tolist()
    places = best.indices.tolist()
    nones = none_N.exp().clamp(0, 1).tolist()
    return [
        Answer(_candidates(reading, own, at, L, trims.of(name)), none)
        for reading, name, own, at, none in zip(readings, attributes, scores, places, nones, strict=True)
    ]


def _candidates(
    reading: Reading,
    scores: Sequence[float],
    places: Sequence[int],
    longest: int,
    trims: Mapping[str, tuple[int, int]],
) -> tuple[Candidate, ...]:
    if scores[0] < FLOOR:
        return ()
    found: list[Candidate] = []
    taken: list[tuple[int, int]] = []
    for score, place in zip(scores, places, strict=True):
        if score < FLOOR or len(found) == PROPOSALS:
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
        if trims and (trim := trims.get(text.lower())) and sum(trim) < len(text):
            span = Span(span.source, span.start + trim[0], span.end - trim[1])
            text = text[trim[0] : len(text) - trim[1]]
        found.append(Candidate(text, score, Evidence("span", span)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class TaggedAsk:
    """One ask of a window with its gold token spans, the characters that each stands for, and what the
    ask weighs. ``unlocated``: values that are known and stand nowhere, for a model that can write them."""

    attribute: Attribute
    spans: tuple[tuple[int, int], ...]
    exact: tuple[Span, ...]
    weight: float
    unlocated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaggedWindow:
    """One window of a product, as read, with everything known of it."""

    product: Product
    reading: Reading
    asks: tuple[TaggedAsk, ...]


def tagged_windows(
    pool: Pool, tokeniser: Tokeniser, limit: int, *, pictured: bool = False
) -> list[TaggedWindow]:
    """The pool as a tagger learns it: products cut and read as they will be at extraction.

    A window without the value teaches "none" only where the ask's spans are known to be all there are
    (``Label.complete``); one that holds half a value, or a value without a token, teaches nothing of it.
    Windows without tokens or asks are left out, but for those without tokens that have a picture, where the
    model learns of them (``pictured``).
    """
    labels: list[list[Label]] = [[] for _ in pool.products]
    for label in pool.labels:
        labels[label.product].append(label)
    windows = [w for w in cut(pool.products, tokeniser, limit) if labels[w.index]]
    readings = read([w.product for w in windows], tokeniser)
    tagged: list[TaggedWindow] = []
    for window, reading in zip(windows, readings, strict=True):
        asks = [ask for label in labels[window.index] if (ask := _tagged(label, window, reading))]
        if asks and (len(reading) or (pictured and is_pictured(window.product))):
            tagged.append(TaggedWindow(window.product, reading, tuple(asks)))
    return tagged


def is_pictured(product: Product) -> bool:
    """Whether there is a picture of it that was read."""
    return any(picture.pixels is not None for picture in product.pictures)


def _tagged(label: Label, window: Window, reading: Reading) -> TaggedAsk | None:
    if label.kind == "unlocated":
        return TaggedAsk(label.attribute, (), (), label.weight * UNLOCATED_WEIGHT, label.values)
    lengths = {name: len(text) for name, text in zip(reading.names, reading.texts, strict=True)}
    here: list[Span] = []
    for span in label.spans:
        length = lengths.get(span.source)
        offset = window.offsets.get(span.source, 0)
        if length is None or span.end <= offset or offset + length <= span.start:
            continue
        if span.start < offset or offset + length < span.end:
            return None
        here.append(span.shifted(-offset))
    covered = cover(reading, here)
    if not covered and (here or (label.kind == "positive" and not label.complete)):
        return None
    return TaggedAsk(
        label.attribute, tuple(t for t, _ in covered), tuple(s for _, s in covered), label.weight
    )


class Trims:
    """What to cut off where tokens are coarser than values: "Jerseys" is one word piece, and the
    catalogue says "Jersey".

    By attribute and covering text in lower case: characters to drop on the left and on the right, where
    that is what most training examples with that text say.
    """

    def __init__(self, trims: Mapping[str, Mapping[str, tuple[int, int]]]) -> None:
        self._trims = {name: dict(own) for name, own in trims.items()}

    @classmethod
    def learn(cls, windows: Sequence[TaggedWindow]) -> Trims:
        """From all tagged spans."""
        seen: defaultdict[str, defaultdict[str, Counter[tuple[int, int]]]]
        seen = defaultdict(lambda: defaultdict(Counter))
        for window in windows:
            for ask in window.asks:
                for tokens, exact in zip(ask.spans, ask.exact, strict=True):
                    whole = window.reading.span(*tokens)
                    if whole is None or whole.source != exact.source:
                        continue
                    text = window.reading.texts[window.reading.sources[tokens[0]]]
                    cut = (max(0, exact.start - whole.start), max(0, whole.end - exact.end))
                    seen[ask.attribute.name][text[whole.start : whole.end].lower()][cut] += 1
        trims: dict[str, dict[str, tuple[int, int]]] = {}
        for name, texts in seen.items():
            for covering, counts in texts.items():
                commonest = counts.most_common(1)[0][0]
                if commonest != (0, 0):
                    trims.setdefault(name, {})[covering] = commonest
        return cls(trims)

    def of(self, attribute: str) -> Mapping[str, tuple[int, int]]:
        """By covering text."""
        return self._trims.get(attribute, {})

    def to_json(self) -> str:
        """``from_json`` reads it back."""
        return json.dumps(self._trims, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Trims:
        """Raises ``ValueError`` where it is no JSON."""
        return cls(
            {n: {t: (int(a), int(b)) for t, (a, b) in own.items()} for n, own in json.loads(text).items()}
        )


def ask_tensors(
    examples: Sequence[TaggedWindow], tokeniser: Tokeniser, places: Mapping[str, int], scheme: TagScheme
) -> dict[str, Tensor]:
    """A batch in which each window is encoded once and tagged for every ask: ``Inputs``, and per ask the
    row of its window, its attribute's place, its tags and its weight."""
    inputs = lay_out([example.reading for example in examples], tokeniser)
    asks = [(ask, len(example.reading)) for example in examples for ask in example.asks]
    return {
        **inputs.tensors(),
        "product_N": torch.tensor([at for at, example in enumerate(examples) for _ in example.asks]),
        "attribute_N": torch.tensor([places[ask.attribute.name] for ask, _ in asks]),
        "tags_NT": tag_tensor(asks, scheme, inputs.chain_NT.shape[1]),
        "weight_N": torch.tensor([ask.weight for ask, _ in asks]),
    }


def tag_tensor(asks: Sequence[tuple[TaggedAsk, int]], scheme: TagScheme, width: int) -> Tensor:
    """Tags ``(N, width)`` of asks paired with their readings' lengths; O beyond."""
    tags_NT = torch.full((len(asks), width), scheme.index("O"), dtype=torch.long)
    for at, (ask, length) in enumerate(asks):
        tags_NT[at, :length] = torch.tensor(scheme.encode(ask.spans, length), dtype=torch.long)
    return tags_NT


def gold_tags(examples: Sequence[TaggedWindow], scheme: TagScheme) -> dict[str, Tensor]:
    """``tags_NT`` of examples with one ask each."""
    lengths = [len(each.reading) for each in examples]
    asks = [(each.asks[0], length) for each, length in zip(examples, lengths, strict=True)]
    return {"tags_NT": tag_tensor(asks, scheme, max(lengths))}
