"""One encoder and one decoder: a tag sequence over a text, whatever was asked of it.

The cross-encoder has one for all attributes, "N models" one for each, "N tag sets" one whose tags tell the
attributes apart.

Legend: N sequences, T tokens, D hidden, K tags, A attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from attrex.core import Attribute
from attrex.models.attribute_parts import AttributeTable
from attrex.models.inputs import Inputs, lay_out
from attrex.nn.crf import Chain
from attrex.nn.decoders import Decoder, DecoderSource, LookUpLayer, NoTransitions
from attrex.text.reading import Reading
from attrex.text.tokeniser import Tokeniser

Decoding = Literal["crf", "softmax"]


@dataclass(frozen=True, slots=True)
class PreparedText:
    """A window as read; all that is made of it needs the attribute."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class DescribedPlace:
    """An attribute by its place among those of the training data."""

    name: str
    place: int


def describe_places(table: AttributeTable, attributes: Sequence[Attribute]) -> list[DescribedPlace | None]:
    """None for an attribute that is not in the table."""
    places = [table.places.get(a.name) for a in attributes]
    return [
        None if place is None else DescribedPlace(a.name, place)
        for a, place in zip(attributes, places, strict=True)
    ]


def one_decoder_chain(decoder: Decoder, emissions_NTK: Tensor, mask_NT: Tensor) -> Chain:
    """All sequences with the transitions of the one decoder there is (A = 1)."""
    N = len(emissions_NTK)
    return Chain(
        emissions_NTK,
        decoder.transitions_AKK.expand(N, -1, -1),
        decoder.start_AK.expand(N, -1),
        decoder.end_AK.expand(N, -1),
        mask_NT,
    )


class SequenceTagger(nn.Module):
    """``forward``: inputs to the chain of their texts' tags."""

    def __init__(self, encoder: nn.Module, decoder: DecoderSource) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, inputs: Inputs) -> Chain:
        states_NSD = self.encoder(inputs.ids_NS, inputs.mask_NS)
        return chain_of(self.decoder, inputs.text_states(states_NSD), inputs.chain_NT)

    def read(
        self,
        readings: Sequence[Reading],
        tokeniser: Tokeniser,
        questions: Sequence[Sequence[int]] | None = None,
    ) -> Chain:
        """The chain of readings laid out here."""
        device = next(self.parameters()).device
        chain: Chain = self(lay_out(readings, tokeniser, questions).to(device))
        return chain


def chain_of(source: DecoderSource, states_NTD: Tensor, mask_NT: Tensor) -> Chain:
    """The tags of states by the source's first decoder, whatever the sequence."""
    made: Decoder = source(torch.zeros(1, dtype=torch.long, device=states_NTD.device))
    emissions_NTK = nn.functional.linear(states_NTD, made.weight_AKD[0], made.bias_AK[0])
    return one_decoder_chain(made, emissions_NTK, mask_NT)


def own_decoders(decoding: Decoding, *, attributes: int, tags: int, width: int) -> DecoderSource:
    """Linear layers, and transitions for a CRF, of each attribute's own."""
    return DecoderSource(
        own_linear(attributes=attributes, tags=tags, width=width),
        own_transitions(decoding, attributes=attributes, tags=tags),
    )


def own_linear(*, attributes: int, tags: int, width: int) -> LookUpLayer:
    """To ``(A, K, D + 1)``, the last column the bias."""
    return LookUpLayer(attributes, (tags, width + 1), scale=0.02)


def own_transitions(decoding: Decoding, *, attributes: int, tags: int) -> nn.Module:
    """To ``(A, K + 1, K + 1)``, noughts without a CRF."""
    if decoding == "crf":
        return LookUpLayer(attributes, (tags + 1, tags + 1), scale=0.1)
    return NoTransitions(tags + 1)
