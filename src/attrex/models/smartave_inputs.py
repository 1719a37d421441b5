"""Readings, attributes and pictures as the blocks of structured attention.

Each source is a block between the tokens that the pretrained encoder is used to; a source longer than a block
may be is several of about the same length, each with a hyper-token of its own, and nothing of it is cut off.
An empty source is no block. A product's category is a block too.

Legend: N rows, R blocks, M local tokens, T text tokens of a row, J sources of all rows, L tokens of a source,
X regions of pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import torch
from torch import Tensor

from attrex.models.writing import Script
from attrex.nn.encoders import padded
from attrex.nn.structured import ATTRIBUTE
from attrex.nn.writer import NO_COPY
from attrex.text.reading import BETWEEN, Reading
from attrex.text.tokeniser import Tokeniser

CATEGORY, PICTURE, OTHER = ATTRIBUTE + 1, ATTRIBUTE + 2, ATTRIBUTE + 3
"""Modalities besides attributes; ``OTHER``: sources whose name no training text had. Known ones follow."""
NOT_TEXT = -1
"""The place in the reading of a token that is none of its."""


@dataclass(frozen=True, slots=True)
class Block:
    """Word ids; where each stands in the reading, or ``NOT_TEXT``."""

    modality: int
    ids: Sequence[int]
    at: Sequence[int]


class BlockMaker:
    """What is made into blocks how. ``names``: sources that are told apart; ``longest``: tokens of a block of
    text."""

    def __init__(self, tokeniser: Tokeniser, names: Sequence[str], *, longest: int) -> None:
        self._tokeniser = tokeniser
        self._names: Mapping[str, int] = {name: OTHER + 1 + at for at, name in enumerate(names)}
        self._room = longest - len(tokeniser.opening) - 1
        assert self._room > 0, "a block has no room for a word"

    @property
    def modalities(self) -> int:
        """How many there are."""
        return OTHER + 1 + len(self._names)

    def attribute(self, question: Sequence[int]) -> Block:
        """Of its tokens, as ``questions.questions`` gives them."""
        return self._block(ATTRIBUTE, question[:-1], [NOT_TEXT] * (len(question) - 1))

    def product(self, reading: Reading, pictures: Sequence[int] = ()) -> list[Block]:
        """Category, sources and pictures, of what there is. ``pictures``: how many regions each has."""
        blocks = []
        if reading.prefix:
            words = reading.prefix[:-1]
            blocks.append(self._block(CATEGORY, words, [NOT_TEXT] * len(words)))
        start = 0
        while start < len(reading):
            source = reading.sources[start]
            if source == BETWEEN:
                start += 1
                continue
            end = start
            while end < len(reading) and reading.sources[end] == source:
                end += 1
            modality = self._names.get(reading.names[source], OTHER)
            count = -(-(end - start) // self._room)
            edges = [start + (end - start) * part // count for part in range(count + 1)]
            blocks += [
                self._block(modality, reading.ids[first:last], range(first, last))
                for first, last in pairwise(edges)
            ]
            start = end
        filler = self._tokeniser.padding
        blocks += [Block(PICTURE, [filler] * count, [NOT_TEXT] * count) for count in pictures]
        return blocks

    def _block(self, modality: int, ids: Sequence[int], at: Sequence[int]) -> Block:
        opening = self._tokeniser.opening
        return Block(
            modality,
            [*opening, *ids, self._tokeniser.separator],
            [*[NOT_TEXT] * len(opening), *at, NOT_TEXT],
        )


@dataclass(frozen=True, slots=True)
class Laid:
    """A batch of rows. ``ids_M``, ``place_M``: words and their places in their blocks; ``length_R``,
    ``owner_R``, ``modality_R``: of the blocks; ``text_NT``: the texts' tokens in the readings' order, among
    the M, of which ``mask_NT`` are real; ``pieces_NT2``: the pieces that may be copied there, and those in
    front of them; ``patch_X``: where the regions of all pictures stand."""

    ids_M: Tensor
    place_M: Tensor
    length_R: Tensor
    owner_R: Tensor
    modality_R: Tensor
    text_NT: Tensor
    mask_NT: Tensor
    pieces_NT2: Tensor
    patch_X: Tensor

    def tensors(self, prefix: str = "") -> dict[str, Tensor]:
        """By name, as part of a batch of training."""
        return {f"{prefix}{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, batch: Mapping[str, Tensor], prefix: str = "") -> Laid:
        """What ``tensors`` gave."""
        return cls(**{field.name: batch[f"{prefix}{field.name}"] for field in fields(cls)})

    def to(self, device: torch.device) -> Laid:
        """The same there."""
        return Laid(**{name: tensor.to(device) for name, tensor in self.tensors().items()})


def lay_out(rows: Sequence[Sequence[Block]], readings: Sequence[Reading | None], script: Script) -> Laid:
    """Each row's blocks, of its reading; of a row without one nothing is copied."""
    ids: list[int] = []
    place: list[int] = []
    lengths: list[int] = []
    owners: list[int] = []
    modalities: list[int] = []
    patches: list[int] = []
    text: list[list[int]] = []
    pieces: list[list[int]] = []
    fronts: list[list[int]] = []
    for row, (blocks, reading) in enumerate(zip(rows, readings, strict=True)):
        own = [] if reading is None else script.own_pieces(reading)
        where: dict[int, int] = {}
        for block in blocks:
            begin, patched = len(ids), block.modality == PICTURE
            ids += block.ids
            place += [0] * len(block.ids) if patched else range(len(block.ids))
            lengths.append(len(block.ids))
            owners.append(row)
            modalities.append(block.modality)
            if patched:
                patches += range(begin, len(ids))
            where.update({at: begin + step for step, at in enumerate(block.at) if at != NOT_TEXT})
        order = sorted(where)
        text.append([where[at] for at in order])
        each = [NO_COPY if own[at] == script.end else own[at] for at in order]
        # Of a block's first token, and of a text's, nothing stands in front.
        ahead = [
            each[step - 1] if step and where[at] == where[order[step - 1]] + 1 else NO_COPY
            for step, at in enumerate(order)
        ]
        pieces.append(each)
        fronts.append(ahead)
    text_NT, mask_NT = padded(text, 0)
    return Laid(
        ids_M=torch.tensor(ids),
        place_M=torch.tensor(place),
        length_R=torch.tensor(lengths),
        owner_R=torch.tensor(owners),
        modality_R=torch.tensor(modalities),
        text_NT=text_NT,
        mask_NT=mask_NT,
        pieces_NT2=torch.stack([padded(pieces, NO_COPY)[0], padded(fronts, NO_COPY)[0]], 2),
        patch_X=torch.tensor(patches, dtype=torch.long),
    )


def text_places(reading: Reading) -> dict[int, int]:
    """Of each token of the text its place among the T, in which there are no separators."""
    real = [at for at, source in enumerate(reading.sources) if source != BETWEEN]
    return {at: place for place, at in enumerate(real)}


def lines(readings: Sequence[Reading]) -> tuple[list[list[int]], list[int], list[list[int]]]:
    """The texts source by source, which are tagged apart: of each of the J its tokens' places among the T of
    its row, its row, and its tokens in the reading."""
    places: list[list[int]] = []
    owners: list[int] = []
    tokens: list[list[int]] = []
    for row, reading in enumerate(readings):
        by_source: dict[int, list[int]] = {}
        for at, source in enumerate(reading.sources):
            if source != BETWEEN:
                by_source.setdefault(source, []).append(at)
        known = text_places(reading)
        for own in by_source.values():
            places.append([known[at] for at in own])
            owners.append(row)
            tokens.append(own)
    return places, owners, tokens
