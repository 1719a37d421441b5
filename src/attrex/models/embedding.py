"""Attribute embeddings from a pretrained encoder (AdaTag §3.3).

Contextualised: a value's embedding is the mean state of its words in the sentence; the name's is the mean
state of ``[BOA] name [EOA]`` put in the value's place. Static: means of word-piece vectors. Both are
averaged over the training instances. The base's pretrained weights are used, never the tuned ones.

Legend: A attributes, R embedding, D base width, T tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from attrex.core import Attribute, Product, Source, Span
from attrex.models.questions import tell_cut
from attrex.models.tagging import TaggedWindow
from attrex.nn.encoders import PretrainedEncoder, padded
from attrex.nn.pretrained import find_base, load_body
from attrex.text.reading import read
from attrex.text.tokeniser import WordPieces

Pooling = Literal["contextual", "static"]
Part = Literal["name", "value"]
INSTANCES = 16
"""Sentences pooled per attribute at most: each costs an encoding. Not tuned."""
CONTEXT = 64
"""Tokens kept on either side of a value, and of a name or a description."""
ALONE = 8
"""Example values encoded for an attribute out of context at most."""
BATCH = 32
_MARKS = ("[unused1]", "[unused2]")
"""[BOA] and [EOA] (footnote 1 of the paper): two of BERT's spare word pieces."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Tokens ``[start, end)`` of ``ids`` are the phrase to embed; ``place`` is its row and part."""

    ids: list[int]
    start: int
    end: int
    place: tuple[int, int]


class AttributeEmbedder:
    """Embeds attributes with one base encoder, loaded at first use."""

    def __init__(self, base: str, pooling: Pooling, parts: tuple[Part, ...]) -> None:
        self.base, self.pooling, self.parts = base, pooling, parts

    @property
    def size(self) -> int:
        """R."""
        return len(self.parts) * self._width

    def in_context(
        self, attributes: Sequence[Attribute], windows: Sequence[TaggedWindow]
    ) -> tuple[Tensor, Tensor]:
        """Pooled over windows in which a value is tagged: ``(A, R)``, and which entries are known.

        An attribute without a tagged value has what ``alone`` knows of it.
        """
        rows = {attribute.name: at for at, attribute in enumerate(attributes)}
        chosen: defaultdict[int, list[tuple[Product, Span]]] = defaultdict(list)
        for window in windows:
            for ask in window.asks:
                row = rows.get(ask.attribute.name)
                if row is not None and ask.spans and len(chosen[row]) < INSTANCES:
                    span = window.reading.span(*ask.spans[0])
                    if span is not None:
                        chosen[row].append((window.product, span))
        phrases: list[_Phrase] = []
        for row, instances in chosen.items():
            name = self._name(attributes[row].name)
            for (_, span), reading in zip(
                instances, read([p for p, _ in instances], self._tokeniser, category=False), strict=True
            ):
                tokens = reading.tokens(span)
                if tokens is None:
                    continue
                left = reading.ids[max(0, tokens[0] - CONTEXT) : tokens[0]]
                right = reading.ids[tokens[1] : tokens[1] + CONTEXT]
                for part, kind in enumerate(self.parts):
                    middle = name if kind == "name" else reading.ids[slice(*tokens)]
                    phrases.append(self._phrase(left, middle, right, (row, part)))
        pooled_AR, known_AR = self._pool(phrases, len(attributes))
        alone_AR, named_AR = self.alone(attributes)
        return torch.where(known_AR, pooled_AR, alone_AR), known_AR | named_AR

    def alone(self, attributes: Sequence[Attribute]) -> tuple[Tensor, Tensor]:
        """From name, description and example values, without a sentence around: ``(A, R)``, and which
        entries are known (those of the value part are not, without values)."""
        phrases: list[_Phrase] = []
        for row, attribute in enumerate(attributes):
            for part, kind in enumerate(self.parts):
                if kind == "name":
                    if (tokens := len(self._ids(attribute.name))) > CONTEXT:
                        tell_cut(attribute.name, tokens, CONTEXT)
                    about = self._ids(attribute.description)[:CONTEXT]
                    phrases.append(self._phrase([], self._name(attribute.name), about, (row, part)))
                    continue
                values = dict.fromkeys((*attribute.examples, *attribute.values))
                for value in list(values)[:ALONE]:
                    if ids := self._ids(value)[:CONTEXT]:
                        phrases.append(self._phrase([], ids, [], (row, part)))
        return self._pool(phrases, len(attributes))

    def _name(self, name: str) -> list[int]:
        return [self._marks[0], *self._ids(name)[:CONTEXT], self._marks[1]]

    def _phrase(
        self, left: list[int], middle: list[int], right: list[int], place: tuple[int, int]
    ) -> _Phrase:
        opening = list(self._tokeniser.opening)
        start = len(opening) + len(left)
        ids = [*opening, *left, *middle, *right, self._tokeniser.separator]
        return _Phrase(ids, start, start + len(middle), place)

    def _ids(self, text: str) -> list[int]:
        product = Product("", sources=(Source("", text),))
        return read([product], self._tokeniser, category=False)[0].ids

    @torch.inference_mode()
    def _pool(self, phrases: Sequence[_Phrase], rows: int) -> tuple[Tensor, Tensor]:
        sums_APD = torch.zeros(rows, len(self.parts), self._width)
        counts_AP = torch.zeros(rows, len(self.parts))
        ordered = sorted(phrases, key=lambda p: len(p.ids))
        for begin in range(0, len(ordered), BATCH):
            batch = ordered[begin : begin + BATCH]
            ids_BT, mask_BT = padded([p.ids for p in batch], self._tokeniser.padding)
            states_BTD = self._static(ids_BT) if self.pooling == "static" else self._encoder(ids_BT, mask_BT)
            for at, phrase in enumerate(batch):
                sums_APD[phrase.place] += states_BTD[at, phrase.start : phrase.end].mean(0)
                counts_AP[phrase.place] += 1
        means_APD = sums_APD / counts_AP.clamp(min=1).unsqueeze(2)
        known_APD = (counts_AP > 0).unsqueeze(2).expand_as(means_APD)
        return means_APD.flatten(1).clone(), known_APD.flatten(1).clone()

    def _static(self, ids_BT: Tensor) -> Tensor:
        return self._encoder.embed(ids_BT)

    @cached_property
    def _encoder(self) -> PretrainedEncoder:
        return PretrainedEncoder(load_body(find_base(self.base)), frozen_embeddings=True).eval()

    @cached_property
    def _tokeniser(self) -> WordPieces:
        return WordPieces.from_file(find_base(self.base).tokeniser)

    @cached_property
    def _marks(self) -> tuple[int, int]:
        return self._tokeniser.id_of(_MARKS[0]), self._tokeniser.id_of(_MARKS[1])

    @cached_property
    def _width(self) -> int:
        return int(find_base(self.base).config()["hidden_size"])
