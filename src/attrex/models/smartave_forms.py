"""SMARTAVE's two forms: what of the work is done before product and attribute know each other.

Legend: G hyper-tokens, K layers, T text tokens, D hidden, L words of an attribute, A asks, N products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from attrex.core import Answer, Attribute, Product
from attrex.models.attribute_parts import AttributeTable
from attrex.models.inputs import in_batches
from attrex.models.pair_reader import DescribedQuestion, described
from attrex.models.picture_regions import Shown, joined, seen_pictures
from attrex.models.questions import questions, tell_long
from attrex.models.smartave_answers import decided
from attrex.models.smartave_inputs import lay_out
from attrex.models.smartave_network import ApartNetwork, Asked, Knowing, Meeting, SeenNetwork
from attrex.models.smartave_parts import Shape, features, looked_at, pictures_of, taught
from attrex.models.smartave_regions import with_regions
from attrex.models.tagging import TaggedWindow
from attrex.models.text_encoders import MadeText
from attrex.models.trained import Learnt
from attrex.nn.structured import Sources, Words
from attrex.nn.writer import NO_COPY
from attrex.text.reading import Reading, read

TOKENS = 8192
"""Tokens encoded at once; there is no padding between them."""
COPIED = 32_768
"""Tokens of texts x asks that are copied from at once."""


# --- the paper's form ---


@dataclass(frozen=True, slots=True)
class PreparedSources:
    """A window as read, and what its pictures show; ``seen``: how many they are."""

    reading: Reading
    shown: Shown
    seen: int


class Seen:
    """The mechanism of the paper's form: whatever is made of the text needs the attribute."""

    record_types = (PreparedSources, DescribedQuestion)
    concurrent: Literal[True] = True
    sees_alone = True

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def assemble(self, text: MadeText, table: AttributeTable) -> SeenNetwork:
        return SeenNetwork(*self._shape.parts(text, table, Knowing))

    def prepare(self, learnt: Learnt[SeenNetwork], products: Sequence[Product]) -> list[PreparedSources]:
        """Tokens, and the pictures' features."""
        readings = read(products, learnt.tokeniser)
        return [
            PreparedSources(reading, shown, len(shown.counts))
            for reading, shown in zip(readings, features(learnt, products), strict=True)
        ]

    def describe(
        self, learnt: Learnt[SeenNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedQuestion]:
        """Tokens only."""
        return described(attributes, learnt.tokeniser)

    def answer(
        self, learnt: Learnt[SeenNetwork], asked: Sequence[tuple[PreparedSources, DescribedQuestion]]
    ) -> list[Answer]:
        """Each ask is a whole reading, many at once."""

        def answers(chosen: list[int]) -> Sequence[Answer]:
            given = [asked[at] for at in chosen]
            made = _asked(learnt, given, [window.shown for window, _ in given])
            readings, names = (
                [window.reading for window, _ in given],
                [question.name for _, question in given],
            )
            return decided(learnt, learnt.network, made, readings, names, beams=self._shape.beams)

        lengths = [len(w.reading) + len(w.reading.prefix) + len(question.ids) for w, question in asked]
        return in_batches(lengths, TOKENS, answers)

    def pointed(
        self,
        learnt: Learnt[SeenNetwork],
        products: Sequence[Product],
        asked: Sequence[tuple[PreparedSources, DescribedQuestion]],
        answers: Sequence[Answer],
    ) -> list[Answer]:
        """See ``smartave_regions``."""

        def read_again(chosen: Sequence[int], shown: Sequence[Shown]) -> Asked:
            return _asked(learnt, [asked[at] for at in chosen], shown)

        return with_regions(learnt, products, answers, read_again)

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        """One per ask."""
        return [replace(window, asks=(ask,)) for window in windows for ask in window.asks]

    def collate(self, learnt: Learnt[SeenNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        network, maker = learnt.network, learnt.network.reader.maker
        asks = [example.asks[0] for example in examples]
        asked = questions([ask.attribute for ask in asks], learnt.tokeniser)
        rows = [
            [maker.attribute(ids), *maker.product(example.reading, looked_at(network.reader, example))]
            for ids, example in zip(asked, examples, strict=True)
        ]
        readings = [example.reading for example in examples]
        return {
            **lay_out(rows, readings, network.extraction.script).tensors(),
            **pictures_of(network.reader, examples),
            **taught(network.extraction, readings, [(row, ask) for row, ask in enumerate(asks)], self._shape),
        }


def _asked(
    learnt: Learnt[SeenNetwork],
    given: Sequence[tuple[PreparedSources, DescribedQuestion]],
    shown: Sequence[Shown],
) -> Asked:
    """Each ask read as a whole; ``shown``: what its pictures show."""
    network, device = learnt.network, learnt.device
    maker = network.reader.maker
    rows = [
        [maker.attribute(question.ids), *maker.product(window.reading, own.counts)]
        for (window, question), own in zip(given, shown, strict=True)
    ]
    laid = lay_out(rows, [window.reading for window, _ in given], network.extraction.script).to(device)
    told_AD, states_ATD = network.read(laid, joined([own.to(device) for own in shown]))
    return Asked(told_AD, network.extraction.writer.key(states_ATD), laid.pieces_NT2)


# --- the other form ---


@dataclass(frozen=True, slots=True)
class PreparedProduct:
    """A window: the hyper-tokens of its sources in front of each layer, the states of its text, and the
    pieces that may be copied there; ``seen``: how many of the sources are pictures."""

    reading: Reading
    hyper_GKD: Tensor
    states_TD: Tensor
    pieces_T2: Tensor
    seen: int


@dataclass(frozen=True, slots=True)
class DescribedWords:
    """An attribute: its words in front of each layer, and its hyper-token as it enters."""

    name: str
    local_LKD: Tensor
    hyper_D: Tensor


class Apart:
    """The mechanism of the form in which no local state sees the attribute: a product is read once, and an
    ask costs one hyper-token's way through the layers and the decoder."""

    record_types = (PreparedProduct, DescribedWords)
    concurrent: Literal[True] = True
    sees_alone = True

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def assemble(self, text: MadeText, table: AttributeTable) -> ApartNetwork:
        return ApartNetwork(*self._shape.parts(text, table, Meeting))

    def prepare(self, learnt: Learnt[ApartNetwork], products: Sequence[Product]) -> list[PreparedProduct]:
        """The encoder, once a window."""
        readings = read(products, learnt.tokeniser)
        looks = learnt.network.reader.pictures is not None
        live = [
            at
            for at, (reading, product) in enumerate(zip(readings, products, strict=True))
            if len(reading) or (looks and seen_pictures(product))
        ]

        def make(chosen: list[int]) -> list[PreparedProduct]:
            own = [live[at] for at in chosen]
            return _prepared(learnt, [products[at] for at in own], [readings[at] for at in own])

        lengths = [len(readings[at]) + len(readings[at].prefix) for at in live]
        made = dict(zip(live, in_batches(lengths, TOKENS, make), strict=True))
        nothing = torch.zeros(0, 1, 1), torch.zeros(0, 1), torch.zeros(0, dtype=torch.long)
        return [made.get(at) or PreparedProduct(reading, *nothing, 0) for at, reading in enumerate(readings)]

    def describe(self, learnt: Learnt[ApartNetwork], attributes: Sequence[Attribute]) -> list[DescribedWords]:
        """The attributes' words, having seen each other alone."""
        if not attributes:
            return []
        tell_long(attributes, learnt.tokeniser)
        network = learnt.network
        asked = questions(attributes, learnt.tokeniser)
        rows = [[network.reader.maker.attribute(ids)] for ids in asked]
        laid = lay_out(rows, [None] * len(rows), network.extraction.script).to(learnt.device)
        words, hyper_QD = network.describe(laid)
        lengths = words.mask_QL.sum(1).tolist()
        return [
            DescribedWords(attribute.name, words.local_KQLD[:, at, :length].transpose(0, 1), hyper_QD[at])
            for at, (attribute, length) in enumerate(zip(attributes, lengths, strict=True))
        ]

    def answer(
        self, learnt: Learnt[ApartNetwork], asked: Sequence[tuple[PreparedProduct, DescribedWords]]
    ) -> list[Answer]:
        """Hyper-tokens and the decoder; several attributes in one pass, none of which sees another."""

        def answers(chosen: list[int]) -> Sequence[Answer]:
            return _answered(learnt, [asked[at] for at in chosen], self._shape.beams)

        return in_batches([len(window.reading) for window, _ in asked], COPIED, answers)

    def pointed(
        self,
        learnt: Learnt[ApartNetwork],
        products: Sequence[Product],
        asked: Sequence[tuple[PreparedProduct, DescribedWords]],
        answers: Sequence[Answer],
    ) -> list[Answer]:
        """See ``smartave_regions``: here too a product is read again for each ask."""

        def read_again(chosen: Sequence[int], shown: Sequence[Shown]) -> Asked:
            return _read_again(learnt, [asked[at] for at in chosen], shown)

        return with_regions(learnt, products, answers, read_again)

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        """The windows, each with all its asks."""
        return windows

    def collate(self, learnt: Learnt[ApartNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        network, maker = learnt.network, learnt.network.reader.maker
        readings = [example.reading for example in examples]
        rows = [maker.product(each.reading, looked_at(network.reader, each)) for each in examples]
        asks = [(row, ask) for row, example in enumerate(examples) for ask in example.asks]
        attributes = list(dict.fromkeys(ask.attribute for _, ask in asks))
        place = {attribute: at for at, attribute in enumerate(attributes)}
        named = [[maker.attribute(ids)] for ids in questions(attributes, learnt.tokeniser)]
        script = network.extraction.script
        return {
            **lay_out(rows, readings, script).tensors(),
            **lay_out(named, [None] * len(named), script).tensors("attribute "),
            **pictures_of(network.reader, examples),
            "row_A": torch.tensor([row for row, _ in asks]),
            "attribute_A": torch.tensor([place[ask.attribute] for _, ask in asks]),
            **taught(network.extraction, readings, asks, self._shape),
        }


def _prepared(
    learnt: Learnt[ApartNetwork], products: Sequence[Product], readings: Sequence[Reading]
) -> list[PreparedProduct]:
    network = learnt.network
    shown = features(learnt, products)
    rows = [
        network.reader.maker.product(reading, own.counts)
        for reading, own in zip(readings, shown, strict=True)
    ]
    laid = lay_out(rows, readings, network.extraction.script).to(learnt.device)
    sources, states_NTD = network.read(laid, joined(shown))
    hypers, texts = sources.mask_PG.sum(1).tolist(), laid.mask_NT.sum(1).tolist()
    return [
        PreparedProduct(
            reading,
            sources.hyper_KPGD[:, at, :G].transpose(0, 1).contiguous(),
            states_NTD[at, :T].contiguous(),
            laid.pieces_NT2[at, :T].contiguous(),
            len(own.counts),
        )
        for at, (reading, G, T, own) in enumerate(zip(readings, hypers, texts, shown, strict=True))
    ]


def _answered(
    learnt: Learnt[ApartNetwork], asked: Sequence[tuple[PreparedProduct, DescribedWords]], beams: int
) -> list[Answer]:
    network, device = learnt.network, learnt.device
    windows = list({id(window): window for window, _ in asked}.values())
    row = {id(each): at for at, each in enumerate(windows)}
    product_A = torch.tensor([row[id(window)] for window, _ in asked], device=device)
    sources = Sources(*_side_by_side([window.hyper_GKD for window in windows], device))
    told_AD = _told(network, sources, product_A, [described for _, described in asked])
    states_NTD = pad_sequence([window.states_TD.to(device) for window in windows], batch_first=True)
    pieces_NT2 = pad_sequence(
        [window.pieces_T2.to(device) for window in windows], batch_first=True, padding_value=NO_COPY
    )
    if not pieces_NT2.shape[1]:  # pictures alone, of which nothing can be copied
        states_NTD = states_NTD.new_zeros(len(windows), 1, told_AD.shape[1])
        pieces_NT2 = pieces_NT2.new_full((len(windows), 1, 2), NO_COPY)
    keys_NTD = network.extraction.writer.key(states_NTD)
    made = Asked(told_AD, keys_NTD[product_A], pieces_NT2[product_A])
    readings, names = [window.reading for window, _ in asked], [described.name for _, described in asked]
    return decided(learnt, network, made, readings, names, beams=beams)


def _read_again(
    learnt: Learnt[ApartNetwork],
    given: Sequence[tuple[PreparedProduct, DescribedWords]],
    shown: Sequence[Shown],
) -> Asked:
    """As ``_answered`` reads records; ``shown``: what the pictures of each ask's product show."""
    network, device = learnt.network, learnt.device
    readings = [window.reading for window, _ in given]
    rows = [
        network.reader.maker.product(reading, own.counts)
        for reading, own in zip(readings, shown, strict=True)
    ]
    laid = lay_out(rows, readings, network.extraction.script).to(device)
    sources, states_ATD = network.read(laid, joined([own.to(device) for own in shown]))
    product_A = torch.arange(len(given), device=device)
    told_AD = _told(network, sources, product_A, [described for _, described in given])
    return Asked(told_AD, network.extraction.writer.key(states_ATD), laid.pieces_NT2)


def _told(
    network: ApartNetwork, sources: Sources, product_A: Tensor, asked: Sequence[DescribedWords]
) -> Tensor:
    """What each ask's attribute, ``asked`` of those products, becomes: its hyper-token ``(A, D)``."""
    device = product_A.device
    named = list({id(described): described for described in asked}.values())
    row = {id(each): at for at, each in enumerate(named)}
    attribute_A = torch.tensor([row[id(described)] for described in asked], device=device)
    words = Words(*_side_by_side([described.local_LKD for described in named], device))
    hyper_QD = torch.stack([described.hyper_D for described in named]).to(device)
    return network.reader.encoder.ask(hyper_QD[attribute_A], sources, product_A, words, attribute_A)


def _side_by_side(tensors: Sequence[Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """Of unequal lengths ``(rows, longest, K, D)`` as ``(K, rows, longest, D)``, and which are real."""
    lengths = torch.tensor([len(each) for each in tensors], device=device)
    together = pad_sequence([each.to(device) for each in tensors], batch_first=True)
    mask = torch.arange(together.shape[1], device=device) < lengths.unsqueeze(1)
    return together.movedim(2, 0), mask
