"""Tags over what was read and seen: of all attributes at once, or of one attribute at a time.

Each is a ``TagPart`` of ``models.unified``.

Legend: B products, T tokens, A attributes, K tags, X what is kept of a token, H features, N asks, L longest
span.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from attrex.core.tags import TagScheme
from attrex.errors import ConfigError
from attrex.models.attribute_parts import AttributeTable
from attrex.models.sequence_tagger import Decoding, one_decoder_chain, own_linear, own_transitions
from attrex.models.tag_sets import TagSets
from attrex.models.tagging import LONGEST, TaggedAsk, TaggedWindow, tag_tensor
from attrex.nn import crf
from attrex.nn.attribute_range import Policy, RangedTags, RangeHead
from attrex.nn.crf import Chain
from attrex.nn.decoders import Decoder, DecoderSource, begin_outside
from attrex.nn.joint import joint_marginals
from attrex.nn.unified import Seen


@dataclass(frozen=True, slots=True)
class Looked:
    """What a tag part makes of products: ``tokens_BTX``, which is kept, and the scores of the attribute range
    before the sigmoid, where it judges that."""

    tokens_BTX: Tensor
    range_BA: Tensor | None


class TagPart(Protocol):
    """``threshold``: attributes whose probability lies below are not asked for; None asks for all."""

    threshold: float | None

    def look(self, seen: Seen) -> Looked:
        """Attribute-free work."""
        ...

    def loss(self, looked: Looked, batch: dict[str, Tensor]) -> Tensor:
        """``(B,)``, of what ``labels`` gave."""
        ...

    def spans(self, tokens: Sequence[Tensor], asks: Tensor) -> tuple[Tensor, Tensor]:
        """As ``crf.span_marginals``; ``tokens``: what was kept, ``(T, X)`` each; ``asks``: row of its tokens
        and place of its attribute, ``(N, 2)``."""
        ...

    def labels(
        self, examples: Sequence[TaggedWindow], table: AttributeTable, width: int
    ) -> dict[str, Tensor]: ...


class Slots(Protocol):
    """From what was seen to what each token is tagged by, ``(B, T, H)``, and the scores of the attribute
    range ``(B, A)`` where it judges that."""

    def __call__(self, seen: Seen) -> tuple[Tensor, Tensor | None]: ...


Agreement = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From the tags' scores ``(B, T, K)``, the mask ``(B, T)`` and the range's scores ``(B, A)`` to a loss
``(B,)``: how far what is tagged and what is said to apply differ."""


class AllAttributes(nn.Module):
    """One tag sequence for all attributes (``models.tag_sets``): a token belongs to one of them, and what
    nobody has filled in counts as absent. The tags' scores are what is kept."""

    threshold: float | None = None

    def __init__(
        self,
        slots: nn.Module,
        *,
        width: int,
        attributes: int,
        decoding: Decoding,
        scheme: TagScheme,
        agreement: Agreement | None = None,
    ) -> None:
        super().__init__()
        self.slots, self.sets, self.agreement = slots, TagSets(attributes, scheme), agreement
        self.decoder = DecoderSource(
            begin_outside(own_linear(attributes=1, tags=self.sets.size, width=width)),
            own_transitions(decoding, attributes=1, tags=self.sets.size),
        )

    def look(self, seen: Seen) -> Looked:
        slots: Slots = self.slots
        features_BTH, range_BA = slots(seen)
        made = self._decoder(features_BTH.device)
        scores_BTK = nn.functional.linear(features_BTH, made.weight_AKD[0], made.bias_AK[0])
        return Looked(scores_BTK, range_BA)

    def _decoder(self, device: torch.device) -> Decoder:
        made: Decoder = self.decoder(torch.zeros(1, dtype=torch.long, device=device))
        return made

    def loss(self, looked: Looked, batch: dict[str, Tensor]) -> Tensor:
        scores_BTK, mask_BT = looked.tokens_BTX, batch["chain_NT"]
        chain = one_decoder_chain(self._decoder(scores_BTK.device), scores_BTK, mask_BT)
        loss_B = -crf.log_likelihood(chain, batch["tags_BT"])
        if self.agreement is not None and looked.range_BA is not None:
            loss_B = loss_B + self.agreement(scores_BTK, mask_BT, looked.range_BA)
        return loss_B

    def spans(self, tokens: Sequence[Tensor], asks: Tensor) -> tuple[Tensor, Tensor]:
        scores_BTK, mask_BT = _laid_out(tokens)
        chain = one_decoder_chain(self._decoder(asks.device), scores_BTK, mask_BT)
        return joint_marginals(chain, asks[:, 0], self.sets.joint(asks[:, 1]), LONGEST)

    def labels(
        self, examples: Sequence[TaggedWindow], table: AttributeTable, width: int
    ) -> dict[str, Tensor]:
        tags_BT = torch.zeros(len(examples), width, dtype=torch.long)
        for row, example in enumerate(examples):
            places = [(*s, table.places[ask.attribute.name]) for ask in example.asks for s in ask.spans]
            length = len(example.reading)
            tags_BT[row, :length] = torch.tensor(self.sets.encode(places, length))
        return {"tags_BT": tags_BT}


class ChosenAttributes(nn.Module):
    """PAR (ULS-DRAM 3.3): the attributes whose probability is above ``threshold`` are decoded, each by
    itself. The words' states are what is kept."""

    def __init__(
        self,
        policy: Policy,
        *,
        attributes: int,
        states: int,
        width: int,
        dropout: float,
        scheme: TagScheme,
        threshold: float,
    ) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ConfigError(f"model.arguments.threshold is {threshold:g}; it must lie in [0, 1]")
        self.threshold: float | None = threshold
        self.scheme = scheme
        self.head = RangeHead(states, attributes)
        self.tags = RangedTags(policy, width=width, dropout=dropout)

    def look(self, seen: Seen) -> Looked:
        return Looked(seen.states_BTD, self.head(seen.pooled_BD))

    def loss(self, looked: Looked, batch: dict[str, Tensor]) -> Tensor:
        product_N = batch["product_N"]
        loss_B = looked.tokens_BTX.new_zeros(len(looked.tokens_BTX))
        if not len(product_N):
            return loss_B
        mask_NT = batch["chain_NT"][product_N]
        chain: Chain = self.tags(looked.tokens_BTX[product_N], mask_NT, batch["attribute_N"])
        likelihood_N = crf.log_likelihood(chain, batch["tags_NT"]) * batch["weight_N"]
        return loss_B.index_add(0, product_N, -likelihood_N)

    def spans(self, tokens: Sequence[Tensor], asks: Tensor) -> tuple[Tensor, Tensor]:
        states_BTD, mask_BT = _laid_out(tokens)
        chain = self.tags(states_BTD[asks[:, 0]], mask_BT[asks[:, 0]], asks[:, 1])
        return crf.span_marginals(chain, self.scheme, LONGEST)

    def labels(
        self, examples: Sequence[TaggedWindow], table: AttributeTable, width: int
    ) -> dict[str, Tensor]:
        asks = [(at, ask) for at, example in enumerate(examples) for ask in example.asks if ask.weight > 0]
        lengths = [(ask, len(examples[at].reading)) for at, ask in asks]
        places = [table.places[ask.attribute.name] for _, ask in asks]
        return {
            "product_N": torch.tensor([at for at, _ in asks], dtype=torch.long),
            "attribute_N": torch.tensor(places, dtype=torch.long),
            "tags_NT": tag_tensor(lengths, self.scheme, width),
            "weight_N": torch.tensor([ask.weight for _, ask in asks], dtype=torch.float32),
        }


class NoTags(nn.Module):
    """For a model that scores known values alone: no word has a tag, and nothing of it is kept."""

    threshold: float | None = None

    def look(self, seen: Seen) -> Looked:
        return Looked(seen.states_BTD[:, :, :0], None)

    def loss(self, looked: Looked, batch: dict[str, Tensor]) -> Tensor:
        return looked.tokens_BTX.new_zeros(len(looked.tokens_BTX))

    def spans(self, tokens: Sequence[Tensor], asks: Tensor) -> tuple[Tensor, Tensor]:
        longest = max(len(own) for own in tokens)
        never_NTL = torch.full((len(asks), longest, 1), -torch.inf, device=asks.device)
        return never_NTL, torch.zeros(len(asks), device=asks.device)

    def labels(
        self, examples: Sequence[TaggedWindow], table: AttributeTable, width: int
    ) -> dict[str, Tensor]:
        return {}


def decoded(windows: Sequence[TaggedWindow], epoch: int, others: int, *, head: bool) -> list[TaggedWindow]:
    """For ``ChosenAttributes``: the windows with all asks of which a value is known, and of each ``others``
    more, drawn anew each epoch: the range may be wrong, and the decoder must be able to answer nothing. Those
    that are not decoded weigh nothing, and stay for the range to learn.

    A value that stands nowhere is a doubtful "nothing" to a tagger that is alone, and weighs little. Beside a
    value ``head``, which answers it, it weighs in full: else the tagger takes what the head knows better
    ("Shoes", where the cells have "Casual Shoes").
    """
    chance = random.Random(f"range/{epoch}")  # noqa: S311 - no secret depends on it
    return [_drawn(window, others, chance, head) for window in windows]


def _drawn(window: TaggedWindow, others: int, chance: random.Random, head: bool) -> TaggedWindow:
    without = [at for at, ask in enumerate(window.asks) if not (ask.spans or ask.unlocated)]
    left = set(without) - set(chance.sample(without, min(others, len(without))))

    def weighed(at: int, ask: TaggedAsk) -> TaggedAsk:
        if at in left:
            return replace(ask, weight=0.0)
        return replace(ask, weight=1.0) if head and ask.unlocated else ask

    return replace(window, asks=tuple(weighed(at, ask) for at, ask in enumerate(window.asks)))


def _laid_out(tokens: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Rows of like width side by side ``(B, T, X)``, and which are real."""
    tokens_BTX = nn.utils.rnn.pad_sequence(list(tokens), batch_first=True)
    lengths_B1 = torch.tensor([[len(own)] for own in tokens], device=tokens_BTX.device)
    mask_BT = torch.arange(tokens_BTX.shape[1], device=tokens_BTX.device) < lengths_B1
    return tokens_BTX, mask_BT


def range_tensors(examples: Sequence[TaggedWindow], table: AttributeTable) -> dict[str, Tensor]:
    """``has_BA`` and ``known_BA`` for ``nn.attribute_range.range_loss``: a product has an attribute of which
    a value is known, wherever it stands."""
    has_BA = torch.zeros(len(examples), len(table.names))
    known_BA = torch.zeros(len(examples), len(table.names))
    for row, example in enumerate(examples):
        for ask in example.asks:
            place = table.places[ask.attribute.name]
            known_BA[row, place] = 1
            has_BA[row, place] = float(bool(ask.spans or ask.unlocated))
    return {"has_BA": has_BA, "known_BA": known_BA}
