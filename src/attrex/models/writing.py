"""A product's values as one sequence of pieces, and back: ``name : value | name : value | ...``.

The two marks between are ids that no text has. What was written is found again in the text, or said not to
stand there.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from attrex.core import Attribute, Candidate, Evidence, Span
from attrex.models.attribute_parts import LIST, AttributeTable
from attrex.models.located import located
from attrex.models.tagging import FLOOR, PROPOSALS, TaggedAsk, TaggedWindow, Trims
from attrex.nn.beams import Written
from attrex.text.folding import fold_text
from attrex.text.reading import Reading
from attrex.text.sentence_pieces import SentencePieces
from attrex.text.shapes import ShapedPieces
from attrex.text.tokeniser import Tokeniser, WordPieces

WRITTEN = "written.json"
"""``WrittenTable`` in a model folder, beside the list of names."""
VALUES = 20_000
"""Training values that are remembered at most, the commonest."""
NAME = 32
"""Pieces of an attribute's name at most."""

Key = tuple[int, ...]
"""An attribute's name as pieces."""


class WrittenTable(AttributeTable):
    """The attributes of the training data; ``values``: those worth generating, in the training data's
    spelling; ``pairs``: the most that one window was asked to write."""

    def __init__(self, names: Sequence[str], values: Sequence[str], pairs: int) -> None:
        super().__init__(names)
        self.values, self.pairs = tuple(values), pairs

    def files(self) -> dict[str, str]:
        content = {"pairs": self.pairs, "values": self.values}
        return {**super().files(), WRITTEN: json.dumps(content, ensure_ascii=False)}


class WrittenAttributes:
    """An attribute is its name, which must have been written in training; "open" where it is read instead."""

    def __init__(self, answers: Literal["open", "closed"] = "closed") -> None:
        self.answers: Literal["open", "closed"] = answers

    def begin(self, attributes: Sequence[Attribute], windows: Sequence[TaggedWindow]) -> WrittenTable:
        pairs = max((sum(len(a.spans) + len(a.unlocated) for a in w.asks) for w in windows), default=0)
        return WrittenTable([a.name for a in attributes], worth_writing(windows), pairs)

    def remake(self, files: Mapping[str, str]) -> WrittenTable:
        content = json.loads(files[WRITTEN])
        return WrittenTable(json.loads(files[LIST]), content["values"], int(content["pairs"]))


def worth_writing(windows: Sequence[TaggedWindow]) -> list[str]:
    """The values that should be known: those that stand nowhere, and those seen more than once, the commonest
    first, each in its commonest spelling."""
    counts: Counter[str] = Counter()
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for window in windows:
        for ask in window.asks:
            for value, weight in _values(ask, window.reading):
                counts[fold_text(value)] += weight
                spellings[fold_text(value)][value] += 1
    often = [key for key, number in counts.most_common(VALUES) if number > 1]
    return [spellings[key].most_common(1)[0][0] for key in often]


def _values(ask: TaggedAsk, reading: Reading) -> Iterator[tuple[str, int]]:
    """Values and what they count: what stands nowhere cannot be copied, and must be known to be written."""
    texts = dict(zip(reading.names, reading.texts, strict=True))
    yield from ((texts[span.source][span.start : span.end], 1) for span in ask.exact)
    yield from ((value, 2) for value in ask.unlocated)


class Script:
    """How values are written with a tokeniser's pieces."""

    def __init__(self, tokeniser: Tokeniser) -> None:
        pieces = tokeniser.pieces if isinstance(tokeniser, ShapedPieces) else tokeniser
        assert isinstance(pieces, WordPieces | SentencePieces)
        self.pieces, self.end = pieces, pieces.separator
        if isinstance(pieces, WordPieces):
            self.start, self.unknown = pieces.opening[0], pieces.id_of("[UNK]")
            self.value_mark, self.pair_mark = (pieces.id_of(mark) for mark in ("[unused1]", "[unused2]"))
            self.beyond = pieces.size
        else:
            self.start, self.unknown = pieces.padding, pieces.unknown
            # T5's word table has more rows than its tokeniser has ids.
            self.value_mark, self.pair_mark, self.beyond = pieces.size, pieces.size + 1, pieces.size + 2

    def keys(self, names: Sequence[str]) -> list[Key]:
        """Of a name longer than ``NAME`` pieces its beginning."""
        return [tuple(tokens.ids[:NAME]) for tokens in self.pieces.encode(names)]

    def inventory(self, texts: Iterable[str]) -> list[int]:
        """The marks and all pieces of the texts."""
        ids = {id for tokens in self.pieces.encode(list(texts)) for id in tokens.ids} - {self.unknown}
        return sorted(ids | {self.start, self.end, self.value_mark, self.pair_mark})

    def own_pieces(self, reading: Reading) -> list[int]:
        """The reading's pieces: ids without what a tokeniser has added to them, and for a word that the
        tokeniser does not know an id ``beyond`` all others, which stands for the token at that place."""
        bare = [id % self.pieces.size for id in reading.ids]
        return [self.beyond + at if id == self.unknown else id for at, id in enumerate(bare)]

    def write(self, window: TaggedWindow, longest: int) -> list[int]:
        """The window's values with their attributes' names, in the order of its asks, the end behind. Values
        are written with the text's own pieces, so that all can be copied; what stands nowhere, as the cell
        has it. Pairs for which there is no room are left out."""
        own = self.own_pieces(window.reading)
        ids: list[int] = []
        for ask, key in zip(window.asks, self.keys([a.attribute.name for a in window.asks]), strict=True):
            values = [tuple(own[start:end]) for start, end in ask.spans]
            values += [tuple(tokens.ids) for tokens in self.pieces.encode(list(ask.unlocated))]
            for value in dict.fromkeys(values):
                pair = [*key, self.value_mark, *value, self.pair_mark]
                if key and value and len(ids) + len(pair) < longest:
                    ids += pair
        return [*ids, self.end]

    def parse(self, ids: Sequence[int]) -> list[tuple[Key, tuple[int, int]]]:
        """Of each well-formed pair the name, and where its value's pieces stand: ``[start, end)``."""
        pairs: list[tuple[Key, tuple[int, int]]] = []
        begin = 0
        for at, id in enumerate(ids):
            if id == self.pair_mark:
                marks = [b for b in range(begin, at) if ids[b] == self.value_mark]
                if len(marks) == 1 and begin < marks[0] < at - 1:
                    pairs.append((tuple(ids[begin : marks[0]]), (marks[0] + 1, at)))
                begin = at + 1
        return pairs


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a window's written sequences say of one attribute: values as pieces with their probabilities,
    and the probability that nothing is written of it."""

    values: Mapping[Key, float]
    none: float


def opinions(sequences: Sequence[tuple[list[int], Written]], script: Script) -> dict[Key, Opinion]:
    """By attribute. The sequences share all belief by their probabilities; a value has that of the sequences
    that say it, times its own probability within them; "none" has that of the sequences without the
    attribute. So all three lie on one scale, and add up to at most one for an attribute with one value."""
    if not sequences:
        return {}
    best = max(written.score for _, written in sequences)
    shares = [math.exp(written.score - best) for _, written in sequences]
    total = sum(shares)
    values: defaultdict[Key, defaultdict[Key, float]] = defaultdict(lambda: defaultdict(float))
    said: defaultdict[Key, float] = defaultdict(float)
    for (ids, written), share in zip(sequences, shares, strict=True):
        weight = share / total
        own: dict[tuple[Key, Key], float] = {}
        for name, (start, end) in script.parse(ids):
            certainty = math.exp(sum(written.log_probabilities[start : end + 1]))
            pair = (name, tuple(ids[start:end]))
            own[pair] = max(own.get(pair, 0.0), certainty)
        for (name, value), certainty in own.items():
            values[name][value] += weight * certainty
        for name in {name for name, _ in own}:
            said[name] += weight
    return {name: Opinion(dict(own), max(0.0, 1 - said[name])) for name, own in values.items()}


@dataclass(frozen=True, slots=True)
class Grounding:
    """Finds what was written in the text it was written of. ``names``: the attributes by their key;
    ``spellings``: values as the training data write them; ``trims``: see ``tagging.Trims``."""

    script: Script
    names: Mapping[Key, str]
    spellings: Mapping[Key, str]
    trims: Trims

    def candidates(self, name: str, opinion: Opinion, reading: Reading) -> tuple[Candidate, ...]:
        """An opinion's values with their places, best first."""
        own = self.script.own_pieces(reading)
        ordered = sorted(opinion.values.items(), key=lambda item: -item[1])[:PROPOSALS]
        return tuple(
            Candidate(text, min(1.0, score), evidence)
            for pieces, score in ordered
            if score >= FLOOR
            for text, evidence in self.places(name, pieces, reading, own)
        )

    def places(
        self, name: str, pieces: Key, reading: Reading, own_pieces: Sequence[int]
    ) -> list[tuple[str, Evidence]]:
        """Where a value stands, as the text has it: at the same pieces ("exact"), else on the first rung
        of ``text.matching.locate`` that finds it; else nowhere: "inferred", as the training data spell it."""
        starts = self.starts(pieces, own_pieces)
        found = [self.place(name, reading, start, start + len(pieces)) for start in starts]
        if there := [each for each in found if each is not None]:
            return there[:PROPOSALS]
        return self.elsewhere(pieces, reading)

    def starts(self, pieces: Key, own_pieces: Sequence[int]) -> list[int]:
        """The tokens from which on the reading has these pieces."""
        width, first = len(pieces), pieces[0]
        return [
            at
            for at in range(len(own_pieces) - width + 1)
            if own_pieces[at] == first and tuple(own_pieces[at : at + width]) == pieces
        ]

    def place(self, name: str, reading: Reading, start: int, end: int) -> tuple[str, Evidence] | None:
        """What the text has at these tokens, trimmed; None where they lie in more than one source."""
        span = reading.span(start, end)
        if span is None:
            return None
        text = reading.texts[reading.sources[start]]
        covered = text[span.start : span.end]
        left, right = self.trims.of(name).get(covered.lower(), (0, 0))
        if left + right < len(covered):
            span = Span(span.source, span.start + left, span.end - right)
        return text[span.start : span.end], Evidence("span", span)

    def elsewhere(self, pieces: Key, reading: Reading) -> list[tuple[str, Evidence]]:
        """Where a value stands whose pieces the text does not have; see ``places``."""
        text = self.spellings.get(pieces) or self.script.pieces.text_of(pieces)
        return located(text, reading)[:PROPOSALS]
