"""The generative model (Shinzato et al., 2023): an encoder reads the product, a decoder writes all its
attributes and values in one sequence, whatever is asked.

The work is all done before the attribute is known. "None" is what is not written: no negative is ever
spelt out, and what the training data do not say of a product is taken for none, other than in a tagger.

Legend: N texts, S positions, L pieces written, D hidden.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Candidate, Product
from attrex.errors import ConfigError, ModelError
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import AttributeTable
from attrex.models.inputs import Inputs, check_room, in_batches, lay_out
from attrex.models.tagging import TaggedWindow
from attrex.models.text_encoders import (
    ENCODER,
    MadeText,
    PretrainedText,
    ShapedText,
    Shapes,
    pretrained_text,
)
from attrex.models.trained import Learnt, TrainedModel
from attrex.models.writing import NAME, Grounding, Key, Script, WrittenAttributes, WrittenTable, opinions
from attrex.nn.beams import search
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder, padded
from attrex.nn.pretrained import find_base
from attrex.nn.writer import (
    NO_COPY,
    CopyWriter,
    CrossAttending,
    Writing,
    decoder_like,
    load_t5_decoder,
    t5_decoder,
    with_fronts,
)
from attrex.supervision.pool import Pool
from attrex.text.reading import Reading, read

Order = Literal["common-first", "rare-first", "random"]
ROWS = 4096
"""Padded tokens times beams that are written for at once."""
LONGEST = 256
"""Pieces of an output at most."""
LAYERS = 2
"""Of a decoder that no base brings along."""
PER_PAIR = 16
"""Pieces that are reckoned with for each pair of the longest training output."""


@dataclass(frozen=True, slots=True)
class PreparedOutput:
    """A window and all that was written of it, by attribute: candidates, and the score of "none"."""

    reading: Reading
    said: Mapping[Key, tuple[tuple[Candidate, ...], float]]


@dataclass(frozen=True, slots=True)
class DescribedName:
    """An attribute's name as it is written."""

    name: str
    key: Key


class WithDecoder(nn.Module):
    """A text encoder with the decoder that goes with it, and the rows ``(X, D)`` from which the output layer
    begins."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, rows_XD: Tensor) -> None:
        super().__init__()
        self.encoder, self.decoder, self.rows_XD = encoder, decoder, rows_XD


class WrittenText:
    """A pretrained encoder with a decoder: T5's own, or for BERT's kind one that begins as its first layers.
    ``layers``: of the decoder; None means ``LAYERS``, or all of T5's."""

    def __init__(self, text: PretrainedText | ShapedText, base: str, layers: int | None) -> None:
        self.text, self.base, self.layers = text, base, layers

    def make(self, pool: Pool) -> MadeText:
        made = self.text.make(pool)
        body = _pretrained(made.encoder).body
        if _kind(body) == "bert":
            return self._like(made, body)
        base = find_base(self.base)
        decoder = t5_decoder(base.config(), layers=self.layers)
        where = f'the encoder "{base.name}"'
        rows_XD = load_t5_decoder(decoder, base.config(), base.tensors(), where=where)
        return replace(made, encoder=WithDecoder(made.encoder, decoder, rows_XD))

    def remake(self, files: Mapping[str, str]) -> MadeText:
        made = self.text.remake(files)
        body = _pretrained(made.encoder).body
        if _kind(body) == "bert":
            return self._like(made, body)
        decoder = t5_decoder(json.loads(files[ENCODER])["config"], layers=self.layers)
        return replace(made, encoder=WithDecoder(made.encoder, decoder, _words(body)))

    def _like(self, made: MadeText, body: nn.Module) -> MadeText:
        decoder = decoder_like(body, layers=self.layers or LAYERS)
        return replace(made, encoder=WithDecoder(made.encoder, decoder, _words(body)))


class GenerativeNetwork(nn.Module):
    """``forward`` takes what ``Generator.collate`` gives."""

    def __init__(self, encoder: nn.Module, writer: CopyWriter, script: Script, longest: int) -> None:
        super().__init__()
        self.encoder, self.writer = encoder, writer
        self.script, self.longest = script, longest

    def words(self, ids_NL: Tensor) -> Tensor:
        """Word vectors ``(N, L, D)`` of pieces."""
        beyond_NL = ids_NL >= self.script.beyond
        return _pretrained(self.encoder).embed(ids_NL.masked_fill(beyond_NL, self.script.unknown))

    def read(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The encoder's states ``(N, S, D)``, and at each position the piece that may be copied."""
        return self.encoder(inputs.ids_NS, inputs.mask_NS), self.copies(inputs)

    def copies(self, inputs: Inputs) -> Tensor:
        """At each position the piece that may be copied, ``(N, S)``."""
        pieces_NS = inputs.ids_NS % self.script.pieces.size
        text_NS = torch.zeros_like(inputs.mask_NS).scatter(1, inputs.position_NT, inputs.chain_NT)
        free_NS = text_NS & (pieces_NS != self.script.end)
        # As ``Script.own_pieces``.
        own_NS = self.script.beyond + text_NS.cumsum(1) - 1
        pieces_NS = torch.where(pieces_NS == self.script.unknown, own_NS, pieces_NS)
        return with_fronts(pieces_NS.masked_fill(~free_NS, NO_COPY))

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the negative log likelihood a piece, averaged over each output and over outputs."""
        inputs, written_NL, real_NL = Inputs.of(batch), batch["written_NL"], batch["real_NL"]
        memory_NSD, copies_NS2 = self.read(inputs)
        before_NL = written_NL.roll(1, dims=1)
        before_NL[:, 0] = self.script.start
        vectors_NLD = self.writer.read_back(self.words(before_NL), before_NL)
        likely_NL = self.writer.log_likelihood(
            vectors_NLD, written_NL, memory_NSD, inputs.mask_NS, copies_NS2
        )
        return {"loss": -((likely_NL * real_NL).sum(1) / real_NL.sum(1)).mean()}


class Generator:
    """The mechanism of the generative model; see the module's text."""

    record_types = (PreparedOutput, DescribedName)

    def __init__(self, order: Order, beams: int, *, window: int) -> None:
        self._order, self._beams, self._window = order, beams, window

    def assemble(self, text: MadeText, table: AttributeTable) -> GenerativeNetwork:
        assert isinstance(table, WrittenTable)
        assert isinstance(text.encoder, WithDecoder)
        script, encoder = Script(text.tokeniser), _pretrained(text.encoder.encoder)
        check_room(encoder.body, self._window, 0, text.tokeniser)
        pieces = script.inventory([*table.names, *table.values])
        writer = CopyWriter(
            text.encoder.decoder,
            pieces=pieces,
            rows_VD=text.encoder.rows_XD[torch.tensor(pieces)].detach(),
            vocabulary=script.beyond,
        )
        positions = int(getattr(encoder.body.config, "max_position_embeddings", LONGEST))
        longest = min(LONGEST, positions, 2 * NAME + PER_PAIR * table.pairs)
        return GenerativeNetwork(text.encoder.encoder, writer, script, longest)

    def prepare(self, learnt: Learnt[GenerativeNetwork], products: Sequence[Product]) -> list[PreparedOutput]:
        """Everything: the whole output by beam search, read and grounded."""
        grounding = _grounding(learnt)
        readings = read(products, learnt.tokeniser)
        live = [reading for reading in readings if len(reading)]

        def write(batch: list[int]) -> list[PreparedOutput]:
            return self._written(learnt, [live[at] for at in batch], grounding)

        lengths = [len(reading) + len(reading.prefix) for reading in live]
        written = iter(in_batches(lengths, ROWS // self._beams, write))
        return [next(written) if len(reading) else PreparedOutput(reading, {}) for reading in readings]

    def _written(
        self, learnt: Learnt[GenerativeNetwork], readings: Sequence[Reading], grounding: Grounding
    ) -> list[PreparedOutput]:
        network, script = learnt.network, learnt.network.script
        inputs = lay_out(readings, learnt.tokeniser).to(learnt.device)
        memory_NSD, copies_NS2 = network.read(inputs)
        writer = network.writer
        past = CrossAttending(writer.decoder, memory_NSD, inputs.mask_NS)
        writing = Writing(writer, network.words, past, writer.key(memory_NSD), copies_NS2)
        found = search(
            writing,
            len(readings),
            start=writing.symbol(script.start),
            end=writing.symbol(script.end),
            beams=self._beams,
            longest=network.longest,
            device=learnt.device,
        )
        made: list[PreparedOutput] = []
        for item, (reading, sequences) in enumerate(zip(readings, found, strict=True)):
            held = opinions([(writing.ids(item, w.symbols), w) for w in sequences], script)
            said = {
                key: (grounding.candidates(grounding.names[key], opinion, reading), opinion.none)
                for key, opinion in held.items()
                if key in grounding.names
            }
            made.append(PreparedOutput(reading, said))
        return made

    def describe(
        self, learnt: Learnt[GenerativeNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedName | None]:
        """The name's pieces; an attribute that was never written is unknown."""
        keys = learnt.network.script.keys([a.name for a in attributes])
        return [
            DescribedName(a.name, key) if a.name in learnt.table.places else None
            for a, key in zip(attributes, keys, strict=True)
        ]

    def answer(
        self,
        learnt: Learnt[GenerativeNetwork],
        asked: Sequence[tuple[PreparedOutput, DescribedName]],
    ) -> list[Answer]:
        """Looked up in what was written."""
        return [Answer(*output.said.get(described.key, ((), 1.0))) for output, described in asked]

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        """The windows with their asks in the order in which they are written."""
        counts = Counter(ask.attribute.name for w in windows for ask in w.asks if ask.exact or ask.unlocated)
        chance = random.Random(f"order/{epoch}")  # noqa: S311 - no secret depends on it
        sign = -1 if self._order == "common-first" else 1
        ordered: list[TaggedWindow] = []
        for window in windows:
            asks = list(window.asks)
            if self._order == "random":
                chance.shuffle(asks)
            else:
                asks.sort(key=lambda ask: (sign * counts[ask.attribute.name], ask.attribute.name))
            ordered.append(replace(window, asks=tuple(asks)))
        return ordered

    def collate(
        self, learnt: Learnt[GenerativeNetwork], examples: Sequence[TaggedWindow]
    ) -> dict[str, Tensor]:
        script, longest = learnt.network.script, learnt.network.longest
        written_NL, real_NL = padded([script.write(each, longest) for each in examples], script.end)
        inputs = lay_out([each.reading for each in examples], learnt.tokeniser)
        return {**inputs.tensors(), "written_NL": written_NL, "real_NL": real_NL}


def _grounding(learnt: Learnt[GenerativeNetwork]) -> Grounding:
    table, script = learnt.table, learnt.network.script
    assert isinstance(table, WrittenTable)
    names = dict(zip(script.keys(table.names), table.names, strict=True))
    spellings = dict(zip(script.keys(table.values), table.values, strict=True))
    return Grounding(script, names, spellings, learnt.trims)


def _kind(body: nn.Module) -> str:
    kind = str(body.config.model_type)  # type: ignore[union-attr]  # any HF body
    if kind not in ("bert", "t5"):
        raise ModelError(
            f"there is no decoder for an encoder of the kind {kind}. "
            "Fix: give model.arguments.base an encoder of BERT's or T5's kind"
        )
    return kind


def _words(body: nn.Module) -> Tensor:
    table: nn.Embedding = body.get_input_embeddings()  # type: ignore[operator]  # any HF body has it
    return table.weight.detach()


def _pretrained(encoder: nn.Module) -> PretrainedEncoder:
    inner = encoder.encoder if isinstance(encoder, ShapedEncoder) else encoder
    assert isinstance(inner, PretrainedEncoder)
    return inner


def build_generative(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    order: Order = "common-first",
    beams: int = 4,
    layers: int | None = None,
    replacement: float = 0.0,
    window: int = 224,
) -> TrainedModel[GenerativeNetwork]:
    """``base`` is T5, whose encoder reads and whose decoder writes, or of BERT's kind: then a decoder that
    begins as the base's first layers writes. ``layers``: of the decoder; left out, 2, or all of T5's.

    ``order`` of the pairs: by how often the training data state the attribute, or drawn anew each epoch.
    ``beams``: sequences that are followed at once; 1 is greedy. ``replacement`` as in AdaTag.
    """
    arguments: dict[str, Any] = dict(locals())
    one_of("order", order, get_args(Order))
    for name, value in (("beams", beams), ("layers", LAYERS if layers is None else layers)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"model.arguments.{name}: expected a whole number from 1, got {value!r}")
    text = pretrained_text(base, frozen_embeddings=frozen_embeddings, shapes=shapes)
    return TrainedModel(
        "generative",
        arguments,
        text=WrittenText(text, base, layers),
        attributes=WrittenAttributes(),
        mechanism=Generator(order, beams, window=window),
        window=window,
        replacement=replacement,
    )
