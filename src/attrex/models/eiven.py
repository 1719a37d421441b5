"""EIVEN (Zou et al., 2024): a frozen language model with adapters and a picture's tokens writes values that
stand nowhere.

In the order picture, text, question the text is read once for all questions (``prepare``) and each question
goes on from what was kept (``answer``); in the paper's order only the picture is kept. Where the schema lists
an attribute's values, no other can be answered: all are scored, in one pass with all questions of a product.

Legend: L layers, H key heads, S positions, X a head's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from attrex.core import Answer, Attribute, Product
from attrex.errors import ConfigError
from attrex.models.answering import Answering, Decoding, DescribedQuestion, PreparedPrefix
from attrex.models.arguments import one_of
from attrex.models.comparison import Comparison, Question, epoch_of
from attrex.models.decoder_parts import (
    DecoderArguments,
    DecoderText,
    Tuning,
    WithFeatures,
)
from attrex.models.eiven_network import EivenNetwork, sequences
from attrex.models.inputs import in_batches
from attrex.models.picture_parts import Pictured, features_part
from attrex.models.pictured_text import picture_tensors
from attrex.models.prompts import Order, Prompts, question
from attrex.models.spelled_values import SpelledAttributes, SpelledTable
from attrex.models.tagging import TaggedWindow
from attrex.models.text_encoders import MadeText
from attrex.models.trained import Learnt, TrainedModel
from attrex.nn.causal import Precision
from attrex.nn.choices import Choices, Prefix
from attrex.nn.encoders import padded
from attrex.nn.granular import Activation, PictureTokens, Projector
from attrex.text.causal_pieces import CausalPieces
from attrex.text.reading import Reading, read

BATCH = 16
"""Windows that are kept at once: of LLaMA-7B one of 150 tokens has 78 MB of keys and values."""
POSITIONS = 4096
"""Padded positions that are read at once."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Positions that a decoder computes for some asks: ``shared`` as they are here, ``alone`` were everything
    read anew for each."""

    shared: int
    alone: int


class Eiven:
    """The mechanism; see the module's text."""

    record_types = (PreparedPrefix, DescribedQuestion)
    sees_alone = True

    def __init__(
        self,
        *,
        order: Order,
        comparison: Comparison,
        compared: float,
        answering: Answering,
        activation: Activation,
        projection: int,
    ) -> None:
        self._order, self._comparison, self._compared = order, comparison, compared
        self._answering, self._activation, self._projection = answering, activation, projection

    def assemble(self, text: MadeText, table: Any) -> EivenNetwork:
        assert isinstance(text.encoder, WithFeatures)
        features: Any = text.encoder.features
        if features is None:
            return EivenNetwork(text.encoder.decoder, None)
        projector = Projector(features.width, text.width, size=self._projection, activation=self._activation)
        return EivenNetwork(text.encoder.decoder, PictureTokens(features, projector))

    def prompts(self, learnt: Learnt[EivenNetwork]) -> Prompts:
        """How the model is asked."""
        assert isinstance(learnt.tokeniser, CausalPieces)
        return Prompts(learnt.tokeniser, self._order)

    def prepare(self, learnt: Learnt[EivenNetwork], products: Sequence[Product]) -> list[PreparedPrefix]:
        """What all questions of a product begin with, as keys and values of each layer."""
        prompts = self.prompts(learnt)
        readings = read(products, learnt.tokeniser)
        seen = [_seen(learnt, [each])[1][0] for each in products]
        live = [at for at, reading in enumerate(readings) if len(reading) or seen[at]]

        def make(batch: list[int]) -> list[PreparedPrefix]:
            own = [live[at] for at in batch]
            return self._read(learnt, prompts, [products[at] for at in own], [readings[at] for at in own])

        lengths = [len(prompts.shared([readings[at]], seen[at])) for at in live]
        made = dict(zip(live, in_batches(lengths, POSITIONS, make), strict=True))
        return [made.get(at) or PreparedPrefix(reading, None, 0) for at, reading in enumerate(readings)]

    def _read(
        self,
        learnt: Learnt[EivenNetwork],
        prompts: Prompts,
        products: Sequence[Product],
        readings: Sequence[Reading],
    ) -> list[PreparedPrefix]:
        pixels_CGG3, places = _seen(learnt, products)
        ids_BS, mask_BS = padded(
            [prompts.shared([reading], own) for reading, own in zip(readings, places, strict=True)], 0
        )
        device, network = learnt.device, learnt.network
        vectors_BSD = network.vectors(ids_BS.to(device), pixels_CGG3.to(device))
        keys, values = network.decoder.read(vectors_BSD, mask_BS.to(device))
        lengths = mask_BS.sum(1).tolist()
        return [
            PreparedPrefix(
                reading,
                Prefix(keys[row, :, :, :length].clone(), values[row, :, :, :length].clone()),
                len(places[row]),
            )
            for row, (reading, length) in enumerate(zip(readings, lengths, strict=True))
        ]

    def describe(
        self, learnt: Learnt[EivenNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedQuestion]:
        """The question's pieces, and the trie of what the schema allows."""
        prompts = self.prompts(learnt)
        asked = prompts.questions([question(attribute) for attribute in attributes])
        return [
            DescribedQuestion(a.name, tuple(ids), a.values, Choices.of(prompts.answers(a.values)))
            for a, ids in zip(attributes, asked, strict=True)
        ]

    def answer(
        self, learnt: Learnt[EivenNetwork], asked: Sequence[tuple[PreparedPrefix, DescribedQuestion]]
    ) -> list[Answer]:
        """See ``answering``."""
        table = learnt.table
        assert isinstance(table, SpelledTable)
        decoder, prompts = learnt.network.decoder, self.prompts(learnt)
        return self._answering.answers(decoder, prompts, learnt.tokeniser, table, asked)

    def tokens(
        self, learnt: Learnt[EivenNetwork], asked: Sequence[tuple[PreparedPrefix, DescribedQuestion]]
    ) -> Tokens:
        """What ``prepare`` and ``answer`` compute for these asks, where all values are scored."""
        prompts = self.prompts(learnt)
        once = {id(prefix): len(prefix.kept) for prefix, _ in asked if prefix.kept is not None}
        own = [
            len(prompts.own([prefix.reading], each.question)) + len(each.choices) for prefix, each in asked
        ]
        alone = sum(once.get(id(prefix), 0) for prefix, _ in asked)
        return Tokens(sum(once.values()) + sum(own), alone + sum(own))

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> list[Question]:
        """Every ask as a question, some as comparisons."""
        return epoch_of(windows, self._comparison, self._compared, seed=f"{torch.initial_seed()}/{epoch}")

    def collate(self, learnt: Learnt[EivenNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        questions = [each for each in examples if isinstance(each, Question)]
        assert len(questions) == len(examples)
        prompts = self.prompts(learnt)
        assert isinstance(learnt.tokeniser, CausalPieces)
        end = learnt.tokeniser.marks.end
        both = [[window.product for window in each.windows] for each in questions]
        pixels_CGG3, places = _seen(learnt, [product for products in both for product in products])
        own = iter(places)
        asked = []
        for each, ids in zip(questions, prompts.questions([q.question for q in questions]), strict=True):
            readings = [window.reading for window in each.windows]
            pictures = [token for _ in readings for token in next(own)]
            asked.append([*prompts.shared(readings, pictures), *prompts.own(readings, ids)])
        answers = [[*ids, end] for ids in prompts.answers([each.answer for each in questions])]
        return {
            **sequences(asked, answers),
            "pixels_CGG3": pixels_CGG3,
            "weight_B": torch.tensor([each.asks[0].weight for each in questions]),
        }


def _seen(learnt: Learnt[EivenNetwork], products: Sequence[Product]) -> tuple[Tensor, list[list[int]]]:
    """The pictures, and of each product the numbers of its picture's tokens among all."""
    K = learnt.network.tokens
    if not K:
        return torch.zeros((0, 1, 1, 3), dtype=torch.uint8), [[] for _ in products]
    made = picture_tensors(products)
    places = made["picture_B"].tolist()
    return made["pixels_CGG3"], [list(range(at * K, at * K + K)) if at >= 0 else [] for at in places]


def build_eiven(
    *,
    base: str = "small",
    words: str = "minilm",
    layers: int = 4,
    heads: int = 6,
    tuning: Tuning = "full",
    adapter_size: int = 8,
    precision: Precision = "file",
    pictures: Pictured = "small",
    vision_base: str = "openai/clip-vit-base-patch16",
    picture_size: int = 112,
    picture_widths: Sequence[int] = (32, 64, 128, 256),
    granularity: Literal["multiple", "last"] = "multiple",
    every: int = 3,
    projection: int = 128,
    activation: Activation = "silu",
    order: Order = "text-first",
    comparison: Comparison = "judge-last",
    compared: float = 0.5,
    answers: Literal["allowed", "free"] = "allowed",
    decoding: Decoding = "beam",
    beams: int = 4,
    window: int = 224,
) -> TrainedModel[EivenNetwork]:
    """The decoder: see ``DecoderArguments``. ``pictures``: tokens of a frozen CLIP (``vision_base``, of every
    ``every``-th layer), of a small encoder that learns from nothing (of ``picture_widths``), of one that did
    so before and is "kept" frozen (``vision_base``: what ``picture_parts.save_features`` wrote), or none;
    ``granularity`` "last" takes only the last layer's, ``projection`` and ``activation`` as ``Projector``.

    ``order`` of the prompt, see ``prompts``; ``comparison`` with another product in that share of the
    training questions (``compared``). ``answers``: only those that the schema allows, or whatever is written;
    ``decoding`` of what is written: "greedy", "beam" of so many ``beams``, or "sampled" as the paper. Of an
    attribute with several values at once each has its share of the probability.
    """
    arguments: dict[str, Any] = dict(locals())
    arguments["picture_widths"] = list(picture_widths)
    one_of("granularity", granularity, ("multiple", "last"))
    one_of("activation", activation, get_args(Activation))
    one_of("order", order, get_args(Order))
    one_of("comparison", comparison, get_args(Comparison))
    if not 0 <= compared <= 1:
        raise ConfigError(f"model.arguments.compared is {compared:g}; it must lie in [0, 1]")
    if projection < 1:
        raise ConfigError(f"model.arguments.projection is {projection}; it must be at least 1")
    features = features_part(
        pictures,
        base=vision_base,
        size=picture_size,
        widths=picture_widths,
        every=every,
        last=granularity == "last",
    )
    return TrainedModel(
        "eiven",
        arguments,
        text=DecoderText(DecoderArguments.among(arguments), features),
        attributes=SpelledAttributes(),
        mechanism=Eiven(
            order=order,
            comparison=comparison,
            compared=compared,
            answering=Answering(answers=answers, decoding=decoding, beams=beams),
            activation=activation,
            projection=projection,
        ),
        window=window,
        pictures=features.size,
        batch=BATCH,
    )
