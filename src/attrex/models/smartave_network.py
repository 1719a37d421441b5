"""SMARTAVE's network: structured encoder, value decoder with copying, tags as an auxiliary task (3.2, 3.5).

Two forms, told apart by when the product meets the attribute. ``SeenNetwork``, the paper's: the attribute is
one more block, and every local state knows what is asked. ``ApartNetwork``: the product is read without it,
and only the attribute's hyper-token, the decoder and the tags know both sides.

Legend: N rows of blocks, A asks, M local tokens, R blocks, G hyper-tokens of a product, T text tokens, J
sources that are tagged, L pieces written or tokens of a source, Q attributes, K layers, D hidden.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from attrex.models.picture_regions import Objects, Patches, Shown, shown_in
from attrex.models.sequence_tagger import chain_of, own_decoders
from attrex.models.smartave_inputs import BlockMaker, Laid
from attrex.models.tagging import FLOOR
from attrex.models.writing import Key, Script
from attrex.nn import crf
from attrex.nn.beams import Steps, Written, search
from attrex.nn.copying import Telling, ValueDecoder
from attrex.nn.structured import ATTRIBUTE, Blocks, Sources, StructuredEncoder, Words
from attrex.nn.writer import CopyWriter, Writing, in_front

WordVectors = Callable[[Tensor], Tensor]
"""Of ids of the tokeniser."""

MET = 64
"""Width in which a state that does not know the attribute meets it to be tagged."""


class SourceReader(nn.Module):
    """Words and regions of pictures to states. ``maker``: how blocks are made of what it reads."""

    def __init__(
        self, encoder: StructuredEncoder, pictures: Patches | Objects | None, maker: BlockMaker
    ) -> None:
        super().__init__()
        self.encoder, self.pictures, self.maker = encoder, pictures, maker

    def words(self, ids: Tensor) -> Tensor:
        """Word vectors of ids ``(N, L)`` of the tokeniser."""
        vectors: Tensor = self.encoder.encoder.embed(ids)
        return vectors

    def enter(self, laid: Laid, shown: Shown | None) -> tuple[Tensor, Tensor, Blocks]:
        """The first layer's local and hyper-tokens, and how their blocks lie."""
        blocks = Blocks(laid.length_R.tolist(), laid.owner_R.tolist(), laid.ids_M.device)
        vectors_MD = self.words(laid.ids_M.unsqueeze(0))[0]
        if self.pictures is not None and shown is not None:
            vectors_MD = vectors_MD.index_copy(0, laid.patch_X, self.pictures(shown).to(vectors_MD.dtype))
        return *self.encoder.enter(vectors_MD, laid.place_M, laid.modality_R, blocks), blocks

    def forward(self, laid: Laid, shown: Shown | None) -> tuple[Tensor, Tensor, list[Tensor], Blocks]:
        """Local and hyper-tokens, and the hyper-tokens in front of each layer. ``shown``: of the picture
        blocks in their order; None where there are none."""
        local_MD, hyper_RD, blocks = self.enter(laid, shown)
        return *self.encoder(local_MD, hyper_RD, blocks), blocks


@dataclass(frozen=True, slots=True)
class Lines:
    """Sources that are tagged: of each the row whose text it is of, the ask, its tokens' places among the
    row's T, which are real, and its tags."""

    row_J: Tensor
    ask_J: Tensor
    place_JL: Tensor
    mask_JL: Tensor
    tags_JL: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By name, as part of a batch of training."""
        return {f"line {field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, batch: Mapping[str, Tensor]) -> Lines:
        """What ``tensors`` gave."""
        return cls(**{field.name: batch[f"line {field.name}"] for field in fields(cls)})


class Knowing(nn.Module):
    """For states that know what is asked: as they are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, states_NTD: Tensor, told_AD: Tensor, lines: Lines) -> Tensor:
        """What is tagged, ``(J, L, width)``."""
        return states_NTD[lines.row_J.unsqueeze(1), lines.place_JL]


class Meeting(nn.Module):
    """For states that do not: each is joined with the attribute's hyper-token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = MET
        self.state, self.attribute = nn.Linear(width, MET), nn.Linear(width, MET)

    def forward(self, states_NTD: Tensor, told_AD: Tensor, lines: Lines) -> Tensor:
        """See ``Knowing``."""
        state_JLD = self.state(states_NTD)[lines.row_J.unsqueeze(1), lines.place_JL]
        attribute_J1D = self.attribute(told_AD)[lines.ask_J].unsqueeze(1)
        return nn.functional.gelu(state_JLD + attribute_J1D)


class Tags(nn.Module):
    """The auxiliary task: each source's tokens in {B, I, O, E} by a CRF."""

    def __init__(self, join: Knowing | Meeting, tags: int) -> None:
        super().__init__()
        self.join, self.decoder = join, own_decoders("crf", attributes=1, tags=tags, width=join.width)

    def forward(self, states_NTD: Tensor, told_AD: Tensor, lines: Lines) -> Tensor:
        """The negative log likelihood of each ask's tags, ``(A,)``."""
        if not len(lines.row_J):  # pictures alone
            return told_AD.new_zeros(len(told_AD))
        chain = chain_of(self.decoder, self.join(states_NTD, told_AD, lines), lines.mask_JL)
        likelihood_J = crf.log_likelihood(chain, lines.tags_JL)
        return told_AD.new_zeros(len(told_AD)).index_add(0, lines.ask_J, -likelihood_J)


@dataclass(frozen=True, slots=True)
class Asked:
    """Asks as the decoder takes them: the attribute's hyper-token, the writer's ``key`` of the text's states,
    and the pieces that may be copied there."""

    told_AD: Tensor
    keys_ATD: Tensor
    pieces_AT2: Tensor


class ExtractionLayer(nn.Module):
    """What is made of the attribute's hyper-token and the text's states. ``writer``: with a ``ValueDecoder``;
    ``tags``: None where the auxiliary task's weight ``alpha`` is nought; ``spellings``: values as the
    training data write them."""

    def __init__(
        self,
        writer: CopyWriter,
        tags: Tags | None,
        script: Script,
        *,
        alpha: float,
        spellings: Mapping[Key, str],
    ) -> None:
        super().__init__()
        self.writer, self.tags, self.script = writer, tags, script
        self.alpha, self.spellings = alpha, spellings

    @property
    def decoder(self) -> ValueDecoder:
        """The decoder."""
        assert isinstance(self.writer.decoder, ValueDecoder)
        return self.writer.decoder

    def states(self, words: WordVectors, told_AD: Tensor, written_AL: Tensor) -> Tensor:
        """The decoder's states ``(A, L, D)`` before each of the pieces."""
        script = self.script
        before_AL = written_AL.roll(1, dims=1)
        before_AL[:, 0] = script.start
        vectors_ALD = words(before_AL.masked_fill(before_AL >= script.beyond, script.unknown))
        states_ALD: Tensor = self.decoder(self.writer.read_back(vectors_ALD, before_AL), told_AD)
        return states_ALD

    def loss(
        self,
        words: WordVectors,
        told_AD: Tensor,
        states_NTD: Tensor,
        row_A: Tensor,
        laid: Laid,
        batch: Mapping[str, Tensor],
    ) -> Tensor:
        """L_D + alpha L_Seq (appendix A), summed over asks and averaged over rows. ``row_A``: whose text each
        is asked of."""
        written_AL, real_AL = batch["written_AL"], batch["real_AL"]
        likely_AL = self.writer.likelihood(
            self.states(words, told_AD, written_AL),
            written_AL,
            self.writer.key(states_NTD)[row_A],
            laid.pieces_NT2[row_A],
        )
        loss_A = -(likely_AL * real_AL).sum(1) * batch["weight_A"]
        if self.tags is not None:
            tagged_A = self.tags(states_NTD, told_AD, Lines.of(batch))
            loss_A = loss_A + self.alpha * tagged_A * batch["tag_weight_A"]
        return loss_A.sum() / len(states_NTD)

    def write(
        self, words: WordVectors, told_AD: Tensor, keys_ATD: Tensor, pieces_AT2: Tensor, *, beams: int
    ) -> tuple[list[list[tuple[list[int], Written]]], list[float]]:
        """By beam search, of each ask sequences of piece ids; and how likely it is that nothing is written,
        whether or not a beam says so. What is too improbable to be proposed is not followed.

        ``keys_ATD``: the writer's ``key`` of the text's states."""
        script = self.script

        def known(ids: Tensor) -> Tensor:
            return words(ids.masked_fill(ids >= script.beyond, script.unknown))

        writing = Writing(self.writer, known, Telling(self.decoder, told_AD), keys_ATD, pieces_AT2)
        end = writing.symbol(script.end)
        noting = _Noting(writing, end)
        found = search(
            noting,
            len(told_AD),
            start=writing.symbol(script.start),
            end=end,
            beams=beams,
            longest=self.decoder.longest,
            device=told_AD.device,
            least=math.log(FLOOR / beams),
        )
        assert noting.first_N is not None
        return [
            [(writing.ids(item, each.symbols), each) for each in sequences]
            for item, sequences in enumerate(found)
        ], noting.first_N.exp().clamp(0, 1).tolist()

    def likely(self, words: WordVectors, asked: Asked, written_AL: Tensor) -> Tensor:
        """log p of each of the pieces given those before it, ``(A, L)``."""
        states_ALD = self.states(words, asked.told_AD, written_AL)
        return self.writer.likelihood(states_ALD, written_AL, asked.keys_ATD, asked.pieces_AT2)

    def pointed(
        self, words: WordVectors, told_XD: Tensor, keys_XTD: Tensor, pieces_XT2: Tensor, ids_XL: Tensor
    ) -> Tensor:
        """log p of copying from each place, at each piece of sequences: ``(X, L, T)``."""
        states_XLD = self.states(words, told_XD, ids_XL)
        _, _, copied_XLT = self.writer.chances(states_XLD, in_front(ids_XL), keys_XTD, pieces_XT2)
        return copied_XLT.clamp(min=1e-12).log()


class _Noting:
    """Steps of which the first log probabilities ``(N,)`` of one symbol are kept."""

    def __init__(self, steps: Steps, symbol: int) -> None:
        self._steps, self._symbol = steps, symbol
        self.first_N: Tensor | None = None

    def step(self, symbols_M: Tensor) -> Tensor:
        """See ``Steps``."""
        log_MW = self._steps.step(symbols_M)
        if self.first_N is None:
            self.first_N = log_MW[:, self._symbol]
        return log_MW

    def choose(self, rows_M: Tensor) -> None:
        """See ``Steps``."""
        self._steps.choose(rows_M)


class SeenNetwork(nn.Module):
    """The paper's form: a row is an ask, its first block the attribute. ``forward`` takes what its
    mechanism's ``collate`` gives."""

    def __init__(self, reader: SourceReader, extraction: ExtractionLayer) -> None:
        super().__init__()
        self.reader, self.extraction = reader, extraction

    def read(self, laid: Laid, shown: Shown | None) -> tuple[Tensor, Tensor]:
        """Each ask's hyper-token ``(A, D)`` and its text's states ``(A, T, D)``."""
        local_MD, hyper_RD, _, _ = self.reader(laid, shown)
        return hyper_RD[laid.modality_R == ATTRIBUTE], local_MD[laid.text_NT]

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: see ``ExtractionLayer.loss``."""
        laid = Laid.of(batch)
        told_AD, states_ATD = self.read(laid, shown_in(self.reader.pictures, batch))
        row_A = torch.arange(len(told_AD), device=told_AD.device)
        return {"loss": self.extraction.loss(self.reader.words, told_AD, states_ATD, row_A, laid, batch)}


class ApartNetwork(nn.Module):
    """The form in which products are read without knowing what is asked: a row is a product, and attributes
    are rows of their own, which see no other attribute. ``forward`` as ``SeenNetwork``'s."""

    def __init__(self, reader: SourceReader, extraction: ExtractionLayer) -> None:
        super().__init__()
        self.reader, self.extraction = reader, extraction

    def read(self, laid: Laid, shown: Shown | None) -> tuple[Sources, Tensor]:
        """What attributes will need, and the texts' states ``(N, T, D)``."""
        local_MD, _, before, blocks = self.reader(laid, shown)
        index_NG, mask_NG = blocks.hypers.padded(local_MD.device)
        hyper_KNGD = torch.stack([each_RD[index_NG] for each_RD in before])
        return Sources(hyper_KNGD, mask_NG), local_MD[laid.text_NT]

    def describe(self, laid: Laid) -> tuple[Words, Tensor]:
        """Attributes' words in front of each layer, and their hyper-tokens ``(Q, D)`` as they enter."""
        local_MD, hyper_QD, blocks = self.reader.enter(laid, None)
        index_QL, mask_QL = blocks.own.padded(local_MD.device)
        before = self.reader.encoder.words(local_MD, blocks)
        return Words(torch.stack([each_MD[index_QL] for each_MD in before]), mask_QL), hyper_QD

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: see ``ExtractionLayer.loss``."""
        laid = Laid.of(batch)
        sources, states_NTD = self.read(laid, shown_in(self.reader.pictures, batch))
        words, hyper_QD = self.describe(Laid.of(batch, "attribute "))
        row_A, attribute_A = batch["row_A"], batch["attribute_A"]
        told_AD = self.reader.encoder.ask(hyper_QD[attribute_A], sources, row_A, words, attribute_A)
        return {"loss": self.extraction.loss(self.reader.words, told_AD, states_NTD, row_A, laid, batch)}
