"""What SMARTAVE's decoder writes of an ask, and what is read of it: ``value | value | end``, or ``end``
alone.

So several values of one attribute are several, each with its own evidence ("white shade, blue holder"), and
"none" is the sequence of no value, scored on the same scale.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from attrex.core import Answer, Attribute, Candidate
from attrex.models.attribute_parts import LIST, AttributeTable
from attrex.models.tagging import FLOOR, PROPOSALS, UNLOCATED_WEIGHT, TaggedAsk, TaggedWindow
from attrex.models.writing import Grounding, Key, Script, worth_writing
from attrex.nn.beams import Written
from attrex.text.reading import BETWEEN, Reading

TABLE = "smartave.json"
"""``ValueTable`` in a model folder, beside the list of names."""
MODALITIES = 64
"""Names of sources that are told apart, the commonest; the others are one kind."""
PARTS = 8
"""Values of one ask that are written at most."""


class ValueTable(AttributeTable):
    """The attributes of the training data, open to others. ``values``: those worth generating; ``sources``:
    the names of sources that are told apart; ``parts``: the most values that one ask has."""

    def __init__(
        self, names: Sequence[str], values: Sequence[str], sources: Sequence[str], parts: int
    ) -> None:
        super().__init__(names)
        self.values, self.sources, self.parts = tuple(values), tuple(sources), parts

    def files(self) -> dict[str, str]:
        content = {"parts": self.parts, "sources": self.sources, "values": self.values}
        return {**super().files(), TABLE: json.dumps(content, ensure_ascii=False)}


class ReadAttributes:
    """An attribute is what it says of itself, so that one may be new."""

    answers: Literal["open", "closed"] = "open"

    def begin(self, attributes: Sequence[Attribute], windows: Sequence[TaggedWindow]) -> ValueTable:
        seen: Counter[str] = Counter()
        for window in windows:
            seen.update({window.reading.names[at] for at in set(window.reading.sources) - {BETWEEN}})
        sources = sorted(seen, key=lambda name: (-seen[name], name))[:MODALITIES]
        names = [attribute.name for attribute in attributes]
        return ValueTable(names, worth_writing(windows), sources, most_values(windows))

    def remake(self, files: Mapping[str, str]) -> ValueTable:
        content = json.loads(files[TABLE])
        return ValueTable(
            json.loads(files[LIST]), content["values"], content["sources"], int(content["parts"])
        )


def most_values(windows: Sequence[TaggedWindow]) -> int:
    """That one ask has, ``PARTS`` at most."""
    parts = max((len(set(_values(ask))) for w in windows for ask in w.asks), default=1)
    return max(1, min(PARTS, parts))


def _values(ask: TaggedAsk) -> list[object]:
    """What its values can be at most; of an attribute with one there is one."""
    every: list[object] = [*ask.spans, *ask.unlocated]
    return every if ask.attribute.many else every[:1]


@dataclass(frozen=True, slots=True)
class Gold:
    """What an ask should have written, the end behind, and what it weighs; 0 where it teaches nothing of
    writing."""

    ids: tuple[int, ...]
    weight: float


def gold(ask: TaggedAsk, reading: Reading, script: Script, *, longest: int, parts: int) -> Gold:
    """The ask's values, with the text's own pieces where they stand in it, so that all can be copied: of an
    attribute with many, each once in the order of the text; of another its commonest spelling.

    An ask with a value of more than ``longest`` pieces, or more than ``parts`` values, or one that stands
    nowhere and holds a word that has no piece, is nothing that could be written: half of it would teach to
    write halves.
    """
    own = script.own_pieces(reading)
    counts = Counter(tuple(own[start:end]) for start, end in sorted(ask.spans))
    values: list[Key] = list(counts)
    weight = ask.weight
    if ask.unlocated:
        values += [key for key in dict.fromkeys(script.keys(ask.unlocated)) if key not in counts]
        weight = ask.weight if ask.spans else ask.weight / UNLOCATED_WEIGHT
    if not ask.attribute.many and values:
        values = [max(values, key=lambda value: counts[value])]
    if any(not v or len(v) > longest or script.unknown in v for v in values) or len(values) > parts:
        return Gold((script.end,), 0.0)
    written = [id for at, value in enumerate(values) for id in ([script.pair_mark] if at else []) + [*value]]
    return Gold((*written, script.end), weight)


@dataclass(frozen=True, slots=True)
class Said:
    """A value that was written: its pieces, its probability, and where the likeliest sequence that says it
    has it: sequence and place in it."""

    pieces: Key
    score: float
    sequence: int
    at: int


def said(sequences: Sequence[tuple[list[int], Written]], script: Script) -> list[Said]:
    """The values of an ask, the likeliest first. A value has the summed probability of the sequences that say
    it."""
    scores: defaultdict[Key, float] = defaultdict(float)
    first: dict[Key, tuple[int, int]] = {}
    for number, (ids, written) in enumerate(sequences):
        chance = math.exp(written.score)
        own: dict[Key, int] = {}
        for start, end in _parts(ids, script.pair_mark):
            own.setdefault(tuple(ids[start:end]), start)
        for value, start in own.items():
            scores[value] += chance
            first.setdefault(value, (number, start))
    ordered = sorted(scores, key=lambda value: (-scores[value], value))
    return [Said(value, min(1.0, scores[value]), *first[value]) for value in ordered]


def _parts(ids: Sequence[int], mark: int) -> list[tuple[int, int]]:
    """``[start, end)`` of the values between marks; an empty one is none."""
    ends = [at for at, id in enumerate(ids) if id == mark]
    starts = [0, *(end + 1 for end in ends)]
    return [(start, end) for start, end in zip(starts, [*ends, len(ids)], strict=True) if start < end]


@dataclass(frozen=True, slots=True)
class Standing:
    """A value with the tokens at which its pieces stand, of which there may be none."""

    said: Said
    starts: list[int]


def standing(values: Sequence[Said], grounding: Grounding, own_pieces: Sequence[int]) -> list[Standing]:
    """The values that are proposed."""
    worth = [value for value in values if value.score >= FLOOR][:PROPOSALS]
    return [Standing(value, grounding.starts(value.pieces, own_pieces)) for value in worth]


def answer(
    name: str,
    values: Sequence[Standing],
    none: float,
    reading: Reading,
    grounding: Grounding,
    pointed: Mapping[tuple[Key, int], float],
) -> Answer:
    """``pointed``: how likely, in logarithms, the decoder is to copy a value from the tokens that begin
    there, where there are several such places. The likeliest has the value's own score, the others less in
    proportion: so each value names first where it was copied from. What stands nowhere is inferred."""
    made: list[Candidate] = []
    for value in values:
        pieces, score = value.said.pieces, value.said.score
        weights = [pointed.get((pieces, start), 0.0) for start in value.starts]
        found = []
        for start, weight in zip(value.starts, weights, strict=True):
            share = score * math.exp(weight - max(weights))
            place = grounding.place(name, reading, start, start + len(pieces))
            if place is not None and share >= FLOOR:
                found.append(Candidate(place[0], share, place[1]))
        if not found:
            elsewhere = grounding.elsewhere(pieces, reading)
            found = [Candidate(text, score, evidence) for text, evidence in elsewhere]
        made += sorted(found, key=lambda candidate: -candidate.score)[:PROPOSALS]
    return Answer(tuple(sorted(made, key=lambda candidate: -candidate.score)), none)
