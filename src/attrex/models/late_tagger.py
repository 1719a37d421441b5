"""Taggers that read the product once and meet the attribute late, in a decoder of its own.

AdaTag and BiLSTM-MultiCRF are this class with other parts: ``prepare`` is the text encoder,
``describe`` the attribute's decoder, ``answer`` one product of the two and the CRF.

Legend: B products, T tokens, A attributes, N asks, D hidden, K tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product
from attrex.core.tags import TagScheme
from attrex.models.attribute_parts import AttributePart, AttributeTable
from attrex.models.inputs import Inputs, lay_out
from attrex.models.interface import Traits
from attrex.models.tagging import (
    NOTHING,
    TRIMS,
    UNKNOWN,
    TaggedWindow,
    Trims,
    answers,
    ask_tensors,
    tagged_windows,
)
from attrex.models.text_encoders import MadeText, TextPart
from attrex.models.weights import fill_in, grouped, kept
from attrex.nn import crf
from attrex.nn.crf import Chain
from attrex.nn.decoders import Decoder, DecoderSource
from attrex.nn.threads import one_thread
from attrex.supervision.pool import Pool
from attrex.text.batches import by_length
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import Tokeniser

MakeDecoders = Callable[[AttributeTable, int], DecoderSource]
"""From the attributes and the encoder's width D to the source of their decoders."""
PREPARED_TOKENS = 4096
"""Padded tokens encoded at once. Not tuned."""
CHAIN_TOKENS = 65_536
"""Tokens x asks decoded at once: the CRF's cost is its steps, so many chains go through together."""


@dataclass(frozen=True, slots=True)
class DescribedAttribute:
    """An attribute and its decoder, a batch of one; None where a closed model has none."""

    name: str
    decoder: Decoder | None


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
    """Implements ``Model``, ``Learner`` and ``StorableModel``. Made by the builders of its family."""

    def __init__(
        self,
        *,
        text: TextPart,
        attributes: AttributePart,
        decoders: MakeDecoders,
        scheme: TagScheme,
        window: int,
        settings: Mapping[str, Any],
    ) -> None:
        self._text, self._attributes, self._decoders = text, attributes, decoders
        self._scheme, self._window = scheme, window
        self._settings = dict(settings)
        self._made: MadeText | None = None
        self._network: LateNetwork | None = None
        self._trims = Trims({})

    @property
    def traits(self) -> Traits:
        return Traits(self._attributes.answers, cacheable="memory", window=self._window)

    @property
    def tokeniser(self) -> Tokeniser:
        return self._text_made.tokeniser

    @property
    def _text_made(self) -> MadeText:
        assert self._made is not None, "the model is neither trained nor restored"
        return self._made

    @property
    def network(self) -> LateNetwork:
        assert self._network is not None, "the model is neither trained nor restored"
        return self._network

    # --- Model ---

    @torch.inference_mode()
    def prepare(self, products: Sequence[Product]) -> list[PreparedWindow]:
        """The encoder's states, once a window."""
        readings = read(products, self.tokeniser)
        prepared: list[PreparedWindow | None] = [None] * len(readings)
        for batch in by_length([len(r) + len(r.prefix) for r in readings], PREPARED_TOKENS):
            inputs = lay_out([readings[at] for at in batch], self.tokeniser).to(self._device)
            states_BTD = self.network.states(inputs)
            for row, at in enumerate(batch):
                prepared[at] = PreparedWindow(readings[at], states_BTD[row, : len(readings[at])])
        return [p for p in prepared if p is not None]

    @torch.inference_mode()
    def describe(self, attributes: Sequence[Attribute]) -> list[DescribedAttribute]:
        """One decoder per attribute; an open model makes one for an attribute it has never seen."""
        return [DescribedAttribute(a.name, self._decoder(a)) for a in attributes]

    def _decoder(self, attribute: Attribute) -> Decoder | None:
        place = self.network.table.places.get(attribute.name)
        if place is not None:
            return self.network.decoder(torch.tensor([place], device=self._device))
        vector = self.network.table.unknown(attribute)
        made: Decoder | None = None if vector is None else self.network.decoders(vector.to(self._device))
        return made

    @torch.inference_mode()
    def answer(
        self,
        prepared: Sequence[PreparedWindow],
        described: Sequence[DescribedAttribute],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        """See ``Model``. Asks are decoded together by length of their window."""
        made: list[Answer] = [NOTHING] * len(asks)
        live: list[int] = []
        for at, (product, attribute) in enumerate(asks):
            if described[attribute].decoder is None:
                made[at] = UNKNOWN
            elif len(prepared[product].reading):
                live.append(at)
        lengths = [len(prepared[asks[at][0]].reading) for at in live]
        for batch in by_length(lengths, CHAIN_TOKENS):
            chosen = [live[b] for b in batch]
            readings = [prepared[asks[at][0]].reading for at in chosen]
            names = [described[asks[at][1]].name for at in chosen]
            with one_thread():
                chain = _chain(prepared, described, [asks[at] for at in chosen])
                decoded = answers(chain, readings, names, self._scheme, self._trims)
            for at, answer in zip(chosen, decoded, strict=True):
                made[at] = answer
        return made

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    # --- Learner ---

    def begin(self, pool: Pool) -> None:
        """Tokeniser, encoder, attribute embeddings, and the pool read once."""
        self._made = self._text.make(pool)
        windows = self._windows(pool)
        self._trims = Trims.learn(windows)
        table = self._attributes.begin(_distinct(pool), windows)
        self._network = LateNetwork(self._made, table, self._decoders(table, self._made.width))

    def _windows(self, pool: Pool) -> list[TaggedWindow]:
        return tagged_windows(pool, self.tokeniser, self._window)

    def examples(self, pool: Pool, epoch: int) -> Iterable[TaggedWindow]:
        return self._windows(pool)

    def length(self, example: TaggedWindow) -> int:
        return len(example.reading)

    def collate(self, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        return ask_tensors(examples, self.tokeniser, self.network.table.places, self._scheme)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        return grouped(self.network)

    # --- StorableModel ---

    def config(self) -> dict[str, Any]:
        return dict(self._settings)

    def tensors(self) -> dict[str, Tensor]:
        return kept(self.network, portable=self._text_made.portable)

    def files(self) -> dict[str, str]:
        return {**self._text_made.files, **self.network.table.files(), TRIMS: self._trims.to_json()}

    def restore(self, tensors: Mapping[str, Tensor], files: Mapping[str, str]) -> None:
        self._made = self._text.remake(files)
        self._trims = Trims.from_json(files[TRIMS])
        table = self._attributes.remake(files)
        network = LateNetwork(self._made, table, self._decoders(table, self._made.width))
        fill_in(network, tensors, portable=self._made.portable)
        self._network = network.eval()


def _distinct(pool: Pool) -> list[Attribute]:
    return list({a.name: a for a in pool.attributes()}.values())


def _chain(
    prepared: Sequence[PreparedWindow],
    described: Sequence[DescribedAttribute],
    asks: Sequence[tuple[int, int]],
) -> Chain:
    """Every asked attribute's emissions for every product in one matrix product, then the asked pairs.

    Emissions of pairs nobody asked cost less than picking states per pair would: 4 D operations a
    token and attribute, against copying D numbers.
    """
    products = list(dict.fromkeys(p for p, _ in asks))
    attributes = list(dict.fromkeys(a for _, a in asks))
    row = {p: at for at, p in enumerate(products)}
    column = {a: at for at, a in enumerate(attributes)}
    decoders = [d for a in attributes if (d := described[a].decoder) is not None]
    states = [prepared[p].states_TD for p in products]
    states_BTD = nn.utils.rnn.pad_sequence(states, batch_first=True)
    weight_AKD = torch.cat([d.weight_AKD for d in decoders])
    bias_AK = torch.cat([d.bias_AK for d in decoders])
    emissions_BTX = states_BTD @ weight_AKD.flatten(0, 1).T
    emissions_BTAK = emissions_BTX.view(*states_BTD.shape[:2], *bias_AK.shape) + bias_AK
    product_N = torch.tensor([row[p] for p, _ in asks], device=states_BTD.device)
    attribute_N = torch.tensor([column[a] for _, a in asks], device=states_BTD.device)
    lengths_B = torch.tensor([len(s) for s in states], device=states_BTD.device)
    mask_BT = torch.arange(states_BTD.shape[1], device=states_BTD.device) < lengths_B.unsqueeze(1)
    return Chain(
        emissions_BTAK.transpose(1, 2)[product_N, attribute_N],
        torch.cat([d.transitions_AKK for d in decoders])[attribute_N],
        torch.cat([d.start_AK for d in decoders])[attribute_N],
        torch.cat([d.end_AK for d in decoders])[attribute_N],
        mask_BT[product_N],
    )
