"""DEFLATE (Zhang et al., 2023): a T5-type generator that reads a picture's tokens in front of the text
proposes values, and a discriminator judges whether each is credible for the product and the attribute.

What the discriminator does not believe goes to "none". The generator's decoder copies, as the generative
model's does (``nn.writer``).

Legend: N rows, K picture tokens, S positions, L pieces written, D hidden, G pixels a side.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product
from attrex.errors import ConfigError
from attrex.models.attribute_parts import AttributeTable
from attrex.models.generative import LAYERS, ROWS, GenerativeNetwork, WithDecoder, WrittenText
from attrex.models.inputs import Inputs, check_room, in_batches, lay_out, positions
from attrex.models.known_values import values_of
from attrex.models.pair_reader import DescribedQuestion, described
from attrex.models.picture_parts import FeaturesPart, Pictured, features_part
from attrex.models.pictured_text import picture_tensors
from attrex.models.questions import LONGEST, questions
from attrex.models.tagging import TaggedWindow
from attrex.models.text_encoders import MadeText, Shapes, pretrained_text
from attrex.models.trained import Learnt, TrainedModel
from attrex.models.writing import Grounding, Key, Opinion, Script, WrittenAttributes, WrittenTable
from attrex.nn.beams import Written, search
from attrex.nn.continuing import EndFirst
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder, padded
from attrex.nn.granular import PictureTokens, Projector
from attrex.nn.writer import NO_COPY, CopyWriter, CrossAttending, Writing
from attrex.supervision.pool import Pool
from attrex.text.folding import fold_text
from attrex.text.reading import Reading, read

VALUE = 16
"""Pieces of a value at most, its end included."""
PICTURES = 64
"""That go through their encoder at once."""


@dataclass(frozen=True, slots=True)
class PreparedPicture:
    """A window, and its picture's tokens ``(K, D)``; ``seen``: how many of them are real."""

    reading: Reading
    tokens_KD: Tensor
    seen: int


@dataclass(frozen=True, slots=True)
class Drawn(TaggedWindow):
    """A window with one ask, and a value that is ``false`` for it."""

    false: str


class WithPicture(nn.Module):
    """An encoder with its decoder, and what makes tokens of pictures."""

    def __init__(self, both: nn.Module, features: nn.Module | None) -> None:
        super().__init__()
        self.both, self.features = both, features


class DeflateText:
    """A text encoder and decoder, with the pictures' encoder beside them."""

    def __init__(self, text: WrittenText, features: FeaturesPart) -> None:
        self.text, self.features = text, features

    def make(self, pool: Pool) -> MadeText:
        made = self.text.make(pool)
        features, files = self.features.make()
        return replace(made, encoder=WithPicture(made.encoder, features), files={**made.files, **files})

    def remake(self, files: Mapping[str, str]) -> MadeText:
        made = self.text.remake(files)
        return replace(made, encoder=WithPicture(made.encoder, self.features.remake(files)))


class DeflateNetwork(nn.Module):
    """``forward`` takes what ``Deflate.collate`` gives."""

    def __init__(self, generator: GenerativeNetwork, pictures: PictureTokens | None, width: int) -> None:
        super().__init__()
        self.generator, self.pictures, self.width = generator, pictures, width
        self.credible = nn.Linear(width, 1)

    @property
    def tokens(self) -> int:
        """K."""
        return 0 if self.pictures is None else self.pictures.tokens

    def see(self, pixels_CGG3: Tensor, picture_N: Tensor) -> tuple[Tensor, Tensor]:
        """Of each row its picture's tokens ``(N, K, D)``, and which are real; ``picture_N``: -1 for none."""
        seen_NK = (picture_N >= 0).unsqueeze(1).expand(-1, self.tokens)
        if self.pictures is None or not len(pixels_CGG3):
            return self.credible.weight.new_zeros(len(picture_N), self.tokens, self.width), seen_NK
        return self.pictures(pixels_CGG3)[picture_N] * seen_NK.unsqueeze(2), seen_NK

    def read(self, inputs: Inputs, tokens_NKD: Tensor, seen_NK: Tensor) -> tuple[Tensor, Tensor]:
        """States ``(N, K + S, D)`` of the picture's tokens and the text behind them, and the mask."""
        encoder = self.generator.encoder
        assert isinstance(encoder, PretrainedEncoder | ShapedEncoder)
        mask_NS = torch.cat([seen_NK, inputs.mask_NS], 1)
        return encoder.encode(torch.cat([tokens_NKD, encoder.embed(inputs.ids_NS)], 1), mask_NS), mask_NS

    def copies(self, inputs: Inputs) -> Tensor:
        """At each of the K + S positions the piece that may be copied."""
        return nn.functional.pad(self.generator.copies(inputs), (0, 0, self.tokens, 0), value=NO_COPY)

    def believes(self, inputs: Inputs, tokens_NKD: Tensor, seen_NK: Tensor) -> Tensor:
        """The logarithm of the odds that the value that stands in the question is true, ``(N,)``."""
        states_NSD, _ = self.read(inputs, tokens_NKD, seen_NK)
        odds_N: Tensor = self.credible(states_NSD[:, self.tokens]).squeeze(1)
        return odds_N

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the negative log likelihood a piece, and the cross-entropy a judged value, both averaged
        over each example and over examples."""
        generator = self.generator
        inputs, written_NL, real_NL = Inputs.of(batch), batch["written_NL"], batch["real_NL"]
        tokens_NKD, seen_NK = self.see(batch["pixels_CGG3"], batch["picture_B"])
        memory_NSD, mask_NS = self.read(inputs, tokens_NKD, seen_NK)
        before_NL = written_NL.roll(1, dims=1)
        before_NL[:, 0] = generator.script.start
        likely_NL = generator.writer.log_likelihood(
            generator.writer.read_back(generator.words(before_NL), before_NL),
            written_NL,
            memory_NSD,
            mask_NS,
            self.copies(inputs),
        )
        written = -((likely_NL * real_NL).sum(1) / real_NL.sum(1)).mean()
        judged = Inputs.of({name: batch[f"judged_{name}"] for name in inputs.tensors()})
        row_J, weight_J = batch["row_J"], batch["weight_J"]
        odds_J = self.believes(judged, tokens_NKD[row_J], seen_NK[row_J])
        lost_J = nn.functional.binary_cross_entropy_with_logits(odds_J, batch["true_J"], reduction="none")
        return {"loss": written + (lost_J * weight_J).sum() / len(written_NL)}


class Deflate:
    """The mechanism; see the module's text."""

    sees_alone = True

    def __init__(self, beams: int, *, window: int, projection: int) -> None:
        self._beams, self._window, self._projection = beams, window, projection

    def assemble(self, text: MadeText, table: AttributeTable) -> DeflateNetwork:
        assert isinstance(table, WrittenTable)
        assert isinstance(text.encoder, WithPicture)
        both, features = text.encoder.both, text.encoder.features
        assert isinstance(both, WithDecoder)
        script = Script(text.tokeniser)
        pieces = script.inventory(table.values)
        writer = CopyWriter(
            both.decoder,
            pieces=pieces,
            rows_VD=both.rows_XD[torch.tensor(pieces)].detach(),
            vocabulary=script.beyond,
        )
        pictures, room = None, 0
        if features is not None:
            seen: Any = features
            pictures = PictureTokens(features, Projector(seen.width, text.width, size=self._projection))
            room = pictures.tokens
        inner = both.encoder.encoder if isinstance(both.encoder, ShapedEncoder) else both.encoder
        assert isinstance(inner, PretrainedEncoder)
        check_room(inner.body, self._window, LONGEST + VALUE + room, text.tokeniser)
        return DeflateNetwork(GenerativeNetwork(both.encoder, writer, script, VALUE), pictures, text.width)

    def prepare(self, learnt: Learnt[DeflateNetwork], products: Sequence[Product]) -> list[PreparedPicture]:
        """The words cut into tokens, and the pictures seen."""
        network, device = learnt.network, learnt.device
        readings = read(products, learnt.tokeniser)
        made: list[PreparedPicture] = []
        for begin in range(0, len(products), PICTURES):
            part = picture_tensors(products[begin : begin + PICTURES])
            tokens_NKD, seen_NK = network.see(part["pixels_CGG3"].to(device), part["picture_B"].to(device))
            counts = seen_NK.sum(1).tolist()
            for at, count in enumerate(counts):
                made.append(PreparedPicture(readings[begin + at], tokens_NKD[at], int(count)))
        return made

    def describe(
        self, learnt: Learnt[DeflateNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedQuestion]:
        return described(attributes, learnt.tokeniser)

    def answer(
        self, learnt: Learnt[DeflateNetwork], asked: Sequence[tuple[PreparedPicture, DescribedQuestion]]
    ) -> list[Answer]:
        """Beams of the generator, each judged."""
        script, table = learnt.network.generator.script, learnt.table
        assert isinstance(table, WrittenTable)
        spellings = dict(zip(script.keys(table.values), table.values, strict=True))
        grounding = Grounding(script, {}, spellings, learnt.trims)

        def make(batch: list[int]) -> list[Answer]:
            own = [asked[at] for at in batch]
            proposed = self._proposed(learnt, own)
            believed = self._believed(learnt, own, [list(values) for values, _ in proposed])
            made: list[Answer] = []
            for (window, each), (values, none), chances in zip(own, proposed, believed, strict=True):
                kept = {value: p * c for (value, p), c in zip(values.items(), chances, strict=True)}
                refused = sum(values.values()) - sum(kept.values())
                opinion = Opinion(kept, min(1.0, none + max(0.0, refused)))
                made.append(Answer(grounding.candidates(each.name, opinion, window.reading), opinion.none))
            return made

        lengths = [positions(w.reading, learnt.tokeniser, len(each.ids)) for w, each in asked]
        return in_batches(lengths, ROWS // self._beams, make)

    def _proposed(
        self, learnt: Learnt[DeflateNetwork], asked: Sequence[tuple[PreparedPicture, DescribedQuestion]]
    ) -> list[tuple[dict[Key, float], float]]:
        """Values with their probabilities, and that of none."""
        network, device = learnt.network, learnt.device
        generator = network.generator
        inputs = lay_out([w.reading for w, _ in asked], learnt.tokeniser, [each.ids for _, each in asked]).to(
            device
        )
        memory_NSD, mask_NS = network.read(inputs, *_tokens([w for w, _ in asked], device))
        writer = generator.writer
        past = CrossAttending(writer.decoder, memory_NSD, mask_NS)
        writing = Writing(writer, generator.words, past, writer.key(memory_NSD), network.copies(inputs))
        start, end = writing.symbol(generator.script.start), writing.symbol(generator.script.end)
        first = EndFirst(writing, end)
        found = search(
            first, len(asked), start=start, end=end, beams=self._beams, longest=VALUE, device=device
        )
        return [
            (_values(writing, item, sequences), none)
            for item, (sequences, none) in enumerate(zip(found, first.ended, strict=True))
        ]

    def _believed(
        self,
        learnt: Learnt[DeflateNetwork],
        asked: Sequence[tuple[PreparedPicture, DescribedQuestion]],
        values: Sequence[Sequence[Key]],
    ) -> list[list[float]]:
        """The discriminator's probability of each value."""
        rows = [(at, value) for at, own in enumerate(values) for value in own]
        if not rows:
            return [[] for _ in values]
        inputs = _judging(learnt, [(asked[at][0].reading, asked[at][1].ids, value) for at, value in rows]).to(
            learnt.device
        )
        windows = [asked[at][0] for at, _ in rows]
        chances = learnt.network.believes(inputs, *_tokens(windows, learnt.device)).sigmoid().tolist()
        made: list[list[float]] = [[] for _ in values]
        for (at, _), chance in zip(rows, chances, strict=True):
            made[at].append(chance)
        return made

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> list[TaggedWindow]:
        """Every ask, with its value and one of another product to be judged, drawn anew each epoch."""
        chance = random.Random(f"false/{torch.initial_seed()}/{epoch}")  # noqa: S311 - no secret depends on it
        known: defaultdict[str, list[str]] = defaultdict(list)
        for window in windows:
            for ask in window.asks:
                known[ask.attribute.name] += values_of(ask, window)
        return [
            Drawn(
                window.product,
                window.reading,
                (ask,),
                _other(known, ask.attribute.name, values_of(ask, window), chance),
            )
            for window in windows
            for ask in window.asks
        ]

    def collate(self, learnt: Learnt[DeflateNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        script, tokeniser = learnt.network.generator.script, learnt.tokeniser
        asked = questions([each.asks[0].attribute for each in examples], tokeniser)
        inputs = lay_out([each.reading for each in examples], tokeniser, asked)
        values = [_pieces(script, each) for each in examples]
        written_NL, real_NL = padded([[*(own[0] if own else ()), script.end] for own in values], script.end)
        false = script.pieces.encode([each.false for each in examples if isinstance(each, Drawn)])
        judged: list[tuple[int, Key, bool]] = []
        for at, (own, tokens) in enumerate(zip(values, false, strict=True)):
            judged += [(at, own[0], True)] if own else []
            judged.append((at, tuple(tokens.ids[: VALUE - 1]), False))
        share = [2 if own else 1 for own in values]
        judging = _judging(learnt, [(examples[at].reading, asked[at], value) for at, value, _ in judged])
        return {
            **inputs.tensors(),
            **picture_tensors([each.product for each in examples]),
            **{f"judged_{name}": tensor for name, tensor in judging.tensors().items()},
            "written_NL": written_NL,
            "real_NL": real_NL,
            "row_J": torch.tensor([at for at, _, _ in judged]),
            "true_J": torch.tensor([float(true) for _, _, true in judged]),
            "weight_J": torch.tensor([1 / share[at] for at, _, _ in judged]),
        }


def _tokens(windows: Sequence[PreparedPicture], device: torch.device) -> tuple[Tensor, Tensor]:
    """Pictures' tokens ``(N, K, D)`` of rows, and which are real."""
    tokens_NKD = torch.stack([window.tokens_KD.to(device) for window in windows])
    seen_N1 = torch.tensor([[window.seen] for window in windows], device=device)
    return tokens_NKD, (seen_N1 > 0).expand(-1, tokens_NKD.shape[1])


def _values(writing: Writing, item: int, sequences: Sequence[Written]) -> dict[Key, float]:
    made: dict[Key, float] = {}
    for written in sequences:
        key = tuple(writing.ids(item, written.symbols))
        if key:
            made[key] = made.get(key, 0.0) + math.exp(written.score)
    return made


def _judging(learnt: Learnt[DeflateNetwork], rows: Sequence[tuple[Reading, Sequence[int], Key]]) -> Inputs:
    """Readings behind an attribute and a value: ``attribute [SEP] value [SEP] text``."""
    script, tokeniser = learnt.network.generator.script, learnt.tokeniser
    # A word without a piece of its own is judged by its place in the question alone.
    asked = [
        [*ids, *(script.unknown if piece >= script.beyond else piece for piece in value), tokeniser.separator]
        for _, ids, value in rows
    ]
    return lay_out([reading for reading, _, _ in rows], tokeniser, asked)


def _pieces(script: Script, window: TaggedWindow) -> list[Key]:
    """The values of the window's ask, with the text's own pieces where they stand there, so that they can be
    copied."""
    (ask,) = window.asks
    own = script.own_pieces(window.reading)
    values = [tuple(own[start:end]) for start, end in ask.spans]
    values += [tuple(tokens.ids) for tokens in script.pieces.encode(list(ask.unlocated))]
    return [value[: VALUE - 1] for value in values if value]


def _other(
    known: Mapping[str, Sequence[str]], name: str, values: Sequence[str], chance: random.Random
) -> str:
    """A value that is none of these: of the same attribute, else of any; where there is none, the name."""
    true = {fold_text(value) for value in values}
    for among in (known.get(name, ()), [value for own in known.values() for value in own]):
        false = [value for value in among if fold_text(value) not in true]
        if false:
            return chance.choice(false)
    return name


def build_deflate(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    layers: int | None = None,
    beams: int = 4,
    pictures: Pictured = "small",
    vision_base: str = "openai/clip-vit-base-patch16",
    picture_size: int = 112,
    picture_widths: Sequence[int] = (32, 64, 128, 256),
    every: int = 3,
    projection: int = 128,
    window: int = 192,
) -> TrainedModel[DeflateNetwork]:
    """``base``, ``layers`` and ``beams`` as the generative model's, ``pictures`` and the rest as EIVEN's."""
    arguments: dict[str, Any] = {**locals(), "picture_widths": list(picture_widths)}
    for name, value in (("beams", beams), ("layers", LAYERS if layers is None else layers)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"model.arguments.{name}: expected a whole number from 1, got {value!r}")
    features = features_part(
        pictures, base=vision_base, size=picture_size, widths=picture_widths, every=every, last=False
    )
    text = pretrained_text(base, frozen_embeddings=frozen_embeddings, shapes=shapes)
    return TrainedModel(
        "deflate",
        arguments,
        text=DeflateText(WrittenText(text, base, layers), features),
        attributes=WrittenAttributes("open"),
        mechanism=Deflate(beams, window=window, projection=projection),
        window=window,
        pictures=features.size,
    )
