"""What all models with a text encoder share: the pool is read once, and what cannot be asked is not."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from attrex.core import Attribute, Product, Source, Span
from attrex.models import trained
from attrex.models.bilstm_crf import build_multi_crf, build_separate, build_tag_sets
from attrex.models.inputs import encoded, in_batches
from attrex.models.tagging import NOTHING, UNKNOWN, TaggedWindow, tagged_windows
from attrex.schema import Schema
from attrex.supervision.pool import Label, Pool
from attrex.text.reading import read
from attrex.text.tokeniser import WORDS, Vocabulary

COLOUR = Attribute("Colour")
EACH = pytest.mark.parametrize("build", [build_multi_crf, build_separate, build_tag_sets])


def product(title: str) -> Product:
    return Product(title, None, (Source("title", title),))


def pool(*attributes: Attribute) -> Pool:
    products = [product("red hat"), product("blue wool hat")]
    known = attributes or (COLOUR,)
    labels = [Label(0, a, "positive", ("red",), (Span("title", 0, 3),)) for a in known]
    return Pool(products, [*labels, Label(1, known[0], "negative")], Schema(list(dict.fromkeys(known))[:1]))


def small(build: Any) -> Any:
    return build(embedding=4, width=4)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Pool]:
    """The pools that are cut and tokenised."""
    seen: list[Pool] = []

    def counted(pool: Pool, *rest: Any, **more: Any) -> list[TaggedWindow]:
        seen.append(pool)
        return tagged_windows(pool, *rest, **more)

    monkeypatch.setattr(trained, "tagged_windows", counted)
    return seen


def test_the_pool_is_read_once_however_many_epochs(reads: list[Pool]) -> None:
    model, own, other = small(build_multi_crf), pool(), pool()
    model.begin(own)
    epochs = [model.examples(own, epoch) for epoch in range(3)]
    assert len(reads) == 1
    assert epochs[0] == epochs[1] == epochs[2] == tagged_windows(own, model.tokeniser, 224)
    assert model.examples(other, 0) == epochs[0]
    assert [id(each) for each in reads] == [id(own), id(other)]
    model.begin(other)
    assert len(reads) == 3
    model.examples(other, 0)
    assert len(reads) == 3
    model.examples(own, 0)
    assert len(reads) == 4


def test_what_was_read_goes_with_the_pool() -> None:
    model, first, second = small(build_multi_crf), pool(), pool()
    model.begin(first)
    assert model._read is not None
    model.begin(second)
    del first
    assert model._read is not None
    del second
    assert model._read is None


@EACH
def test_only_known_attributes_and_texts_with_words_reach_the_mechanism(
    build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small(build)
    model.begin(pool())
    model.network.eval()
    asked: list[int] = []
    answer = model.mechanism.answer

    def counted(learnt: Any, pairs: Any) -> Any:
        asked.append(len(pairs))
        return answer(learnt, pairs)

    monkeypatch.setattr(model.mechanism, "answer", counted)
    prepared = model.prepare([product("red hat"), product(" ")])
    described = model.describe([Attribute("Size"), COLOUR])
    made = model.answer(prepared, described, [(1, 1), (0, 1), (0, 0), (1, 0)])
    assert asked == [1]
    assert (made[0], made[2], made[3]) == (NOTHING, UNKNOWN, UNKNOWN)
    assert made[1].problem is None


@EACH
def test_an_attribute_told_in_two_ways_is_one(build: Any) -> None:
    model = small(build)
    model.begin(pool(COLOUR, Attribute("Colour", "of the cloth")))
    assert model.learnt.table.names == ("Colour",)
    model.network(model.collate(model.examples(pool(), 0)))["loss"].backward()


def test_a_model_without_weights_says_so() -> None:
    with pytest.raises(AssertionError, match="neither trained nor restored"):
        small(build_multi_crf).prepare([])


# --- batches ---


def test_batches_of_like_length_come_back_in_order() -> None:
    batches: list[list[int]] = []

    def double(batch: list[int]) -> list[int]:
        batches.append(batch)
        return [2 * at for at in batch]

    assert in_batches([3, 9, 1, 8, 2], 18, double) == [0, 2, 4, 6, 8]
    assert batches == [[1, 3], [0, 4, 2]]
    assert in_batches([], 18, double) == []
    with pytest.raises(ValueError, match="zip"):
        in_batches([1, 1], 18, lambda batch: batch[:1])


def test_what_is_encoded_has_its_text_s_length() -> None:
    tokeniser = Vocabulary.learn([], cut=WORDS)
    readings = read([product("a"), product("a b c"), product("")], tokeniser)
    states = encoded(readings, 2, lambda some: torch.ones(len(some), max(map(len, some)), 5))
    assert [own.shape for own in states] == [(1, 5), (3, 5), (0, 5)]
