"""Word vectors to begin with: GloVe's text format, or MiniLM's own word-piece table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from attrex.errors import ModelError
from attrex.nn.pretrained import MINILM, find_base
from attrex.text.tokeniser import WordPieces

SCALE = 0.3
"""Standard deviation of the vectors given out, about that of GloVe's."""


def read_vectors(name: str, words: Sequence[str], size: int) -> Iterator[tuple[int, Tensor]]:
    """(index into ``words``, vector ``(size,)``) of the words that are known.

    ``name``: "minilm", or the path of a text file with a word and ``size`` numbers a line. Raises
    ``ModelError`` where the file is missing or its lines have another length.
    """
    if name == MINILM:
        yield from _from_pieces(words, size)
        return
    path = Path(name)
    if not path.is_file():
        raise ModelError(f'word vectors: there is no file "{name}"')
    places = {word: at for at, word in enumerate(words)}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            word, *numbers = line.rstrip().split(" ")
            at = places.get(word)
            if at is None:
                continue
            if len(numbers) != size:
                raise ModelError(f"{path}, line {number}: {len(numbers)} numbers, expected {size}")
            yield at, torch.tensor([float(n) for n in numbers])


def _from_pieces(words: Sequence[str], size: int) -> Iterator[tuple[int, Tensor]]:
    """Each word as the mean of its pieces, on the ``size`` principal axes of the words given."""
    base = find_base(MINILM)
    table = base.tensors()["embeddings.word_embeddings.weight"]
    tokens = WordPieces.from_file(base.tokeniser).encode(list(words))
    known = [at for at, t in enumerate(tokens) if len(t)]
    means_WD = torch.stack([table[torch.tensor(tokens[at].ids)].mean(0) for at in known])
    centred_WD = means_WD - means_WD.mean(0)
    axes_DE = torch.linalg.eigh(centred_WD.T @ centred_WD).eigenvectors.flip(1)[:, :size]
    vectors_WE = centred_WD @ axes_DE
    vectors_WE = vectors_WE / vectors_WE.std() * SCALE
    for row, at in enumerate(known):
        vector = torch.zeros(size)
        vector[: vectors_WE.shape[1]] = vectors_WE[row]
        yield at, vector
