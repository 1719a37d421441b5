"""Where a tagger's text encoder comes from: pretrained, or learnt from nothing.

Each part makes a tokeniser and an encoder, once the training data is known, and remakes both from a
model folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from attrex.errors import ConfigError, ModelError
from attrex.models.arguments import one_of
from attrex.models.inputs import check_room
from attrex.models.word_vectors import read_vectors
from attrex.nn.encoders import PretrainedEncoder, RecurrentEncoder, SelfAttention, ShapedEncoder
from attrex.nn.pretrained import Base, build_body, find_base, load_body, load_weights, same_base
from attrex.supervision.pool import Pool
from attrex.text.sentence_pieces import Pieces, pieces, pieces_from_file
from attrex.text.shapes import BITS, ShapedPieces
from attrex.text.tokeniser import CHARACTERS, WORDS, Tokeniser, Vocabulary

TOKENISER, ENCODER, VOCABULARY = "tokenizer.json", "encoder.json", "words.json"
Encoder = Literal["pretrained", "bilstm"]
Shapes = Literal["ignored", "read"]
CUTS = {"words": WORDS, "characters": CHARACTERS}


class TextEncoder(Protocol):
    """A network from token ids to states ``(B, T, D)``."""

    width: int

    def __call__(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class MadeText:
    """A tokeniser with its encoder, and the texts from which both can be made again.

    ``portable``: what is frozen can be had again by the base's name, so that a model folder need not hold it.
    """

    tokeniser: Tokeniser
    encoder: nn.Module
    width: int
    files: dict[str, str]
    portable: bool


class TextPart(Protocol):
    """How a tagger gets its text encoder."""

    def make(self, pool: Pool) -> MadeText:
        """For training: with pretrained weights or fresh ones."""
        ...

    def remake(self, files: Mapping[str, str]) -> MadeText:
        """For a model folder: the architecture, whose trained tensors the caller loads; what the folder
        does not hold, because it was frozen, comes from the base."""
        ...


@runtime_checkable
class WarmingText(Protocol):
    """A text part of which something may learn by itself, before all is learnt together."""

    def warm_up(self, made: MadeText, pool: Pool, say: Callable[[str], None]) -> bool:
        """See ``interface.Warming``; ``made``: what ``make`` made of that pool."""
        ...


class PretrainedText:
    """A pretrained encoder, by the name that ``nn.pretrained.find_base`` knows; the other arguments as
    ``PretrainedEncoder``'s. ``window``: tokens of a text that it reads alone, at once; None where it reads
    otherwise."""

    def __init__(
        self, base: str, *, frozen_embeddings: bool, layers: int = 1, window: int | None = None
    ) -> None:
        self.base, self.window = base, window
        self.frozen_embeddings, self.layers = frozen_embeddings, layers

    def make(self, pool: Pool) -> MadeText:
        """Raises ``ConfigError`` where the window has no room."""
        base = find_base(self.base)
        try:
            tokeniser = pieces_from_file(base.tokeniser)
        except ValueError as problem:
            raise ModelError(
                f"the encoder \"{base.name}\" cannot be used: {problem}. Fix: give one of BERT's or T5's kind"
            ) from problem
        made = self._made(base, load_body(base), tokeniser)
        if self.window is not None:
            assert isinstance(made.encoder, PretrainedEncoder)
            check_room(made.encoder.body, self.window, 0, made.tokeniser)
        return made

    def _made(self, base: Base, body: nn.Module, tokeniser: Pieces) -> MadeText:
        encoder = self._encoder(body)
        files = {TOKENISER: tokeniser.to_json(), ENCODER: json.dumps(base.about())}
        return MadeText(tokeniser, encoder, encoder.width, files, base.portable)

    def remake(self, files: Mapping[str, str]) -> MadeText:
        about = json.loads(files[ENCODER])
        tokeniser = pieces(Tokenizer.from_str(files[TOKENISER]))
        body = build_body(about["config"])
        if about["portable"]:
            base = find_base(about["base"])
            same_base(base, about, "encoder")
            load_weights(body, base.tensors(), where=f'the encoder "{base.name}"')
        encoder = self._encoder(body)
        return MadeText(tokeniser, encoder, encoder.width, dict(files), bool(about["portable"]))

    def _encoder(self, body: nn.Module) -> PretrainedEncoder:
        return PretrainedEncoder(body, frozen_embeddings=self.frozen_embeddings, layers=self.layers)


class RecurrentText:
    """Words (or characters) of the training data and a BiLSTM over their embeddings.

    ``vectors``: where the embeddings start from: a text file in GloVe's format, "minilm" (its word
    pieces' table, averaged over a word's pieces, its first ``embedding`` principal axes), or None, at random.
    ``at_least``: words that stand fewer times in the training data share one embedding: a product's number
    would otherwise be a word of its own, by which all that is to be learnt of it can be told.
    """

    def __init__(
        self,
        *,
        cut: str,
        embedding: int,
        width: int,
        dropout: float,
        vectors: str | None,
        at_least: int = 1,
    ) -> None:
        self.cut, self.embedding, self.width = cut, embedding, width
        self.dropout, self.vectors, self.at_least = dropout, vectors, at_least

    def make(self, pool: Pool) -> MadeText:
        texts = (source.text for product in pool.products for source in product.sources)
        categories = (product.category or "" for product in pool.products)
        tokeniser = Vocabulary.learn([*texts, *categories], cut=self.cut, at_least=self.at_least)
        table = self._table(tokeniser)
        if self.vectors is not None:
            with torch.no_grad():
                for row, vector in read_vectors(self.vectors, tokeniser.words, self.embedding):
                    table.weight[row + tokeniser.size - len(tokeniser.words)] = vector
        return self._made(tokeniser, table)

    def _table(self, tokeniser: Vocabulary) -> nn.Embedding:
        table = nn.Embedding(tokeniser.size, self.embedding, padding_idx=tokeniser.padding)
        with torch.no_grad():
            table.weight[1:].normal_(std=0.3)
        return table

    def _made(self, tokeniser: Vocabulary, table: nn.Embedding) -> MadeText:
        encoder = RecurrentEncoder(table, width=self.width, dropout=self.dropout)
        files = {VOCABULARY: json.dumps(list(tokeniser.words), ensure_ascii=False)}
        return MadeText(tokeniser, encoder, self.width, files, portable=False)

    def remake(self, files: Mapping[str, str]) -> MadeText:
        tokeniser = Vocabulary(json.loads(files[VOCABULARY]), cut=self.cut)
        return self._made(tokeniser, self._table(tokeniser))


class AttendedText:
    """A text encoder with OpenTag's self-attention over its states."""

    def __init__(self, text: TextPart) -> None:
        self.text = text

    def make(self, pool: Pool) -> MadeText:
        return self._attended(self.text.make(pool))

    def remake(self, files: Mapping[str, str]) -> MadeText:
        return self._attended(self.text.remake(files))

    def _attended(self, made: MadeText) -> MadeText:
        assert isinstance(made.encoder, RecurrentEncoder | PretrainedEncoder)
        return replace(made, encoder=SelfAttention(made.encoder))


class ShapedText:
    """A pretrained encoder that also reads what its tokeniser forgets (``text.shapes``)."""

    def __init__(self, text: PretrainedText) -> None:
        self.text = text

    def make(self, pool: Pool) -> MadeText:
        return self._shaped(self.text.make(pool))

    def remake(self, files: Mapping[str, str]) -> MadeText:
        return self._shaped(self.text.remake(files))

    def _shaped(self, made: MadeText) -> MadeText:
        assert isinstance(made.encoder, PretrainedEncoder)
        assert isinstance(made.tokeniser, Pieces)
        tokeniser = ShapedPieces(made.tokeniser)
        encoder = ShapedEncoder(made.encoder, pieces=tokeniser.size, bits=BITS)
        return replace(made, tokeniser=tokeniser, encoder=encoder)


def pretrained_text(
    base: str, *, frozen_embeddings: bool, shapes: Shapes, layers: int = 1, window: int | None = None
) -> PretrainedText | ShapedText:
    """A pretrained encoder, with or without shapes. Raises ``ConfigError`` where ``shapes`` is neither."""
    text = PretrainedText(base, frozen_embeddings=frozen_embeddings, layers=layers, window=window)
    return ShapedText(text) if one_of("shapes", shapes, ("ignored", "read")) == "read" else text


@dataclass(frozen=True, slots=True, kw_only=True)
class TextArguments:
    """The arguments that builders with a choice of text encoders have in common. Those of "pretrained"
    are ``base``, ``frozen_embeddings``, ``shapes``, ``layers`` and ``window``, the others (with ``at_least``)
    are of "bilstm"."""

    encoder: Encoder
    base: str
    frozen_embeddings: bool
    tokens: Literal["words", "characters"]
    embedding: int
    width: int
    dropout: float
    vectors: str | None
    shapes: Shapes = "ignored"
    layers: int = 1
    at_least: int = 1
    window: int | None = None

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> TextArguments:
        """Those among a builder's arguments."""
        return cls(**{f.name: arguments[f.name] for f in fields(cls) if f.name in arguments})

    def part(self) -> TextPart:
        """What they mean. Raises ``ConfigError`` where one says nothing known."""
        if one_of("encoder", self.encoder, ("pretrained", "bilstm")) == "pretrained":
            return pretrained_text(
                self.base,
                frozen_embeddings=self.frozen_embeddings,
                shapes=self.shapes,
                layers=self.layers,
                window=self.window,
            )
        if isinstance(self.at_least, bool) or not isinstance(self.at_least, int) or self.at_least < 1:
            raise ConfigError(
                f"model.arguments.at_least: expected a whole number from 1, got {self.at_least!r}"
            )
        if self.width % 2:
            raise ConfigError(
                f"model.arguments.width is {self.width}; a BiLSTM has two directions and needs an even one"
            )
        return RecurrentText(
            cut=CUTS[one_of("tokens", self.tokens, CUTS)],
            embedding=self.embedding,
            width=self.width,
            dropout=self.dropout,
            vectors=self.vectors,
            at_least=self.at_least,
        )
