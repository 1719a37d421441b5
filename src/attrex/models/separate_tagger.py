"""The "N models" of AdaTag §4.3: each attribute has an encoder and a decoder to itself. With one table of
word embeddings for all encoders, BiLSTM-CRF-SharedEmb.

They are trained side by side, in batches of the same products. Adam scales each parameter by its own
gradients and passes over those that a batch does not touch, so that this is as good as training them one
after another, as long as gradients are not clipped together (``training.clip: 0``). They stop at the
same epoch.

Nothing but tokens can be prepared, and each ask costs a whole encoding.

Legend: N asks, T tokens.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product
from attrex.core.tags import TagScheme
from attrex.models.attribute_parts import AttributeTable
from attrex.models.inputs import Inputs, in_batches, positions
from attrex.models.interface import Cost
from attrex.models.sequence_tagger import (
    Decoding,
    DescribedPlace,
    PreparedText,
    SequenceTagger,
    describe_places,
    own_decoders,
)
from attrex.models.tagging import TaggedWindow, answers, ask_tensors
from attrex.models.text_encoders import MadeText
from attrex.models.trained import Learnt
from attrex.nn import crf, flops
from attrex.nn.crf import Chain
from attrex.text.reading import Reading, read

Words = Literal["own", "shared"]
TOKENS = 4096
"""Padded tokens encoded at once."""


def copies(encoder: nn.Module, count: int, words: Words) -> list[nn.Module]:
    """So many encoders like this one. They share what is frozen, and with ``words`` "shared" the tables of
    word embeddings too."""
    tables = [m for m in encoder.modules() if isinstance(m, nn.Embedding)] if words == "shared" else []
    frozen = [p for p in encoder.parameters() if not p.requires_grad]
    return [copy.deepcopy(encoder, {id(each): each for each in (*tables, *frozen)}) for _ in range(count)]


class SeparateNetwork(nn.Module):
    """``forward`` takes what ``SeparateTagger.collate`` gives."""

    def __init__(self, taggers: Sequence[SequenceTagger], table: AttributeTable) -> None:
        super().__init__()
        self.taggers, self.table = nn.ModuleList(taggers), table

    @property
    def each(self) -> list[SequenceTagger]:
        """The attributes' models, in the order of the table."""
        return [tagger for tagger in self.taggers if isinstance(tagger, SequenceTagger)]

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: as ``LateNetwork``'s, each attribute's part from its own model."""
        inputs = Inputs.of(batch)
        loss = batch["weight_N"].new_zeros(())
        for place in torch.unique(batch["attribute_N"]).tolist():
            asks = batch["attribute_N"] == place
            chain: Chain = self.each[place](inputs.rows(batch["product_N"][asks]))
            likelihood_N = crf.log_likelihood(chain, batch["tags_NT"][asks])
            loss = loss - (likelihood_N * batch["weight_N"][asks]).sum()
        return {"loss": loss / len(inputs.ids_NS)}


class SeparateTagger:
    """The mechanism of "N models"; see the module's text."""

    def __init__(self, words: Words, decoding: Decoding, scheme: TagScheme) -> None:
        self._words, self._decoding, self._scheme = words, decoding, scheme

    def assemble(self, text: MadeText, table: AttributeTable) -> SeparateNetwork:
        tags = len(self._scheme.tags)
        taggers = [
            SequenceTagger(encoder, own_decoders(self._decoding, attributes=1, tags=tags, width=text.width))
            for encoder in copies(text.encoder, len(table.names), self._words)
        ]
        return SeparateNetwork(taggers, table)

    def prepare(self, learnt: Learnt[SeparateNetwork], products: Sequence[Product]) -> list[PreparedText]:
        """Tokens only."""
        return [PreparedText(reading) for reading in read(products, learnt.tokeniser)]

    def describe(
        self, learnt: Learnt[SeparateNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedPlace | None]:
        return describe_places(learnt.table, attributes)

    def answer(
        self, learnt: Learnt[SeparateNetwork], asked: Sequence[tuple[PreparedText, DescribedPlace]]
    ) -> list[Answer]:
        """Each attribute's asks go through its own model."""
        own: defaultdict[int, list[int]] = defaultdict(list)
        for at, (_, described) in enumerate(asked):
            own[described.place].append(at)
        made: dict[int, Answer] = {}
        for place, chosen in own.items():
            answered = self._through(learnt, place, [asked[at][0].reading for at in chosen])
            made.update(zip(chosen, answered, strict=True))
        return [made[at] for at in range(len(asked))]

    def _through(
        self, learnt: Learnt[SeparateNetwork], place: int, readings: Sequence[Reading]
    ) -> list[Answer]:
        tagger, name = learnt.network.each[place], learnt.table.names[place]

        def decode(batch: list[int]) -> list[Answer]:
            chosen = [readings[at] for at in batch]
            chain = tagger.read(chosen, learnt.tokeniser)
            return answers(chain, chosen, [name] * len(chosen), self._scheme, learnt.trims)

        return in_batches([len(r) + len(r.prefix) for r in readings], TOKENS, decode)

    def cost(
        self,
        learnt: Learnt[SeparateNetwork],
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost:
        """Everything is the ask's: the attribute's own encoder, and the tags. All encoders are alike."""
        lengths = [positions(readings[window], learnt.tokeniser) for window, _ in asks]
        tags = sum(
            flops.linear(len(readings[window]), learnt.text.width, len(self._scheme.tags))
            for window, _ in asks
        )
        return Cost(answer=flops.text_encoder(learnt.text.encoder, lengths) + tags)

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        return windows

    def collate(self, learnt: Learnt[SeparateNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        return ask_tensors(examples, learnt.tokeniser, learnt.table.places, self._scheme)
