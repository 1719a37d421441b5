"""Taggers that encode text and attribute apart, with one encoder, and let the two meet in a head.

DiPair, VIRT and MixEncoder are this mechanism with other heads (``nn.late_interaction``): ``prepare`` is the
encoder over the text, ``describe`` the encoder over the attribute's words, ``answer`` the head. One set of
tags serves all attributes.

Legend: B windows, A attributes, N asks, T tokens of a text, Q tokens of an attribute, V vectors of an
attribute, D the encoder's width, X and Y what is kept of a token and of a vector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from attrex.core import Answer, Attribute, Product
from attrex.core.tags import SCHEMES, TagScheme
from attrex.errors import ConfigError
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import AttributeTable, ListedAttributes
from attrex.models.inputs import Inputs, check_positions, encoded, in_batches, lay_out, positions
from attrex.models.interface import Cost
from attrex.models.questions import questions, tell_long
from attrex.models.sequence_tagger import Decoding, chain_of, own_decoders
from attrex.models.tagging import TaggedWindow, answers, ask_tensors
from attrex.models.text_encoders import MadeText, Shapes, TextPart, pretrained_text
from attrex.models.trained import Learnt, TrainedModel
from attrex.nn import crf, flops
from attrex.nn.crf import Chain
from attrex.nn.decoders import DecoderSource
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder, padded
from attrex.nn.late_interaction import Interaction
from attrex.nn.layered import hidden_states, layered
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import Tokeniser

ENCODED_TOKENS = 4096
"""Padded tokens encoded at once. Not tuned."""
MET_TOKENS = 8192
"""Tokens of text and attribute that meet at once, twice as many with padding at most: what bounds the
memory of thousands of asks. Not tuned."""


@dataclass(frozen=True, slots=True)
class PreparedVectors:
    """A window and what the head keeps of its tokens ``(T, X)``."""

    reading: Reading
    vectors_TX: Tensor


@dataclass(frozen=True, slots=True)
class DescribedVectors:
    """An attribute and what the head keeps of it ``(V, Y)``."""

    name: str
    vectors_VY: Tensor


class Tower(nn.Module):
    """An encoder that shows all its hidden states."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        assert isinstance(encoder, PretrainedEncoder | ShapedEncoder)
        self.encoder, self.layers = encoder, layered(encoder.body)

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> list[Tensor]:
        """``(B, T, D)`` each: the first layer's input, and the output of every layer."""
        states = hidden_states(self.layers, self.encoder.embed(ids_BT), mask_BT)
        return [*(each_BTD.float() for each_BTD in states[:-2]), states[-1]]

    def check(self, window: int, question: int, tokeniser: Tokeniser) -> None:
        """Raises ``ConfigError`` where a text of so many tokens, its category and so many tokens of a
        question are more than the encoder has positions."""
        check_positions(self.layers.longest, window, question, tokeniser)


@dataclass(frozen=True, slots=True)
class Met:
    """What went through the towers in a step of training: the hidden states of the texts' own tokens
    ``(B, T, D)`` and those of the attributes ``(A, Q, D)`` with their mask."""

    tower: Tower
    context: Sequence[Tensor]
    attribute: Sequence[Tensor]
    mask_AQ: Tensor


class Teacher(Protocol):
    """What takes part in training only; a ``TrainingOnly`` module."""

    def tensors(self, examples: Sequence[TaggedWindow], tokeniser: Tokeniser) -> dict[str, Tensor]:
        """What it needs of a batch beside the rest."""
        ...

    def __call__(self, batch: Mapping[str, Tensor], met: Met) -> Tensor:
        """What is added to the loss, summed over asks."""
        ...


class Taught(nn.Module):
    """A text encoder and its teacher, which there is while it is trained."""

    encoder: nn.Module
    teacher: Teacher

    def __init__(self, encoder: nn.Module, teacher: Teacher) -> None:
        super().__init__()
        self.encoder = encoder
        self.teacher = teacher


class LateInteractionNetwork(nn.Module):
    """``forward`` takes what ``LateInteraction.collate`` gives."""

    def __init__(
        self, tower: Tower, interaction: Interaction, decoder: DecoderSource, teacher: Teacher | None
    ) -> None:
        super().__init__()
        self.tower, self.interaction, self.decoder = tower, interaction, decoder
        self.teacher = teacher

    def context(self, inputs: Inputs) -> Tensor:
        """What the head keeps of texts ``(B, T, X)``."""
        return self._kept(self._states(inputs), inputs.chain_NT)

    def _states(self, inputs: Inputs) -> list[Tensor]:
        return [inputs.text_states(states) for states in self.tower(inputs.ids_NS, inputs.mask_NS)]

    def _kept(self, states: Sequence[Tensor], mask_BT: Tensor) -> Tensor:
        return self.interaction.context([states[at] for at in self.interaction.layers], mask_BT)

    def attribute(self, ids_AQ: Tensor, mask_AQ: Tensor) -> tuple[Tensor, Tensor]:
        """What the head keeps of attributes ``(A, V, Y)``, and the mask of the real vectors."""
        return self.interaction.attribute(self.tower(ids_AQ, mask_AQ)[-1], mask_AQ)

    def chain(self, context_NTX: Tensor, mask_NT: Tensor, attribute_NVY: Tensor, mask_NV: Tensor) -> Chain:
        """The tags of texts in sight of their attributes."""
        states_NTW = self.interaction(context_NTX, mask_NT, attribute_NVY, mask_NV)
        return chain_of(self.decoder, states_NTW, mask_NT)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the negative log likelihood, weighted, summed over a window's asks and averaged over
        windows; the teacher's part likewise."""
        inputs = Inputs.of(batch)
        context = self._states(inputs)
        attribute = self.tower(batch["question_AQ"], batch["question_mask_AQ"])
        vectors_AVY, mask_AV = self.interaction.attribute(attribute[-1], batch["question_mask_AQ"])
        product_N, attribute_N = batch["product_N"], batch["attribute_N"]
        chain = self.chain(
            self._kept(context, inputs.chain_NT)[product_N],
            inputs.chain_NT[product_N],
            vectors_AVY[attribute_N],
            mask_AV[attribute_N],
        )
        loss = -(crf.log_likelihood(chain, batch["tags_NT"]) * batch["weight_N"]).sum()
        if self.teacher is not None:
            loss = loss + self.teacher(batch, Met(self.tower, context, attribute, batch["question_mask_AQ"]))
        return {"loss": loss / len(inputs.ids_NS)}


MakeHead = Callable[[int, int], Interaction]
"""From the encoder's width D and the number of its layers."""


class LateInteraction:
    """The mechanism; see the module's text."""

    record_types = (PreparedVectors, DescribedVectors)

    def __init__(self, head: MakeHead, scheme: TagScheme, decoding: Decoding, *, window: int) -> None:
        self._head, self._scheme, self._decoding, self._window = head, scheme, decoding, window

    def assemble(self, text: MadeText, table: AttributeTable) -> LateInteractionNetwork:
        encoder: nn.Module = text.encoder
        teacher: Teacher | None = None
        if isinstance(encoder, Taught):
            teacher = encoder.teacher
            encoder = encoder.encoder
        tower = Tower(encoder)
        tower.check(self._window, 0, text.tokeniser)
        head = self._head(text.width, tower.layers.depth)
        decoder = own_decoders(self._decoding, attributes=1, tags=len(self._scheme.tags), width=head.width)
        return LateInteractionNetwork(tower, head, decoder, teacher)

    def prepare(
        self, learnt: Learnt[LateInteractionNetwork], products: Sequence[Product]
    ) -> list[PreparedVectors]:
        """The encoder over the text, and all that the head makes of it, once a window."""

        def context(some: list[Reading]) -> Tensor:
            return learnt.network.context(lay_out(some, learnt.tokeniser).to(learnt.device))

        readings = read(products, learnt.tokeniser)
        return [
            PreparedVectors(reading, own_TX)
            for reading, own_TX in zip(readings, encoded(readings, ENCODED_TOKENS, context), strict=True)
        ]

    def describe(
        self, learnt: Learnt[LateInteractionNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedVectors]:
        """The encoder over the attribute's words, and all that the head makes of them; an attribute that
        was never seen is read like any other."""
        tell_long(attributes, learnt.tokeniser)
        words = questions(attributes, learnt.tokeniser)

        def attribute(batch: list[int]) -> list[Tensor]:
            ids_AQ, mask_AQ = _asked([words[at] for at in batch], learnt.tokeniser)
            vectors_AVY, mask_AV = learnt.network.attribute(
                ids_AQ.to(learnt.device), mask_AQ.to(learnt.device)
            )
            # Not a view: a record must not keep its whole batch alive.
            return [own_VY[own_V].clone() for own_VY, own_V in zip(vectors_AVY, mask_AV, strict=True)]

        vectors = in_batches([len(each) for each in words], ENCODED_TOKENS, attribute)
        return [DescribedVectors(a.name, own_VY) for a, own_VY in zip(attributes, vectors, strict=True)]

    def answer(
        self,
        learnt: Learnt[LateInteractionNetwork],
        asked: Sequence[tuple[PreparedVectors, DescribedVectors]],
    ) -> list[Answer]:
        """Asks of like length meet together."""

        def decode(batch: list[int]) -> list[Answer]:
            windows, attributes = zip(*(asked[at] for at in batch), strict=True)
            chain = learnt.network.chain(
                *_together([w.vectors_TX for w in windows], learnt.device),
                *_together([a.vectors_VY for a in attributes], learnt.device),
            )
            return answers(
                chain,
                [w.reading for w in windows],
                [a.name for a in attributes],
                self._scheme,
                learnt.trims,
            )

        return in_batches([len(w.vectors_TX) + len(a.vectors_VY) for w, a in asked], MET_TOKENS, decode)

    def cost(
        self,
        learnt: Learnt[LateInteractionNetwork],
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost:
        """The encoder over both sides apart, what the head makes of each, and of the two together."""
        network, tokeniser = learnt.network, learnt.tokeniser
        texts = [len(reading) for reading in readings]
        words = [len(tokeniser.opening) + len(own) for own in questions(attributes, tokeniser)]
        head, encoder = network.interaction, network.tower.encoder
        pairs = Counter((texts[text], words[attribute]) for text, attribute in asks)
        tags = len(self._scheme.tags)
        return Cost(
            prepare=flops.text_encoder(encoder, [positions(reading, tokeniser) for reading in readings])
            + sum(head.cost(tokens, 0).context for tokens in texts),
            describe=flops.text_encoder(encoder, words) + sum(head.cost(0, Q).attribute for Q in words),
            answer=sum(
                number * (head.cost(tokens, Q).pair + flops.linear(tokens, head.width, tags))
                for (tokens, Q), number in pairs.items()
            ),
        )

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        return windows

    def collate(
        self, learnt: Learnt[LateInteractionNetwork], examples: Sequence[TaggedWindow]
    ) -> dict[str, Tensor]:
        attributes = list(dict.fromkeys(ask.attribute for each in examples for ask in each.asks))
        ids_AQ, mask_AQ = _asked(questions(attributes, learnt.tokeniser), learnt.tokeniser)
        place = {attribute: at for at, attribute in enumerate(attributes)}
        teacher = learnt.network.teacher
        return {
            **ask_tensors(examples, learnt.tokeniser, learnt.table.places, self._scheme),
            # Not by name: two categories may say different things of attributes of one name.
            "attribute_N": torch.tensor([place[ask.attribute] for each in examples for ask in each.asks]),
            "question_AQ": ids_AQ,
            "question_mask_AQ": mask_AQ,
            **({} if teacher is None else teacher.tensors(examples, learnt.tokeniser)),
        }


def _asked(words: Sequence[Sequence[int]], tokeniser: Tokeniser) -> tuple[Tensor, Tensor]:
    """Attributes as the encoder reads them ``(A, Q)``, and the mask."""
    return padded([[*tokeniser.opening, *each] for each in words], tokeniser.padding)


def _together(records: Sequence[Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """Records ``(T, X)`` as one ``(N, T, X)`` there, and the mask of the real ones: what was kept is not
    where the network is."""
    lengths_N1 = torch.tensor([[len(record)] for record in records], device=device)
    padded_NTX = pad_sequence(list(records), batch_first=True).to(device)
    return padded_NTX, torch.arange(padded_NTX.shape[1], device=device) < lengths_N1


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerArguments:
    """The arguments that the builders of the family have in common."""

    base: str
    frozen_embeddings: bool
    shapes: Shapes
    decoding: Decoding
    scheme: Literal["BIO", "BIOE"]
    window: int
    width: int
    heads: int
    replacement: float = 0.0

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> TowerArguments:
        """Those among a builder's arguments. Raises ``ConfigError`` where one is none that there is."""
        made = cls(**{f.name: arguments[f.name] for f in fields(cls) if f.name in arguments})
        one_of("scheme", made.scheme, SCHEMES)
        one_of("decoding", made.decoding, ("crf", "softmax"))
        if made.width < 1 or made.heads < 1 or made.width % made.heads:
            raise ConfigError(
                f"model.arguments.width is {made.width} and heads {made.heads}; "
                "the width must be a multiple of the heads"
            )
        return made

    def text(self) -> TextPart:
        """The encoder of both towers."""
        return pretrained_text(self.base, frozen_embeddings=self.frozen_embeddings, shapes=self.shapes)

    def model(
        self, builder: str, arguments: Mapping[str, Any], head: MakeHead, text: TextPart | None = None
    ) -> TrainedModel[LateInteractionNetwork]:
        """A model with this head; ``text`` where it is not ``self.text()``."""
        return TrainedModel(
            builder,
            arguments,
            text=text or self.text(),
            attributes=ListedAttributes("open"),
            mechanism=LateInteraction(head, SCHEMES[self.scheme], self.decoding, window=self.window),
            window=self.window,
            replacement=self.replacement,
        )
