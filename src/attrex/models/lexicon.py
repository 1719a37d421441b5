"""The lexicon: known values looked up in the texts, each believed as far as it has proved right.

It needs no training (the schema's allowed values and examples suffice), gains from it, and is the
baseline beside every other model.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attrex.core import Answer, Attribute, Candidate, Evidence, Product, Source, Span
from attrex.errors import ConfigError, ModelError
from attrex.models.interface import Traits
from attrex.supervision.pool import Label, Pool
from attrex.text.folding import fold_text
from attrex.text.matching import Matcher
from attrex.text.tokeniser import Tokeniser

if TYPE_CHECKING:
    from torch import Tensor

FILE = "lexicon.json"

_LOWEST, _HIGHEST = 0.01, 0.99


@dataclass(slots=True)
class _Record:
    """What training has shown of one value: in how many asks it was found in the text (``found``),
    in how many of these it was the answer (``right``), and in how many asks it was stated at all."""

    text: str
    stated: float = 0.0
    right: float = 0.0
    found: float = 0.0


@dataclass(slots=True)
class _Entry:
    """One attribute's records by folded value, and how far its values can be believed in general."""

    records: dict[str, _Record] = field(default_factory=dict)
    belief: float | None = None


@dataclass(frozen=True, slots=True)
class _Described:
    """An attribute's values with their scores, ready to be looked up."""

    matcher: Matcher
    scores: tuple[float, ...]


class Lexicon:
    """Implements ``Model``. Made by ``build_lexicon``."""

    def __init__(self, *, smoothing: float, prior: float) -> None:
        self._smoothing = smoothing
        self._prior = prior
        self._entries: dict[str, _Entry] = {}
        self._described: dict[Attribute, _Described] = {}

    @property
    def traits(self) -> Traits:
        return Traits(attributes="open", cacheable="memory", window=None)

    @property
    def tokeniser(self) -> Tokeniser | None:
        return None

    # --- learning ---

    def learn(self, pool: Pool) -> None:
        """Takes over the pool's values and counts how often each is the answer where it is found.
        What was learnt before is forgotten."""
        self._entries, self._described = {}, {}
        by_attribute: defaultdict[str, list[Label]] = defaultdict(list)
        for label in pool.labels:
            by_attribute[label.attribute.name].append(label)
        for name, labels in by_attribute.items():
            self._entries[name] = self._learn_entry(labels, pool.products)

    def _learn_entry(self, labels: Sequence[Label], products: Sequence[Product]) -> _Entry:
        entry = _Entry()
        attributes = dict.fromkeys(label.attribute for label in labels)
        for attribute in attributes:
            for value in _given(attribute):
                entry.records.setdefault(fold_text(value), _Record(value))
        spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for label in labels:
            for value in label.values:
                spellings[fold_text(value)][value] += 1
        for key, counter in spellings.items():
            entry.records[key] = _Record(counter.most_common(1)[0][0])
        entry.records.pop("", None)
        keys = list(entry.records)
        matcher = Matcher(keys)
        for label in labels:
            gold = {fold_text(value) for value in label.values}
            for key in gold & entry.records.keys():
                entry.records[key].stated += label.weight
            for key in {keys[i] for i in _found(matcher, products[label.product].sources)}:
                entry.records[key].found += label.weight
                entry.records[key].right += label.weight * (key in gold)
        entry.belief = self._belief(entry.records.values())
        return entry

    def _belief(self, records: Iterable[_Record]) -> float:
        """The precision of looking up, each ask judged by what the others taught: an answer that
        only this ask has would not have been known."""
        right = found = 0.0
        for record in records:
            if record.stated > 1:
                right += record.right
                found += record.found
            else:
                found += record.found - record.right
        return (right + self._smoothing * self._prior) / (found + self._smoothing)

    def _score(self, record: _Record, belief: float) -> float:
        """The smoothed precision of one value, without the ask that made it known."""
        known_by = min(1.0, record.right)
        right, found = record.right - known_by, record.found - known_by
        score = (right + self._smoothing * belief) / (found + self._smoothing)
        return min(max(score, _LOWEST), _HIGHEST)

    # --- the contract ---

    def prepare(self, products: Sequence[Product]) -> list[tuple[Source, ...]]:
        return [product.sources for product in products]

    def describe(self, attributes: Sequence[Attribute]) -> list[_Described]:
        return [self._describe(attribute) for attribute in attributes]

    def _describe(self, attribute: Attribute) -> _Described:
        if attribute not in self._described:
            entry = self._entries.get(attribute.name, _Entry())
            records = dict(entry.records)
            for value in _given(attribute):
                records.setdefault(fold_text(value), _Record(value))
            records.pop("", None)
            belief = self._prior if entry.belief is None else entry.belief
            scores = tuple(self._score(record, belief) for record in records.values())
            self._described[attribute] = _Described(Matcher(list(records)), scores)
        return self._described[attribute]

    def answer(
        self,
        prepared: Sequence[tuple[Source, ...]],
        described: Sequence[_Described],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        return [_look_up(prepared[product], described[attribute]) for product, attribute in asks]

    # --- the model folder ---

    def config(self) -> dict[str, Any]:
        return {"builder": "lexicon", "arguments": {"smoothing": self._smoothing, "prior": self._prior}}

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def files(self) -> dict[str, str]:
        content = {
            name: {
                "belief": entry.belief,
                "values": [[r.text, r.stated, r.right, r.found] for r in entry.records.values()],
            }
            for name, entry in self._entries.items()
        }
        return {FILE: json.dumps(content, ensure_ascii=False, indent=1)}

    def restore(self, tensors: Mapping[str, Tensor], files: Mapping[str, str]) -> None:
        """Takes over what ``files`` gave. Raises ``ModelError`` where that is missing or damaged."""
        if FILE not in files:
            raise ModelError(f"{FILE} is missing from the model folder")
        try:
            content = json.loads(files[FILE])
            entries = {
                str(name): _Entry(
                    {fold_text(r[0]): _Record(r[0], *map(float, r[1:])) for r in entry["values"]},
                    None if entry["belief"] is None else float(entry["belief"]),
                )
                for name, entry in content.items()
            }
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise ModelError(f"{FILE} is damaged: {error}") from error
        self._entries, self._described = entries, {}


def build_lexicon(*, smoothing: float = 2.0, prior: float = 0.5) -> Lexicon:
    """A lexicon that knows the schema's values only; ``learn`` teaches it more.

    ``smoothing`` is how many asks' worth an attribute's general belief weighs against a value's own
    record; ``prior`` is the belief in values of which nothing has been learnt.
    """
    if smoothing <= 0:
        raise ConfigError(f"model.smoothing is {smoothing}; it must be above 0")
    if not 0 < prior < 1:
        raise ConfigError(f"model.prior is {prior}; it must lie between 0 and 1")
    return Lexicon(smoothing=smoothing, prior=prior)


def _given(attribute: Attribute) -> tuple[str, ...]:
    return (*attribute.values, *attribute.examples)


def _found(matcher: Matcher, sources: Sequence[Source]) -> list[int]:
    return [match.index for source in sources for match in matcher.matches(source.text)]


def _look_up(sources: Sequence[Source], described: _Described) -> Answer:
    """One candidate per known value, with its first occurrence as evidence, best first."""
    first: dict[int, tuple[Source, int, int]] = {}
    for source in sources:
        for match in described.matcher.matches(source.text):
            first.setdefault(match.index, (source, match.start, match.end))
    candidates = [
        Candidate(
            source.text[start:end],
            described.scores[index],
            Evidence("span", Span(source.name, start, end)),
        )
        for index, (source, start, end) in first.items()
    ]
    candidates.sort(key=lambda candidate: -candidate.score)
    if not candidates:  # a lexicon without values does not know
        return Answer((), _HIGHEST if len(described.matcher) else 0.5)
    return Answer(tuple(candidates), 1 - candidates[0].score)
