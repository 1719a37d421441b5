"""The "N tag sets" of AdaTag §4.3: one tag sequence, in which every attribute has a B, I and E of its own.

``prepare`` gives the scores of all tags, ``answer`` reads one attribute's off. One tag a token means that
values of two attributes cannot overlap: of labels that do, the longest is learnt, then the first. And it
means that what is unknown counts as absent, as in the paper: a token that no label covers is O, whichever
attributes of the product nobody has filled in.

Legend: B products, N windows, T tokens, A attributes, K tags of all together, X asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product
from attrex.core.tags import TagScheme
from attrex.models.attribute_parts import AttributeTable
from attrex.models.inputs import Inputs, encoded, in_batches, lay_out, positions
from attrex.models.interface import Cost
from attrex.models.sequence_tagger import (
    Decoding,
    DescribedPlace,
    SequenceTagger,
    describe_places,
    one_decoder_chain,
    own_decoders,
)
from attrex.models.tagging import LONGEST, TaggedWindow, proposed
from attrex.models.text_encoders import MadeText
from attrex.models.trained import Learnt
from attrex.nn import crf, flops
from attrex.nn.crf import Chain
from attrex.nn.decoders import Decoder
from attrex.nn.joint import JointTags, joint_marginals
from attrex.nn.threads import one_thread
from attrex.text.reading import Reading, read

PREPARED_TOKENS = 4096
"""Padded tokens encoded at once."""
CHAIN_TOKENS = 65_536
"""Tokens x asks decoded at once."""


class TagSets:
    """The tags of several attributes side by side: O first, then each attribute's others."""

    def __init__(self, attributes: int, scheme: TagScheme) -> None:
        self.attributes, self.scheme = attributes, scheme
        self._own = [tag for tag in scheme.tags if tag != "O"]

    @property
    def size(self) -> int:
        """K."""
        return 1 + self.attributes * len(self._own)

    def tags_of(self, attribute: int) -> list[int]:
        """The attribute's own tags."""
        first = 1 + attribute * len(self._own)
        return list(range(first, first + len(self._own)))

    def encode(self, spans: Iterable[tuple[int, int, int]], length: int) -> list[int]:
        """Tags of ``length`` tokens for ``(start, end, attribute)``. Of spans that overlap the longest
        stays, then the first."""
        tags = [0] * length
        for start, end, attribute in sorted(spans, key=lambda s: (s[0] - s[1], s)):
            if not any(tags[start:end]):
                own = dict(zip(self._own, self.tags_of(attribute), strict=True))
                tags[start:end] = [own[self.scheme.tags[t]] for t in self.scheme.pattern(end - start)]
        return tags

    def joint(self, attribute_X: Tensor) -> JointTags:
        """The tags of asks for attributes."""
        own_AK = torch.zeros(self.attributes, self.size, dtype=torch.bool)
        runs_on_KK = torch.zeros(self.size, self.size, dtype=torch.bool)
        begin, inside, *closing = (self._own.index(tag) for tag in ("B", "I", "E") if tag in self._own)
        for attribute in range(self.attributes):
            tags = self.tags_of(attribute)
            own_AK[attribute, tags] = True
            # After E nothing runs on, whatever comes: an E or I there opens anew.
            for running in (begin, inside):
                runs_on_KK[tags[running], [tags[on] for on in (inside, *closing)]] = True
        first_X = 1 + attribute_X * len(self._own)
        device = attribute_X.device
        return JointTags(
            first_X + begin,
            first_X + inside,
            first_X + (closing or [inside])[0],
            own_AK.to(device)[attribute_X],
            runs_on_KK.to(device),
        )


@dataclass(frozen=True, slots=True)
class PreparedScores:
    """A window's tokens and the scores ``(T, K)`` of all attributes' tags."""

    reading: Reading
    emissions_TK: Tensor


class TagSetNetwork(nn.Module):
    """``forward`` takes what ``TagSetTagger.collate`` gives; ``sets``: what the tags mean."""

    def __init__(self, tagger: SequenceTagger, table: AttributeTable, sets: TagSets) -> None:
        super().__init__()
        self.tagger, self.table, self.sets = tagger, table, sets

    def chain(self, windows: Sequence[PreparedScores]) -> Chain:
        """The windows' chains over all attributes' tags. Records that were kept are not where the network
        is."""
        device = next(self.parameters()).device
        emissions = [window.emissions_TK for window in windows]
        emissions_NTK = nn.utils.rnn.pad_sequence(emissions, batch_first=True).to(device)
        lengths_N1 = torch.tensor([[len(e)] for e in emissions], device=device)
        mask_NT = torch.arange(emissions_NTK.shape[1], device=device) < lengths_N1
        decoder: Decoder = self.tagger.decoder(torch.zeros(1, dtype=torch.long, device=device))
        return one_decoder_chain(decoder, emissions_NTK, mask_NT)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the negative log likelihood, averaged over products."""
        return {"loss": -crf.log_likelihood(self.tagger(Inputs.of(batch)), batch["tags_BT"]).mean()}


class TagSetTagger:
    """The mechanism of "N tag sets"; see the module's text."""

    record_types = (PreparedScores, DescribedPlace)

    def __init__(self, decoding: Decoding, scheme: TagScheme) -> None:
        self._decoding, self._scheme = decoding, scheme

    def assemble(self, text: MadeText, table: AttributeTable) -> TagSetNetwork:
        sets = TagSets(len(table.names), self._scheme)
        decoder = own_decoders(self._decoding, attributes=1, tags=sets.size, width=text.width)
        return TagSetNetwork(SequenceTagger(text.encoder, decoder), table, sets)

    def prepare(self, learnt: Learnt[TagSetNetwork], products: Sequence[Product]) -> list[PreparedScores]:
        """The scores of all attributes' tags, once a window."""

        def scores(some: list[Reading]) -> Tensor:
            return learnt.network.tagger.read(some, learnt.tokeniser).emissions_NTK

        readings = read(products, learnt.tokeniser)
        return [
            PreparedScores(reading, own_TK)
            for reading, own_TK in zip(readings, encoded(readings, PREPARED_TOKENS, scores), strict=True)
        ]

    def describe(
        self, learnt: Learnt[TagSetNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedPlace | None]:
        return describe_places(learnt.table, attributes)

    def answer(
        self, learnt: Learnt[TagSetNetwork], asked: Sequence[tuple[PreparedScores, DescribedPlace]]
    ) -> list[Answer]:
        """Asks are decoded together by length of their window, those of one window by one chain."""

        def decode(batch: list[int]) -> list[Answer]:
            with one_thread():
                return self._decode(learnt, [asked[at] for at in batch])

        return in_batches([len(window.reading) for window, _ in asked], CHAIN_TOKENS, decode)

    def _decode(
        self, learnt: Learnt[TagSetNetwork], asked: Sequence[tuple[PreparedScores, DescribedPlace]]
    ) -> list[Answer]:
        windows = {id(window): window for window, _ in asked}
        row = {key: at for at, key in enumerate(windows)}
        chain = learnt.network.chain(list(windows.values()))
        window_X = torch.tensor([row[id(window)] for window, _ in asked], device=learnt.device)
        attribute_X = torch.tensor([described.place for _, described in asked], device=learnt.device)
        tags = learnt.network.sets.joint(attribute_X)
        marginals_XTL, none_X = joint_marginals(chain, window_X, tags, LONGEST)
        readings = [window.reading for window, _ in asked]
        names = [described.name for _, described in asked]
        return proposed(marginals_XTL, none_X, readings, names, learnt.trims)

    def cost(
        self,
        learnt: Learnt[TagSetNetwork],
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost:
        """Everything is the window's: the encoder, and the scores of all attributes' tags."""
        lengths = [positions(reading, learnt.tokeniser) for reading in readings]
        tags, width = learnt.network.sets.size, learnt.text.width
        scores = sum(flops.linear(len(reading), width, tags) for reading in readings)
        return Cost(prepare=flops.text_encoder(learnt.text.encoder, lengths) + scores)

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        return windows

    def collate(self, learnt: Learnt[TagSetNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        inputs = lay_out([e.reading for e in examples], learnt.tokeniser)
        tags_BT = torch.zeros(inputs.chain_NT.shape, dtype=torch.long)
        places, sets = learnt.table.places, learnt.network.sets
        for row, example in enumerate(examples):
            spans = [(*span, places[ask.attribute.name]) for ask in example.asks for span in ask.spans]
            length = len(example.reading)
            tags_BT[row, :length] = torch.tensor(sets.encode(spans, length))
        return {**inputs.tensors(), "tags_BT": tags_BT}
