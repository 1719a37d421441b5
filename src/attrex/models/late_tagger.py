"""Taggers that read the product once and meet the attribute late, in a decoder of its own.

AdaTag and BiLSTM-MultiCRF are this class with other parts: ``prepare`` is the text encoder,
``describe`` the attribute's decoder, ``answer`` one product of the two and the CRF.

Legend: B products, T tokens, A attributes, N asks, D hidden, K tags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product
from attrex.core.tags import TagScheme
from attrex.models.attribute_parts import AttributeTable
from attrex.models.inputs import Inputs, encoded, in_batches, lay_out, positions
from attrex.models.interface import Cost
from attrex.models.tagging import TaggedWindow, answers, ask_tensors
from attrex.models.text_encoders import MadeText
from attrex.models.trained import Learnt
from attrex.nn import crf, flops
from attrex.nn.crf import Chain
from attrex.nn.decoders import Decoder, DecoderSource
from attrex.nn.threads import one_thread
from attrex.text.reading import Reading, read

MakeDecoders = Callable[[AttributeTable, int], DecoderSource]
"""From the attributes and the encoder's width D to the source of their decoders."""
PREPARED_TOKENS = 4096
"""Padded tokens encoded at once. Not tuned."""
CHAIN_TOKENS = 65_536
"""Tokens x asks decoded at once: the CRF's cost is its steps, so many chains go through together."""


@dataclass(frozen=True, slots=True)
class DescribedAttribute:
    """An attribute and its decoder, a batch of one."""

    name: str
    decoder: Decoder


@dataclass(frozen=True, slots=True)
class PreparedWindow:
    """A window's tokens and their states ``(T, D)``."""

    reading: Reading
    states_TD: Tensor


class LateNetwork(nn.Module):
    """Encoder, attribute table and decoders. ``forward`` takes what ``LateTagger.collate`` gives."""

    def __init__(self, text: MadeText, table: AttributeTable, decoders: DecoderSource) -> None:
        super().__init__()
        self.encoder, self.table, self.decoders = text.encoder, table, decoders

    def states(self, inputs: Inputs) -> Tensor:
        """Of the text's own tokens ``(B, T, D)``."""
        states_BSD = self.encoder(inputs.ids_NS, inputs.mask_NS)
        return inputs.text_states(states_BSD)

    def decoder(self, index_A: Tensor) -> Decoder:
        """The decoders of attributes by their place in the table."""
        made: Decoder = self.decoders(self.table(index_A))
        return made

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the negative log likelihood (AdaTag Eq. 4), weighted, summed over a product's asks
        and averaged over products."""
        inputs = Inputs.of(batch)
        states_BTD = self.states(inputs)
        attributes_A, which_N = torch.unique(batch["attribute_N"], return_inverse=True)
        decoder = self.decoder(attributes_A)
        states_NTD = states_BTD[batch["product_N"]]
        emissions_NTK = torch.baddbmm(
            decoder.bias_AK[which_N].unsqueeze(1), states_NTD, decoder.weight_AKD[which_N].transpose(1, 2)
        )
        chain = Chain(
            emissions_NTK,
            decoder.transitions_AKK[which_N],
            decoder.start_AK[which_N],
            decoder.end_AK[which_N],
            inputs.chain_NT[batch["product_N"]],
        )
        likelihood_N = crf.log_likelihood(chain, batch["tags_NT"])
        return {"loss": -(likelihood_N * batch["weight_N"]).sum() / len(states_BTD)}


class LateTagger:
    """The mechanism of AdaTag and BiLSTM-MultiCRF; see the module's text."""

    record_types = (PreparedWindow, DescribedAttribute)
    concurrent: Literal[True] = True

    def __init__(self, decoders: MakeDecoders, scheme: TagScheme) -> None:
        self._decoders, self._scheme = decoders, scheme

    def assemble(self, text: MadeText, table: AttributeTable) -> LateNetwork:
        return LateNetwork(text, table, self._decoders(table, text.width))

    def prepare(self, learnt: Learnt[LateNetwork], products: Sequence[Product]) -> list[PreparedWindow]:
        """The encoder's states, once a window."""

        def states(some: list[Reading]) -> Tensor:
            return learnt.network.states(lay_out(some, learnt.tokeniser).to(learnt.device))

        readings = read(products, learnt.tokeniser)
        return [
            PreparedWindow(reading, own_TD)
            for reading, own_TD in zip(readings, encoded(readings, PREPARED_TOKENS, states), strict=True)
        ]

    def describe(
        self, learnt: Learnt[LateNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedAttribute | None]:
        """One decoder per attribute; an open model makes one for an attribute it has never seen."""
        decoders = [_decoder(learnt, attribute) for attribute in attributes]
        return [
            None if decoder is None else DescribedAttribute(attribute.name, decoder)
            for attribute, decoder in zip(attributes, decoders, strict=True)
        ]

    def answer(
        self, learnt: Learnt[LateNetwork], asked: Sequence[tuple[PreparedWindow, DescribedAttribute]]
    ) -> list[Answer]:
        """Asks are decoded together by length of their window."""

        def decode(batch: list[int]) -> list[Answer]:
            chosen = [asked[at] for at in batch]
            readings = [window.reading for window, _ in chosen]
            names = [attribute.name for _, attribute in chosen]
            with one_thread():
                return answers(_chain(chosen, learnt.device), readings, names, self._scheme, learnt.trims)

        return in_batches([len(window.reading) for window, _ in asked], CHAIN_TOKENS, decode)

    def cost(
        self,
        learnt: Learnt[LateNetwork],
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost:
        """The encoder a window, the decoder's parameters an attribute, the emissions an ask. Reading the
        words of an attribute that was not trained on is not counted."""
        network, tags = learnt.network, len(self._scheme.tags)
        lengths = [positions(reading, learnt.tokeniser) for reading in readings]
        decoder = flops.generated(network.decoders.linear) + flops.generated(network.decoders.transitions)
        return Cost(
            prepare=flops.text_encoder(network.encoder, lengths),
            describe=len(attributes) * decoder,
            answer=sum(flops.linear(len(readings[at]), learnt.text.width, tags) for at, _ in asks),
        )

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        return windows

    def collate(self, learnt: Learnt[LateNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        return ask_tensors(examples, learnt.tokeniser, learnt.table.places, self._scheme)


def _decoder(learnt: Learnt[LateNetwork], attribute: Attribute) -> Decoder | None:
    place = learnt.table.places.get(attribute.name)
    if place is not None:
        return learnt.network.decoder(torch.tensor([place], device=learnt.device))
    vector = learnt.table.unknown(attribute)
    made: Decoder | None = None if vector is None else learnt.network.decoders(vector.to(learnt.device))
    return made


def _chain(asked: Sequence[tuple[PreparedWindow, DescribedAttribute]], device: torch.device) -> Chain:
    """Every asked attribute's emissions for every product in one matrix product, then the asked pairs.

    Emissions of pairs nobody asked cost less than picking states per pair would: 4 D operations a
    token and attribute, against copying D numbers. Records that were kept are not where the network is.
    """
    windows = {id(window): window for window, _ in asked}
    attributes = {id(attribute): attribute for _, attribute in asked}
    row = {key: at for at, key in enumerate(windows)}
    column = {key: at for at, key in enumerate(attributes)}
    decoders = [attribute.decoder for attribute in attributes.values()]
    states = [window.states_TD for window in windows.values()]
    states_BTD = nn.utils.rnn.pad_sequence(states, batch_first=True).to(device)
    weight_AKD = torch.cat([d.weight_AKD for d in decoders]).to(device)
    bias_AK = torch.cat([d.bias_AK for d in decoders]).to(device)
    emissions_BTX = states_BTD @ weight_AKD.flatten(0, 1).T
    emissions_BTAK = emissions_BTX.view(*states_BTD.shape[:2], *bias_AK.shape) + bias_AK
    product_N = torch.tensor([row[id(window)] for window, _ in asked], device=device)
    attribute_N = torch.tensor([column[id(a)] for _, a in asked], device=device)
    lengths_B = torch.tensor([len(s) for s in states], device=device)
    mask_BT = torch.arange(states_BTD.shape[1], device=device) < lengths_B.unsqueeze(1)
    return Chain(
        emissions_BTAK.transpose(1, 2)[product_N, attribute_N],
        torch.cat([d.transitions_AKK for d in decoders]).to(device)[attribute_N],
        torch.cat([d.start_AK for d in decoders]).to(device)[attribute_N],
        torch.cat([d.end_AK for d in decoders]).to(device)[attribute_N],
        mask_BT[product_N],
    )
