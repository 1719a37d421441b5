"""EAVE's network: a heavy encoder that sees context or attribute, a light one that sees both, and the fusion.

Legend: B windows, S tokens of a context or of a pair, A attributes, Q tokens of an attribute, N asks, M
layers of the heavy encoder that are kept, D the light encoder's width, X tokens of all contexts, Z of all
attributes, Y of all asks' attributes, flat; T tokens of a text, C of the longest context, K tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attrex.models.inputs import Inputs
from attrex.models.sequence_tagger import one_decoder_chain
from attrex.models.weights import OwnGroup
from attrex.nn import crf
from attrex.nn.attention import Projected
from attrex.nn.decoders import Decoder, DecoderSource
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder
from attrex.nn.fusion import Fusion, adaptor
from attrex.nn.layered import Hook, Place, attend, layer, layered, project, states_at
from attrex.nn.pairs import Pairs


class Reader(nn.Module):
    """A pretrained encoder with some of its layers: from ids, shapes in them or not, layer by layer."""

    def __init__(self, encoder: PretrainedEncoder | ShapedEncoder, layers: Sequence[int]) -> None:
        super().__init__()
        self.encoder = encoder
        self.layers = layered(encoder.body, layers)

    def enter(self, ids_BS: Tensor, positions_BS: Tensor) -> Tensor:
        """The first layer's input ``(B, S, D)``."""
        return self.layers.enter(self.encoder.embed(ids_BS), positions_BS)


class HeavyEncoder(OwnGroup):
    """The heavy encoder (Eq. 1). Of its layers those up to the last that is ``kept``, the rest is never
    run; ``place``: where in a kept layer its states are taken. ``frozen``: learns nothing."""

    group = "heavy"

    def __init__(
        self,
        encoder: PretrainedEncoder | ShapedEncoder,
        *,
        kept: Sequence[int],
        place: Place,
        frozen: bool,
    ) -> None:
        super().__init__()
        self.kept, self.place, self.frozen = tuple(kept), place, frozen
        self.reader = Reader(encoder, range(max(kept) + 1))
        for module in self.reader.layers.beyond(max(kept), place):
            module.requires_grad_(False)
        if frozen:
            self.requires_grad_(False)

    def train(self, mode: bool = True) -> HeavyEncoder:
        """A frozen encoder drops nothing out: its states are the same whenever they are asked for."""
        super().train(mode and not self.frozen)
        return self

    def forward(self, ids_BS: Tensor, mask_BS: Tensor) -> Tensor:
        """``y_l`` of the kept layers ``(M, B, S, heavy width)``, in float32."""
        layers, states = self.reader.layers, []
        B, S = ids_BS.shape
        bias = layers.bias(None if bool(mask_BS.all()) else mask_BS, S)
        inward = self.reader.enter(ids_BS, torch.arange(S, device=ids_BS.device).expand(B, S))

        def keep(found: Tensor) -> Tensor:
            states.append(found)
            return found

        for at in range(layers.depth - 1):
            inward = layer(layers, at, inward, bias, {self.place: keep} if at in self.kept else {})
        states.append(states_at(layers, layers.depth - 1, self.place, inward, bias))
        return torch.stack([each.float() for each in states])


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one side as the light encoder meets them, flat: its own states in front of the first layer
    ``(1, X, D)``, or ``projected`` already where no token needs to know of another for that; and the
    adapted heavy states ``(M, X, D)``."""

    entered: Tensor | Projected
    heavy_MXD: Tensor


class EaveNetwork(nn.Module):
    """``mapping``: for each light layer the heavy one whose states it meets, at ``place``. ``forward`` takes
    what ``Eave.collate`` gives.

    Equation 2 as printed normalises the attention's output y' for the MLP and adds the fused stream y
    only in the skip. Here the MLP reads the stream y, as in Equation 1 and in the pretrained layers:
    their MLP and its norm have only ever read streams, and y' lacks all that the layers below made.
    """

    def __init__(
        self,
        heavy: PretrainedEncoder | ShapedEncoder,
        light: Reader,
        *,
        mapping: Sequence[int],
        place: Place,
        frozen: bool,
        fusion: Fusion,
        decoder: DecoderSource,
        dropout: float,
    ) -> None:
        super().__init__()
        kept = sorted(set(mapping))
        self.heavy = HeavyEncoder(heavy, kept=kept, place=place, frozen=frozen)
        self.light = light
        self.adaptor = adaptor(self.heavy.reader.layers.width, light.layers.width)
        self.fusion, self.decoder = fusion, decoder
        self.dropout = nn.Dropout(dropout)
        self._place: Place = place
        self._slots = [kept.index(layer) for layer in mapping]
        # Behind the projection tokens may meet all the same; in front of it only with themselves.
        self.shares = fusion.by_token or place != "before_attention"

    def adapted(self, ids_BS: Tensor, mask_BS: Tensor) -> Tensor:
        """``W_adp y_l`` of the kept layers ``(M, B, S, D)`` (Eq. 3)."""
        made_MBSD: Tensor = self.adaptor(self.heavy(ids_BS, mask_BS))
        return made_MBSD

    def tokens(self, ids_X: Tensor, positions_X: Tensor, heavy_MXD: Tensor) -> Tokens:
        """What the light encoder makes of tokens before they meet others; ``positions_X`` are those in
        their pair."""
        entered_1XD = self.light.enter(ids_X.unsqueeze(0), positions_X.unsqueeze(0))
        if not self.shares:
            return Tokens(entered_1XD, heavy_MXD)
        hook = self._hook(0, heavy_MXD[self._slots[0]].unsqueeze(0), None)
        return Tokens(project(self.light.layers, 0, entered_1XD, {self._place: hook}), heavy_MXD)

    def _hook(self, at: int, heavy_NSD: Tensor, mask_NS: Tensor | None) -> Hook:
        return lambda light_NQD: self.fusion(at, light_NQD, heavy_NSD, mask_NS)

    def states(self, pairs: Pairs, context: Tokens, attribute: Tokens, longest: int) -> Tensor:
        """The light encoder's states ``(N, C, D)`` of the contexts, each in sight of its attribute (Eq. 2);
        ``longest``: C."""
        layers = self.light.layers
        bias = layers.bias(pairs.mask_NS, pairs.context_NS.shape[1])
        last = layers.depth - 1
        states: Tensor | None = None
        heavy_NSD, slot = torch.empty(0), -1
        for at in range(layers.depth):
            if self._slots[at] != slot:
                slot = self._slots[at]
                heavy_NSD = pairs.join(context.heavy_MXD[slot], attribute.heavy_MXD[slot])
            hooks = {self._place: self._hook(at, heavy_NSD, pairs.mask_NS)}
            # Nothing reads the attributes' own states behind the last layer.
            rows = longest if at == last else None
            if states is not None:
                states = layer(layers, at, states, bias, hooks, rows=rows)
            elif isinstance(context.entered, Projected) and isinstance(attribute.entered, Projected):
                met = _join(pairs, context.entered, attribute.entered)
                states = attend(layers, at, met if rows is None else met.first(rows), bias, hooks)
            else:
                assert isinstance(context.entered, Tensor)
                assert isinstance(attribute.entered, Tensor)
                joined_NSD = pairs.join(context.entered[0], attribute.entered[0])
                states = layer(layers, at, joined_NSD, bias, hooks, rows=rows)
        assert states is not None
        return layers.leave(states)

    def tagger(self) -> Decoder:
        """The one decoder of all attributes."""
        made: Decoder = self.decoder(torch.zeros(1, dtype=torch.long, device=self.adaptor.weight.device))
        return made

    def emissions(self, pairs: Pairs, context: Tokens, attribute: Tokens, longest: int) -> Tensor:
        """Scores of the contexts' tags ``(N, C, K)``."""
        states_NCD = self.dropout(self.states(pairs, context, attribute, longest))
        made = self.tagger()
        return nn.functional.linear(states_NCD, made.weight_AKD[0], made.bias_AK[0])

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the negative log likelihood, weighted, summed over a window's asks and averaged over
        windows. The heavy encoder runs once a window and once an attribute of the batch."""
        inputs, pairs = Inputs.of(batch), Pairs.from_tensors(batch)
        ids_AQ, mask_AQ = batch["question_AQ"], batch["question_mask_AQ"]
        if self.heavy.frozen:
            context_MXD = self.adaptor(batch["heavy_context_MXD"])
            attribute_MZD = self.adaptor(batch["heavy_attribute_MZD"])
        else:
            context_MXD = self.adapted(inputs.ids_NS, inputs.mask_NS)[:, inputs.mask_NS]
            attribute_MZD = self.adapted(ids_AQ, mask_AQ)[:, mask_AQ]
        longest = inputs.ids_NS.shape[1]
        positions_BS = torch.arange(longest, device=ids_AQ.device).expand(inputs.ids_NS.shape)
        context = self.tokens(inputs.ids_NS[inputs.mask_NS], positions_BS[inputs.mask_NS], context_MXD)
        attribute = self.tokens(
            ids_AQ[mask_AQ][pairs.token_Y], pairs.place_Y, attribute_MZD[:, pairs.token_Y]
        )
        asked = inputs.rows(batch["product_N"])
        emissions_NTK = asked.text_states(self.emissions(pairs, context, attribute, longest))
        chain = one_decoder_chain(self.tagger(), emissions_NTK, asked.chain_NT)
        likelihood_N = crf.log_likelihood(chain, batch["tags_NT"])
        return {"loss": -(likelihood_N * batch["weight_N"]).sum() / len(inputs.ids_NS)}


def _join(pairs: Pairs, context: Projected, attribute: Projected) -> Projected:
    return Projected(
        pairs.join(context.queries_BQI[0], attribute.queries_BQI[0]),
        pairs.join(context.keys_BTI[0], attribute.keys_BTI[0]),
        pairs.join(context.values_BTI[0], attribute.values_BTI[0]),
        pairs.join(context.skipped_BQD[0], attribute.skipped_BQD[0]),
    )
