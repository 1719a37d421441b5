"""Models that read attribute and text together: nothing but tokens can be prepared, and each ask costs a
whole encoding.

What they are asked, how asks are batched and how they are trained is one; the ``PairTask`` is what they make
of what they have read.

Legend: N asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product
from attrex.models.attribute_parts import AttributeTable
from attrex.models.inputs import in_batches
from attrex.models.interface import Cost
from attrex.models.questions import questions, tell_long
from attrex.models.sequence_tagger import PreparedText
from attrex.models.tagging import TaggedWindow
from attrex.models.text_encoders import MadeText
from attrex.models.trained import Learnt
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import Tokeniser

Network = TypeVar("Network", bound=nn.Module)
TOKENS = 4096
"""Padded tokens encoded at once: what bounds the memory of thousands of asks."""


@dataclass(frozen=True, slots=True)
class DescribedQuestion:
    """An attribute's tokens, with the separator behind."""

    name: str
    ids: tuple[int, ...]


def described(attributes: Sequence[Attribute], tokeniser: Tokeniser) -> list[DescribedQuestion]:
    """Each attribute's record; no network is needed. Names that are too long are told."""
    tell_long(attributes, tokeniser)
    asked = questions(attributes, tokeniser)
    return [DescribedQuestion(a.name, ids) for a, ids in zip(attributes, asked, strict=True)]


class PairTask(Protocol[Network]):
    """What a model makes of an attribute and a text that it reads together."""

    def assemble(self, text: MadeText) -> Network:
        """``network(batch)`` takes what ``lay_out``, ``gold`` and ``weight_N`` give together."""
        ...

    def lay_out(
        self, readings: Sequence[Reading], asked: Sequence[Sequence[int]], tokeniser: Tokeniser
    ) -> dict[str, Tensor]:
        """What the network reads: a row for each reading behind its question."""
        ...

    def gold(self, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        """What it should answer; each example has one ask."""
        ...

    def decide(
        self,
        learnt: Learnt[Network],
        batch: dict[str, Tensor],
        readings: Sequence[Reading],
        attributes: Sequence[str],
    ) -> Sequence[Answer]:
        """One answer per row of a batch that was laid out, which has been moved to the network."""
        ...

    def cost(self, learnt: Learnt[Network], asks: Sequence[tuple[Reading, int]]) -> int:
        """FLOPs by hand formula of readings, each behind a question of so many tokens."""
        ...


class PairReader(Generic[Network]):
    """The mechanism; see the module's text."""

    def __init__(self, task: PairTask[Network]) -> None:
        self.task = task

    def assemble(self, text: MadeText, table: AttributeTable) -> Network:
        return self.task.assemble(text)

    def prepare(self, learnt: Learnt[Network], products: Sequence[Product]) -> list[PreparedText]:
        """Tokens only."""
        return [PreparedText(reading) for reading in read(products, learnt.tokeniser)]

    def describe(self, learnt: Learnt[Network], attributes: Sequence[Attribute]) -> list[DescribedQuestion]:
        """Tokens only; an attribute that was never seen is read like any other."""
        return described(attributes, learnt.tokeniser)

    def answer(
        self, learnt: Learnt[Network], asked: Sequence[tuple[PreparedText, DescribedQuestion]]
    ) -> list[Answer]:
        """Asks of like length are encoded together, each with its product."""

        def decide(rows: list[int]) -> Sequence[Answer]:
            readings = [asked[at][0].reading for at in rows]
            attributes = [asked[at][1] for at in rows]
            batch = self.task.lay_out(readings, [a.ids for a in attributes], learnt.tokeniser)
            there = {name: tensor.to(learnt.device) for name, tensor in batch.items()}
            return self.task.decide(learnt, there, readings, [a.name for a in attributes])

        lengths = [len(w.reading) + len(w.reading.prefix) + len(question.ids) for w, question in asked]
        return in_batches(lengths, TOKENS, decide)

    def cost(
        self,
        learnt: Learnt[Network],
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost:
        """Everything is the ask's."""
        lengths = [len(ids) for ids in questions(attributes, learnt.tokeniser)]
        return Cost(answer=self.task.cost(learnt, [(readings[w], lengths[a]) for w, a in asks]))

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        """One per ask."""
        return [replace(window, asks=(ask,)) for window in windows for ask in window.asks]

    def collate(self, learnt: Learnt[Network], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        asked = questions([each.asks[0].attribute for each in examples], learnt.tokeniser)
        return {
            **self.task.lay_out([each.reading for each in examples], asked, learnt.tokeniser),
            **self.task.gold(examples),
            "weight_N": torch.tensor([each.asks[0].weight for each in examples]),
        }
