"""A plain cross-encoder: attribute and text in one sequence, softmax tags.

``[CLS] attribute [SEP] category [SEP] text [SEP]``: every word is read in sight of the attribute, so that
nothing but tokens can be prepared, and each ask costs a whole encoding.

Legend: N asks, S positions, T tokens, K tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product, Source
from attrex.core.tags import SCHEMES, TagScheme
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import AttributeTable, ListedAttributes
from attrex.models.inputs import Inputs, in_batches, lay_out, positions
from attrex.models.interface import Cost
from attrex.models.sequence_tagger import PreparedText, SequenceTagger, own_decoders
from attrex.models.tagging import TaggedWindow, answers, tag_tensor
from attrex.models.text_encoders import MadeText, PretrainedText
from attrex.models.trained import Learnt, TrainedModel
from attrex.nn import crf, flops
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import Tokeniser

QUESTION = 64
"""Tokens of an attribute's name and description at most."""
TOKENS = 4096
"""Padded tokens encoded at once."""


@dataclass(frozen=True, slots=True)
class DescribedQuestion:
    """An attribute's tokens, with the separator behind."""

    name: str
    ids: tuple[int, ...]


class CrossNetwork(nn.Module):
    """``forward`` takes what ``CrossTagger.collate`` gives."""

    def __init__(self, tagger: SequenceTagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the weighted negative log likelihood, averaged over asks."""
        likelihood_N = crf.log_likelihood(self.tagger(Inputs.of(batch)), batch["tags_NT"])
        return {"loss": -(likelihood_N * batch["weight_N"]).mean()}


class CrossTagger:
    """The mechanism of the cross-encoder; see the module's text."""

    def __init__(self, scheme: TagScheme) -> None:
        self._scheme = scheme

    def assemble(self, text: MadeText, table: AttributeTable) -> CrossNetwork:
        decoder = own_decoders("softmax", attributes=1, tags=len(self._scheme.tags), width=text.width)
        return CrossNetwork(SequenceTagger(text.encoder, decoder))

    def prepare(self, learnt: Learnt[CrossNetwork], products: Sequence[Product]) -> list[PreparedText]:
        """Tokens only."""
        return [PreparedText(reading) for reading in read(products, learnt.tokeniser)]

    def describe(
        self, learnt: Learnt[CrossNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedQuestion]:
        """Tokens only; an attribute that was never seen is read like any other."""
        return [DescribedQuestion(a.name, _question(a, learnt.tokeniser)) for a in attributes]

    def answer(
        self, learnt: Learnt[CrossNetwork], asked: Sequence[tuple[PreparedText, DescribedQuestion]]
    ) -> list[Answer]:
        """Asks of like length are encoded together, each with its product."""

        def decode(batch: list[int]) -> list[Answer]:
            readings = [asked[at][0].reading for at in batch]
            questions = [asked[at][1] for at in batch]
            chain = learnt.network.tagger.read(readings, learnt.tokeniser, [q.ids for q in questions])
            return answers(chain, readings, [q.name for q in questions], self._scheme, learnt.trims)

        lengths = [len(w.reading) + len(w.reading.prefix) + len(question.ids) for w, question in asked]
        return in_batches(lengths, TOKENS, decode)

    def cost(
        self,
        learnt: Learnt[CrossNetwork],
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost:
        """Everything is the ask's: the encoder over attribute and text, and the tags."""
        network, tokeniser = learnt.network, learnt.tokeniser
        questions = [len(_question(attribute, tokeniser)) for attribute in attributes]
        lengths = [positions(readings[window], tokeniser, questions[attribute]) for window, attribute in asks]
        tags = sum(
            flops.linear(len(readings[window]), learnt.text.width, len(self._scheme.tags))
            for window, _ in asks
        )
        return Cost(answer=flops.text_encoder(network.tagger.encoder, lengths) + tags)

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        """One per ask."""
        return [replace(window, asks=(ask,)) for window in windows for ask in window.asks]

    def collate(self, learnt: Learnt[CrossNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        readings = [e.reading for e in examples]
        asks = [e.asks[0] for e in examples]
        questions = [_question(ask.attribute, learnt.tokeniser) for ask in asks]
        inputs = lay_out(readings, learnt.tokeniser, questions)
        lengths = [len(reading) for reading in readings]
        return {
            **inputs.tensors(),
            "tags_NT": tag_tensor(list(zip(asks, lengths, strict=True)), self._scheme, max(lengths)),
            "weight_N": torch.tensor([ask.weight for ask in asks]),
        }


def _question(attribute: Attribute, tokeniser: Tokeniser) -> tuple[int, ...]:
    """Name and description. Of a long description the beginning."""
    about = f"{attribute.name}: {attribute.description}" if attribute.description else attribute.name
    (reading,) = read([Product("", sources=(Source("", about),))], tokeniser, category=False)
    return (*reading.ids[:QUESTION], tokeniser.separator)


def build_cross_encoder(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    window: int = 224,
) -> TrainedModel[CrossNetwork]:
    """``base``, of BERT's kind, reads attribute and text in one sequence, its segment ids all 0."""
    arguments = dict(locals())
    return TrainedModel(
        "cross-encoder",
        arguments,
        text=PretrainedText(base, frozen_embeddings=frozen_embeddings),
        attributes=ListedAttributes("open"),
        mechanism=CrossTagger(SCHEMES[one_of("scheme", scheme, SCHEMES)]),
        window=window,
    )
