"""How readings are laid out for an encoder."""

from __future__ import annotations

import torch

from attrex.core import Product, Source
from attrex.models.inputs import Inputs, lay_out
from attrex.text.reading import read
from attrex.text.tokeniser import WORDS, Vocabulary
from tests.text.tokenisers import word_pieces

PRODUCTS = [
    Product("1", "Mugs", (Source("title", "blue mug"), Source("bullets", "men"))),
    Product("2", None, (Source("title", "a"),)),
]


def test_opening_question_category_text_separator() -> None:
    tokeniser = word_pieces()
    (cls,), sep = tokeniser.opening, tokeniser.separator
    readings = read(PRODUCTS, tokeniser)
    inputs = lay_out(readings, tokeniser, [[7, 8, sep], [9, sep]])
    first = [cls, 7, 8, sep, *readings[0].prefix, *readings[0].ids, sep]
    second = [cls, 9, sep, *readings[1].ids, sep]
    padding = [tokeniser.padding] * (len(first) - len(second))
    assert inputs.ids_NS.tolist() == [first, second + padding]
    assert inputs.mask_NS.sum(1).tolist() == [len(first), len(second)]
    assert inputs.chain_NT.sum(1).tolist() == [len(readings[0]), 1]


def test_the_text_s_states_are_found_again() -> None:
    tokeniser = word_pieces()
    readings = read(PRODUCTS, tokeniser)
    inputs = lay_out(readings, tokeniser)
    states_NS1 = inputs.ids_NS.unsqueeze(2).float()
    for row, reading in enumerate(readings):
        own = inputs.text_states(states_NS1)[row, inputs.chain_NT[row], 0]
        assert own.tolist() == reading.ids


def test_batches_and_rows() -> None:
    tokeniser = Vocabulary.learn(["blue mug"], cut=WORDS)
    inputs = lay_out(read(PRODUCTS, tokeniser), tokeniser)
    again = Inputs.of(inputs.tensors()).to(torch.device("cpu"))
    assert all(torch.equal(one, inputs.tensors()[name]) for name, one in again.tensors().items())
    assert torch.equal(inputs.rows(torch.tensor([1, 0, 1])).ids_NS, inputs.ids_NS[[1, 0, 1]])
