"""Learning by comparison (EIVEN 2.3, Figure 3): two products, one attribute, and what tells them apart.

Only in training: the model is later asked of one product, with the plain question. The paper does not say
whether every training question becomes a comparison; ``share`` of them do here, drawn anew each epoch, and so
is the other product. The paper's figure shows two values that differ; of two that are the same Judge says
"Yes", and Better_Instance "Both products have ...".
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from attrex.core import Attribute
from attrex.models.prompts import question
from attrex.models.tagging import UNLOCATED_WEIGHT, TaggedAsk, TaggedWindow
from attrex.text.folding import fold_text

Comparison = Literal["judge-last", "judge-first", "better-instance", "none"]


@dataclass(frozen=True, slots=True)
class Question(TaggedWindow):
    """A window with one ask, as it is put to the model. ``answer`` "" is that there is no value. ``other``:
    the product that it is compared with."""

    question: str
    answer: str
    other: TaggedWindow | None = None

    @property
    def windows(self) -> tuple[TaggedWindow, ...]:
        """The one product's, or both."""
        return (self,) if self.other is None else (self, self.other)


def gold_values(window: TaggedWindow, ask: TaggedAsk) -> tuple[str, ...]:
    """What is known to be true, as the cell writes it, or as the schema writes what the cell means; none
    where there is no value in this window."""
    if not ask.spans and not ask.unlocated:
        return ()
    stated = tuple(value.text for value in window.product.stated.get(ask.attribute.name, ()))
    texts = dict(zip(window.reading.names, window.reading.texts, strict=True))
    located = tuple(texts[span.source][span.start : span.end] for span in ask.exact)
    allowed = {fold_text(value): value for value in ask.attribute.values}
    values = dict.fromkeys(allowed.get(fold_text(v), v) for v in stated or ask.unlocated or located)
    return tuple(values)


def plain(window: TaggedWindow, ask: TaggedAsk, chance: random.Random) -> Question:
    """Without a comparison. Of several values one is drawn."""
    values = gold_values(window, ask)
    # A known value that stands nowhere is weak against a tagger and no worse for who writes.
    weight = ask.weight / UNLOCATED_WEIGHT if ask.unlocated else ask.weight
    return Question(
        window.product,
        window.reading,
        (replace(ask, weight=weight),),
        question(ask.attribute),
        chance.choice(values) if values else "",
    )


def compared(strategy: Comparison, asked: Question, other: Question, chance: random.Random) -> Question:
    """The question about both, by one of Figure 3's strategies."""
    (ask,) = asked.asks
    first, second = asked.answer, other.answer
    text, answer = _STRATEGIES[strategy](ask.attribute, first, second, chance)
    return replace(asked, question=text, answer=answer, other=other)


def _judge_last(attribute: Attribute, first: str, second: str, _: random.Random) -> tuple[str, str]:
    return (
        f"What is the {attribute.name} of these two products? Are they the same?",
        f"First: {first}; Second: {second}; {_same(first, second)}.",
    )


def _judge_first(attribute: Attribute, first: str, second: str, _: random.Random) -> tuple[str, str]:
    return (
        f"Do these two products have the same {attribute.name}? Why?",
        f"{_same(first, second)}; First: {first}; Second: {second}.",
    )


def _better_instance(attribute: Attribute, first: str, second: str, chance: random.Random) -> tuple[str, str]:
    wanted = chance.choice((first, second))
    if _same(first, second) == "Yes":
        answer = f"Both products have {wanted}."
    else:
        answer = f"{'First' if wanted == first else 'Second'} product has {wanted}."
    return f"Which product's {attribute.name} is {wanted}?", answer


def _same(first: str, second: str) -> str:
    return "Yes" if fold_text(first) == fold_text(second) else "No"


_STRATEGIES = {
    "judge-last": _judge_last,
    "judge-first": _judge_first,
    "better-instance": _better_instance,
}


def epoch_of(
    windows: Sequence[TaggedWindow], strategy: Comparison, share: float, *, seed: str
) -> list[Question]:
    """Every ask as a question, ``share`` of those with a value as a comparison with another product that has
    a value of the same attribute."""
    chance = random.Random(f"comparison/{seed}")  # noqa: S311 - a reproducible draw, no secret
    asked = [plain(window, ask, chance) for window in windows for ask in window.asks]
    if strategy == "none":
        return asked
    having: defaultdict[str, list[Question]] = defaultdict(list)
    for each in asked:
        if each.answer:
            having[each.asks[0].attribute.name].append(each)
    made: list[Question] = []
    for each in asked:
        others = having[each.asks[0].attribute.name]
        if each.answer and chance.random() < share:
            other = _another(each, others, chance)
            made.append(each if other is None else compared(strategy, each, other, chance))
        else:
            made.append(each)
    return made


def _another(asked: Question, others: Sequence[Question], chance: random.Random) -> Question | None:
    """One of the others, each as likely; None where all are the same product."""
    for _ in range(8):
        other = chance.choice(others)
        if other.product is not asked.product and other.product.id != asked.product.id:
            return other
    left = [other for other in others if other.product.id != asked.product.id]
    return chance.choice(left) if left else None
