"""The mechanism of ULS-DRAM and of its rivals: text and picture are encoded once, as one, then tagged.

``prepare`` does all that needs no attribute: the encoders, the attribute range, the tags' scores or the
states they are made from, and the probabilities of all known values. ``answer`` decodes what is asked and in
range.

Legend: B products, T tokens, A attributes, C classes of known values, X what is kept of a token, N asks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product, Span
from attrex.models.attribute_parts import AttributeTable
from attrex.models.inputs import Inputs, in_batches, lay_out
from attrex.models.interface import Grid
from attrex.models.known_values import KnownValuesTable, class_tensors, with_known
from attrex.models.pictured_text import picture_tensors, see
from attrex.models.sequence_tagger import DescribedPlace, describe_places
from attrex.models.tagging import TaggedWindow, is_pictured, proposed
from attrex.models.text_encoders import MadeText
from attrex.models.trained import Learnt
from attrex.models.unified_tags import TagPart, decoded, range_tensors
from attrex.nn.attribute_range import range_loss
from attrex.nn.text_guided import TextGuided
from attrex.nn.threads import one_thread
from attrex.nn.unified import UnifiedEncoder
from attrex.nn.value_head import ShownWords, ValueScorer, value_loss
from attrex.text.reading import Reading, read

PREPARED_TOKENS = 4096
"""Padded tokens encoded at once."""
PICTURE = 64
"""What a picture counts for among them: 64 pictures go through a vision encoder at once."""
CHAIN_TOKENS = 65_536
"""Tokens x asks decoded at once."""
APPLIES = 0.5
"""Below it an attribute counts as not applicable to everyone who reads ``Answer.applicable``."""

MakeEncoder = Callable[[MadeText], UnifiedEncoder]
MakeTags = Callable[[MadeText, AttributeTable], nn.Module]
"""From the text part and the attributes to a ``TagPart``."""
MakeValues = Callable[[int, Sequence[int]], nn.Module]
"""From the width of the states and the number of each attribute's values to a ``ValueScorer``."""


@dataclass(frozen=True, slots=True)
class PreparedProduct:
    """A window, what is kept of its tokens ``(T, X)``, the probability of each attribute that it applies, and
    those of all known values ``(C,)``. Of a picture without a text, which is ``seen``, there is one token
    that nothing is read off."""

    reading: Reading
    tokens_TX: Tensor
    range: tuple[float, ...] | None
    values_C: Tensor | None
    seen: int = 0


class UnifiedNetwork(nn.Module):
    """``forward`` takes what ``UnifiedTagger.collate`` gives."""

    def __init__(
        self,
        encoder: UnifiedEncoder,
        tags: nn.Module,
        values: nn.Module | None,
        table: AttributeTable,
        shown: ShownWords | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.tags, self.values, self.table = encoder, tags, values, table
        self.shown = shown

    @property
    def part(self) -> TagPart:
        """The tags' part."""
        part: TagPart = self.tags  # type: ignore[assignment]  # a module that is one
        return part

    @property
    def scorer(self) -> ValueScorer:
        """The value head, which there must be."""
        assert self.values is not None
        scorer: ValueScorer = self.values  # type: ignore[assignment]  # a module that is one
        return scorer

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the tags' negative log likelihood, the binary cross-entropy of the attribute range and
        the cross-entropy of each opinion of the values and of the words that a picture shows, summed over
        what is known of a product, averaged over products."""
        seen = see(self.encoder, Inputs.of(batch), batch)
        looked = self.part.look(seen)
        loss_B = self.part.loss(looked, batch)
        if looked.range_BA is not None:
            loss_B = loss_B + range_loss(looked.range_BA, batch["has_BA"], batch["known_BA"])
        if self.values is not None:
            known = [batch[name] for name in ("class_product_M", "class_M", "class_weight_M")]
            opinions = [*self.scorer.opinions(seen)]
            if self.shown is not None:
                words, joiner = self.encoder.words, self.encoder.joiner
                whole_BPD = seen.patches_BPD + seen.picture_BD.unsqueeze(1)
                opinions.append(self.shown(words.embed, joiner, whole_BPD, seen.mask_BP))
            for logarithms_BC in opinions:
                loss_B = loss_B + value_loss(logarithms_BC, *known)
        return {"loss": loss_B.mean()}


class UnifiedTagger:
    """See the module's text. ``values``: makes a value head, None for a model without one;
    ``others``: of ``unified_tags.decoded``, None decodes what every ask says."""

    record_types = (PreparedProduct, DescribedPlace)
    concurrent: Literal[True] = True

    def __init__(
        self, encoder: MakeEncoder, tags: MakeTags, *, values: MakeValues | None, others: int | None = None
    ) -> None:
        self._encoder, self._tags, self._values, self._others = encoder, tags, values, others
        # What a picture shows is known by the value head alone.
        self.sees_alone = values is not None

    def assemble(self, text: MadeText, table: AttributeTable) -> UnifiedNetwork:
        assert isinstance(table, KnownValuesTable)
        sizes = [len(own) for own in table.values]
        values = None if self._values is None else self._values(text.width, sizes)
        encoder, shown = self._encoder(text), None
        if values is not None and isinstance(encoder.joiner, TextGuided):
            tokens = [text.tokeniser.encode(list(own)) for own in table.values]
            shown = ShownWords([[each.ids for each in own] for own in tokens])
        return UnifiedNetwork(encoder, self._tags(text, table), values, table, shown)

    def prepare(self, learnt: Learnt[UnifiedNetwork], products: Sequence[Product]) -> list[PreparedProduct]:
        """The encoders, the range and the values, once a window."""
        readings = read(products, learnt.tokeniser)
        seen = [self.sees_alone and is_pictured(product) for product in products]
        live = [at for at, reading in enumerate(readings) if len(reading) or seen[at]]

        def make(batch: list[int]) -> list[PreparedProduct]:
            chosen = [live[at] for at in batch]
            return _prepared(learnt, [readings[at] for at in chosen], [products[at] for at in chosen])

        lengths = [
            len(readings[at]) + len(readings[at].prefix) + PICTURE * bool(products[at].pictures)
            for at in live
        ]
        made = dict(zip(live, in_batches(lengths, PREPARED_TOKENS, make), strict=True))
        nothing = torch.zeros(0, 1)
        return [made.get(at) or PreparedProduct(r, nothing, None, None) for at, r in enumerate(readings)]

    def describe(
        self, learnt: Learnt[UnifiedNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedPlace | None]:
        return describe_places(learnt.table, attributes)

    def answer(
        self, learnt: Learnt[UnifiedNetwork], asked: Sequence[tuple[PreparedProduct, DescribedPlace]]
    ) -> list[Answer]:
        """What lies out of range is answered by "none"; the rest is decoded together by length."""
        threshold = learnt.network.part.threshold
        made: dict[int, Answer] = {}
        for at, (window, described) in enumerate(asked):
            if threshold is not None and window.range is not None:
                applies = window.range[described.place]
                if applies <= threshold:
                    made[at] = Answer((), 1 - applies, _told(applies, threshold))
        inside = [at for at in range(len(asked)) if at not in made]

        def decode(batch: list[int]) -> list[Answer]:
            with one_thread():
                return _decoded(learnt, [asked[inside[at]] for at in batch])

        found = in_batches([len(asked[at][0].reading) for at in inside], CHAIN_TOKENS, decode)
        made.update(zip(inside, found, strict=True))
        return [made[at] for at in range(len(asked))]

    def attention(self, learnt: Learnt[UnifiedNetwork], product: Product, span: Span | None) -> Grid | None:
        """See ``interface.Attending``: TIR's map, or that of the language encoder's first layer."""
        (reading,) = read([product], learnt.tokeniser)
        tokens = (0, len(reading)) if span is None else reading.tokens(span)
        if not len(reading) or tokens is None:
            return None
        batch = {name: tensor.to(learnt.device) for name, tensor in picture_tensors([product]).items()}
        if int(batch["picture_B"][0]) < 0:
            return None
        inputs = lay_out([reading], learnt.tokeniser).to(learnt.device)
        weights_BTP = learnt.network.encoder.attention(
            inputs.ids_NS,
            inputs.mask_NS,
            (inputs.position_NT, inputs.chain_NT),
            (batch["pixels_CGG3"], batch["picture_B"]),
        )
        if weights_BTP is None:
            return None
        weights_P = weights_BTP[0, slice(*tokens)].mean(0)
        if not weights_P.sum() > 0:  # as printed, Eq. 4 may find nothing but what it turns away from
            return None
        side = math.isqrt(len(weights_P))
        grid: list[list[float]] = (weights_P / weights_P.sum()).view(side, side).tolist()
        return grid

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        if self._others is None:
            return windows
        return decoded(windows, epoch, self._others, head=self._values is not None)

    def collate(self, learnt: Learnt[UnifiedNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        inputs = lay_out([example.reading for example in examples], learnt.tokeniser, at_least=1)
        network, table = learnt.network, learnt.table
        assert isinstance(table, KnownValuesTable)
        return {
            **inputs.tensors(),
            **picture_tensors([example.product for example in examples]),
            **range_tensors(examples, table),
            **network.part.labels(examples, table, inputs.chain_NT.shape[1]),
            **({} if network.values is None else class_tensors(examples, table, network.scorer.first)),
        }


def _prepared(
    learnt: Learnt[UnifiedNetwork], readings: Sequence[Reading], products: Sequence[Product]
) -> list[PreparedProduct]:
    network, device = learnt.network, learnt.device
    inputs = lay_out(readings, learnt.tokeniser, at_least=1).to(device)
    pictures = {name: tensor.to(device) for name, tensor in picture_tensors(products).items()}
    seen = see(network.encoder, inputs, pictures)
    looked = network.part.look(seen)
    ranges = None if looked.range_BA is None else looked.range_BA.sigmoid().tolist()
    values_BC = None
    if network.values is not None:
        values_BC = network.scorer(seen).exp()
    return [
        PreparedProduct(
            reading,
            looked.tokens_BTX[at, : max(1, len(reading))],
            None if ranges is None else tuple(ranges[at]),
            None if values_BC is None else values_BC[at],
            seen=int(pictures["picture_B"][at] >= 0),
        )
        for at, reading in enumerate(readings)
    ]


def _decoded(
    learnt: Learnt[UnifiedNetwork], asked: Sequence[tuple[PreparedProduct, DescribedPlace]]
) -> list[Answer]:
    network, table = learnt.network, learnt.table
    assert isinstance(table, KnownValuesTable)
    windows = {id(window): window for window, _ in asked}
    row = {key: at for at, key in enumerate(windows)}
    tokens = [window.tokens_TX.to(learnt.device) for window in windows.values()]
    asks_N2 = torch.tensor([[row[id(w)], d.place] for w, d in asked], device=learnt.device)
    marginals_NTL, none_N = network.part.spans(tokens, asks_N2)
    mute_N = torch.tensor([not len(window.reading) for window, _ in asked], device=learnt.device)
    marginals_NTL = marginals_NTL.masked_fill(mute_N.view(-1, 1, 1), -torch.inf)
    none_N = none_N.masked_fill(mute_N, 0.0)
    readings, names = [window.reading for window, _ in asked], [described.name for _, described in asked]
    tagged = proposed(marginals_NTL, none_N, readings, names, learnt.trims)
    threshold = network.part.threshold
    made: list[Answer] = []
    for answer, (window, described) in zip(tagged, asked, strict=True):
        candidates, none, place = answer.candidates, answer.none_score or 0.0, described.place
        if network.values is not None and window.values_C is not None:
            first, known = network.scorer.first[place], table.known[place]
            own_W = window.values_C[first : first + 1 + len(known.values)].tolist()
            candidates, none = with_known(candidates, none, known, own_W, window.reading)
        applies = None
        if threshold is not None and window.range is not None:
            applies = _told(window.range[place], threshold)
        made.append(Answer(candidates, none, applies))
    return made


def _told(applies: float, threshold: float) -> float:
    """The probability as others read it, who take one half for the border."""
    if applies <= threshold:
        return min(applies, APPLIES - 1e-6)
    return max(applies, APPLIES)
