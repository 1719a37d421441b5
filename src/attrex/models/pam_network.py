"""PAM's network: words, words on pictures and regions of pictures in one Transformer, and a decoder that
copies, or generates from the vocabulary of the product's category.

Legend: N asks, S positions of question and text, T text tokens, B rows that have a picture, P regions of one,
X regions of all, M = S + P, G categories and one for any other, V pieces that can be generated, L pieces
written, D hidden.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from attrex.errors import ModelError
from attrex.models.generative import GenerativeNetwork
from attrex.models.inputs import Inputs
from attrex.models.picture_regions import Objects, Patches, Shown, shown_in
from attrex.models.tagging import FLOOR
from attrex.models.writing import Key
from attrex.nn.beams import Written, search
from attrex.nn.boxes import SIZED, sized
from attrex.nn.continuing import EndFirst
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder
from attrex.nn.layered import layered
from attrex.nn.writer import NO_COPY, CrossAttending, Writing

ON_PICTURE, REGION = 0, 1
"""Kinds of tokens besides words of texts."""


@dataclass(frozen=True, slots=True)
class Places:
    """Of each text token the box ``(N, T, 4)`` in which it was read on a picture, which of them were, and
    each product's category, the last one for any that training has not shown."""

    box_NT4: Tensor
    printed_NT: Tensor
    category_N: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By name, as part of a batch of training."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, batch: Mapping[str, Tensor]) -> Places:
        """What ``tensors`` gave."""
        return cls(**{field.name: batch[field.name] for field in fields(cls)})

    def to(self, device: torch.device) -> Places:
        """The same there."""
        return Places(**{name: tensor.to(device) for name, tensor in self.tensors().items()})


@dataclass(frozen=True, slots=True)
class Memory:
    """What the decoder sees: states ``(N, M, D)``, which are real, the piece that may be copied at each, and
    those that must not be generated."""

    states_NMD: Tensor
    mask_NM: Tensor
    copies_NM2: Tensor
    barred_NV: Tensor


@dataclass(frozen=True, slots=True)
class Entered:
    """The Transformer's input, which of it is real, and its positions: regions have no order, and share the
    first."""

    vectors_NMD: Tensor
    mask_NM: Tensor
    place_NM: Tensor


class PamNetwork(nn.Module):
    """``forward`` takes what ``Pam.collate`` gives. ``open_GV``: what may be generated in each category;
    ``spellings``: values as the training data write them; ``weight``: of the category's prediction."""

    open_GV: Tensor

    def __init__(
        self,
        generator: GenerativeNetwork,
        regions: Patches | Objects,
        open_GV: Tensor,
        spellings: Mapping[Key, str],
        *,
        width: int,
        weight: float,
    ) -> None:
        super().__init__()
        self.generator, self.regions, self.spellings = generator, regions, spellings
        self.weight = weight
        self.kind = nn.Embedding(2, width)
        nn.init.normal_(self.kind.weight, std=0.02)
        self.box = nn.Linear(SIZED, width, bias=False)
        nn.init.zeros_(self.box.weight)
        categories = len(open_GV) - 1
        self.category = nn.Linear(width, categories) if categories > 1 and weight else None
        self.register_buffer("open_GV", open_GV, persistent=False)

    @property
    def encoder(self) -> PretrainedEncoder | ShapedEncoder:
        """The Transformer."""
        encoder = self.generator.encoder
        assert isinstance(encoder, PretrainedEncoder | ShapedEncoder)
        return encoder

    def enter(self, inputs: Inputs, places: Places, shown: Shown | None, row_B: Tensor) -> Entered:
        """Words, those on pictures with their boxes, and behind them regions. ``shown``: one picture of each
        of the rows ``row_B``, None where there are none."""
        vectors_NSD = self.encoder.embed(inputs.ids_NS)
        N, S, D = vectors_NSD.shape
        on_picture_NTD = self.box(sized(places.box_NT4)) + self.kind.weight[ON_PICTURE]
        at_NTD = inputs.position_NT.unsqueeze(2).expand(-1, -1, D)
        added_NTD = (on_picture_NTD * places.printed_NT.unsqueeze(2)).to(vectors_NSD.dtype)
        vectors_NSD = vectors_NSD.scatter_add(1, at_NTD, added_NTD)
        place_NS = torch.arange(S, device=vectors_NSD.device).expand(N, S)
        if shown is None:
            return Entered(vectors_NSD, inputs.mask_NS, place_NS)
        tokens_XD = self.regions(shown) + self.kind.weight[REGION]
        own_BPD = pad_sequence(list(tokens_XD.split(shown.counts)), batch_first=True)
        P = own_BPD.shape[1]
        counts_B1 = torch.tensor(shown.counts, device=row_B.device).unsqueeze(1)
        own_BP = torch.arange(P, device=row_B.device) < counts_B1
        region_NPD = vectors_NSD.new_zeros(N, P, D).index_copy(0, row_B, own_BPD.to(vectors_NSD.dtype))
        mask_NP = inputs.mask_NS.new_zeros(N, P).index_copy(0, row_B, own_BP)
        return Entered(
            torch.cat([vectors_NSD, region_NPD], 1),
            torch.cat([inputs.mask_NS, mask_NP], 1),
            torch.cat([place_NS, place_NS.new_zeros(N, P)], 1),
        )

    def read(self, inputs: Inputs, places: Places, shown: Shown | None, row_B: Tensor) -> Memory:
        """All of it through the Transformer, each seeing each."""
        entered = self.enter(inputs, places, shown, row_B)
        states_NMD = self.encoder.encode(entered.vectors_NMD, entered.mask_NM, entered.place_NM)
        copies_NS2 = self.generator.copies(inputs)
        regions = states_NMD.shape[1] - copies_NS2.shape[1]
        return Memory(
            states_NMD,
            entered.mask_NM,
            nn.functional.pad(copies_NS2, (0, 0, 0, regions), value=NO_COPY),
            ~self.open_GV[places.category_N],
        )

    def attention(self, entered: Entered) -> Tensor:
        """How the first layer's tokens look at each other, ``(N, M, M)``, all heads alike."""
        encoder = layered(self.encoder.body)
        read_NMD = encoder.before(0, encoder.enter(entered.vectors_NMD, entered.place_NM))
        bias = encoder.bias(entered.mask_NM, entered.mask_NM.shape[1])
        return encoder.weights(0, read_NMD, read_NMD, bias).mean(1)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the negative log likelihood of what each ask should have written, and the cross-entropy
        of the category from [CLS], averaged over asks."""
        generator, places = self.generator, Places.of(batch)
        shown = shown_in(self.regions, batch)
        memory = self.read(Inputs.of(batch), places, shown, batch["row_B"])
        written_NL, real_NL = batch["written_NL"], batch["real_NL"]
        before_NL = written_NL.roll(1, dims=1)
        before_NL[:, 0] = generator.script.start
        likely_NL = generator.writer.log_likelihood(
            generator.writer.read_back(generator.words(before_NL), before_NL),
            written_NL,
            memory.states_NMD,
            memory.mask_NM,
            memory.copies_NM2,
            memory.barred_NV,
        )
        loss_N = -(likely_NL * real_NL).sum(1) * batch["weight_N"]
        if self.category is not None:
            told_NG, unknown = self.category(memory.states_NMD[:, 0]), self.category.out_features
            loss_N = loss_N + self.weight * nn.functional.cross_entropy(
                told_NG, places.category_N, ignore_index=unknown, reduction="none"
            )
        return {"loss": loss_N.mean()}

    def write(
        self, memory: Memory, *, beams: int
    ) -> tuple[list[list[tuple[list[int], Written]]], list[float]]:
        """By beam search, of each ask sequences of piece ids; and how likely it is that there is none."""
        generator, N = self.generator, len(memory.states_NMD)
        writer, script = generator.writer, generator.script
        past = CrossAttending(writer.decoder, memory.states_NMD, memory.mask_NM)
        keys_NMD = writer.key(memory.states_NMD)
        writing = Writing(writer, generator.words, past, keys_NMD, memory.copies_NM2, memory.barred_NV)
        end = writing.symbol(script.end)
        first = EndFirst(writing, end)
        found = search(
            first,
            N,
            start=writing.symbol(script.start),
            end=end,
            beams=beams,
            longest=generator.longest,
            device=memory.states_NMD.device,
            least=math.log(FLOOR / beams),
        )
        return [
            [(writing.ids(item, each.symbols), each) for each in sequences]
            for item, sequences in enumerate(found)
        ], first.ended


def of_berts_kind(encoder: Any) -> Any:
    """The Hugging Face body of an encoder whose positions can be told. Raises ``ModelError`` for another."""
    body = encoder.body
    if body.config.model_type != "bert":
        raise ModelError(
            f"an encoder of the kind {body.config.model_type} cannot be told where a region stands. "
            "Fix: name a base of BERT's kind"
        )
    return body


def open_pieces(pieces: Sequence[int], by_category: Sequence[set[int]], always: set[int]) -> Tensor:
    """``(G, V)``: what each category may generate; the last row is of any other, which may all."""
    rows = [[piece in own or piece in always for piece in pieces] for own in by_category]
    return torch.tensor([*rows, [True] * len(pieces)])
