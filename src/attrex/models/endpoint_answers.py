"""What a language model answered: read strictly, held to the schema, and found again in the text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from attrex.core import Answer, Attribute, Candidate, Evidence, Source, Span
from attrex.normalise import Normaliser
from attrex.text.folding import fold_text
from attrex.text.matching import Occurrence, locate
from attrex.web.server import Unusable

Ungrounded = Literal["mark", "drop"]
LONGEST = 500
"""Characters of a value; what is longer is no value."""
MOST = 20
"""Values of one attribute."""
PLACES = 8
"""Places that are given for one value."""
SCORES = {"exact": 0.9, "normalised": 0.85, "fuzzy": 0.7, "inferred": 0.6, "none": 0.9, "refused": 0.5}
"""The scores of a model that tells none: how far a value found so is to be believed, until calibration says
better; "none" that of null, "refused" that of "none" beside a value which the schema does not allow."""
_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_NOTHING = frozenset(
    {"", "n/a", "na", "null", "none", "nil", "unknown", "not available", "not applicable", "not specified",
     "not stated", "unspecified", "-", "?"}
)  # fmt: skip
"""What models write for null (folded)."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it came: the values of each attribute (empty: null), and how probable the model held them,
    where it tells; of an attribute without values, how probable it held null."""

    values: Mapping[str, tuple[str, ...]]
    probabilities: Mapping[str, float]

    def to_json(self) -> str:
        """Reads back by ``from_json``."""
        return json.dumps([self.values, self.probabilities], ensure_ascii=True)

    @staticmethod
    def from_json(text: str) -> Said:
        """Raises ``ValueError`` where it is damaged."""
        try:
            values, probabilities = json.loads(text)
            return Said(
                {str(n): tuple(map(str, own)) for n, own in values.items()},
                {str(n): float(p) for n, p in probabilities.items()},
            )
        except (TypeError, AttributeError) as problem:
            raise ValueError(str(problem)) from None


def read(content: Any, attributes: Sequence[Attribute]) -> Said:
    """A chat completion's first choice. Keys that were not asked are not looked at.

    Raises ``Unusable`` for an answer that was cut short, that is no JSON object, that lacks an attribute or
    has something else than text for one.
    """
    try:
        choice = content["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise Unusable("its answer has no message") from None
    if choice.get("finish_reason") == "length":
        raise Unusable("its answer was longer than answer_tokens, and cut short")
    if not isinstance(text, str):
        raise Unusable("its answer has no text")
    fenced = _FENCE.match(text)
    body = fenced[1] if fenced else text
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Unusable("its answer is no JSON, or was cut short") from None
    if not isinstance(told, dict):
        raise Unusable("its answer is no JSON object")
    values = {a.name: _values(told, a) for a in attributes}
    return Said(values, _probabilities(choice, text, values))


def _values(told: Mapping[str, Any], attribute: Attribute) -> tuple[str, ...]:
    if attribute.name not in told:
        raise Unusable(f'its answer lacks "{attribute.name}"')
    given = told[attribute.name]
    several = given if isinstance(given, list) else [given]
    if isinstance(given, list) and not attribute.many:
        raise Unusable(f'its answer has a list for "{attribute.name}", which has one value')
    found: dict[str, None] = {}
    for each in several[:MOST]:
        if each is None:
            continue
        if isinstance(each, bool) or not isinstance(each, str | int | float):
            raise Unusable(f'its answer has no text for "{attribute.name}"')
        text = (each if isinstance(each, str) else f"{each:g}").strip()
        if len(text) > LONGEST:
            raise Unusable(f'its value of "{attribute.name}" has more than {LONGEST} characters')
        if fold_text(text) not in _NOTHING or text in attribute.values:
            found[text] = None
    return tuple(found)


def _probabilities(
    choice: Mapping[str, Any], text: str, values: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Of each attribute the product of the probabilities of the tokens that write its value, where the server
    tells them (``logprobs``) and they add up to the text."""
    told = choice.get("logprobs")
    tokens = told.get("content") if isinstance(told, Mapping) else None
    if not isinstance(tokens, list):
        return {}
    try:
        pieces = [(str(t["token"]), float(t["logprob"])) for t in tokens]
    except (KeyError, TypeError, ValueError):
        return {}
    if "".join(piece for piece, _ in pieces) != text:
        return {}
    ends, at = [], 0
    for piece, _ in pieces:
        at += len(piece)
        ends.append(at)
    found: dict[str, float] = {}
    for name, (begin, end) in _places(text, values).items():
        total = sum(
            logprob
            for (piece, logprob), stop in zip(pieces, ends, strict=True)
            if stop > begin and stop - len(piece) < end
        )
        found[name] = min(1.0, math.exp(min(0.0, total)))
    return found


def _places(text: str, names: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Where each name's value stands in the JSON text: ``[start, end)``, quotes included."""
    decoder = json.JSONDecoder()
    found: dict[str, tuple[int, int]] = {}
    at = text.find("{") + 1
    while (begin := text.find('"', at)) >= 0:
        try:
            name, at = decoder.raw_decode(text, begin)
            colon = text.index(":", at)
            value = len(text) - len(text[colon + 1 :].lstrip())
            _, at = decoder.raw_decode(text, value)
        except ValueError:
            break
        if name in names:
            found[name] = (value, at)
    return found


@dataclass(frozen=True, slots=True)
class Grounding:
    """Makes candidates of what was said. ``ungrounded`` values, which stand nowhere in the text, are marked
    as inferred, or dropped. A value that the schema does not allow is dropped in any case."""

    ungrounded: Ungrounded
    normaliser: Normaliser

    def answer(self, said: Said, attribute: Attribute, sources: Sequence[Source]) -> Answer:
        """Best first, each at all its places; "none" is what the values leave."""
        told = said.probabilities.get(attribute.name)
        values = said.values[attribute.name]
        if not values:
            return Answer((), SCORES["none"] if told is None else told)
        candidates: list[Candidate] = []
        for value in values:
            candidates += self._candidates(value, told, attribute, sources)
        if not candidates:
            return Answer((), SCORES["refused"])
        candidates.sort(key=lambda candidate: -candidate.score)
        return Answer(tuple(candidates), 1 - candidates[0].score)

    def _candidates(
        self, value: str, told: float | None, attribute: Attribute, sources: Sequence[Source]
    ) -> list[Candidate]:
        if attribute.values:
            value = self.normaliser.canonical(value, attribute)
            if value not in attribute.values:
                return []
        places = _grounded(value, sources)
        if not places:
            if self.ungrounded == "drop":
                return []
            score = SCORES["inferred"] if told is None else told
            return [Candidate(value, score, Evidence("inferred"))]
        made = []
        for source, at in places[:PLACES]:
            text = source.text[at.start : at.end]
            if attribute.values and self.normaliser.canonical(text, attribute) != value:
                text = value  # "short sleeves" stands there, and the schema says "Short Sleeve"
            score = SCORES[at.alignment] if told is None else told
            evidence = Evidence("span", Span(source.name, at.start, at.end), alignment=at.alignment)
            made.append(Candidate(text, score, evidence))
        return made


def _grounded(value: str, sources: Sequence[Source]) -> list[tuple[Source, Occurrence]]:
    """The places on the best rung (exact, normalised, fuzzy) over all sources together."""
    located = [(source, at) for source in sources for at in locate(value, source.text)]
    for rung in ("exact", "normalised", "fuzzy"):
        if chosen := [each for each in located if each[1].alignment == rung]:
            return chosen
    return []
