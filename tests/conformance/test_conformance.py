"""What every model must do, whatever it is made of."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from attrex.core import Answer, Attribute, Product, Source
from attrex.errors import Interrupted, ModelError
from attrex.models.catalog import CATALOG
from attrex.models.folder import StorableModel, load_model, model_version, save_model
from attrex.models.interface import Model
from attrex.text.windows import cut
from attrex.training import Settings, fit, forget
from tests.conformance.conftest import Trained, begun
from tests.conformance.table import TABLE, Row
from tests.conformance.ten import PRODUCTS, SCHEMA, UNSEEN, pool, product

EACH = pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
EACH_NETWORK = pytest.mark.parametrize(
    "row", [row for row in TABLE if row.rate], ids=[row.name for row in TABLE if row.rate]
)
Asks = Sequence[tuple[int, int]]
ATTRIBUTES = list(SCHEMA.every)
ALL = [(p, a) for p in range(len(PRODUCTS)) for a in range(len(ATTRIBUTES))]


def ask(
    model: Model, products: Sequence[Product], attributes: Sequence[Attribute], asks: Asks
) -> list[Answer]:
    return model.answer(model.prepare(products), model.describe(attributes), asks)


def one_by_one(model: Model, asks: Asks = ALL) -> list[Answer]:
    return [ask(model, [PRODUCTS[p]], [ATTRIBUTES[a]], [(0, 0)])[0] for p, a in asks]


def assert_alike(ours: Sequence[Answer], theirs: Sequence[Answer]) -> None:
    """Equal but for the last digits, which depend on the shape of a batch."""
    for one, other in zip(ours, theirs, strict=True):
        assert one.none_score == pytest.approx(other.none_score, abs=1e-4)
        assert one.problem == other.problem
        scores = [{(c.text, c.evidence.span): c.score for c in a.candidates} for a in (one, other)]
        for place in scores[0].keys() | scores[1].keys():
            # A candidate at the threshold may be there or not.
            first, second = (s.get(place, 0.01) for s in scores)
            assert first == pytest.approx(second, abs=1e-3), place


def test_every_model_of_the_catalogue_has_a_row() -> None:
    assert {row.builder for row in TABLE} == set(CATALOG)
    assert len({row.name for row in TABLE}) == len(TABLE)


@EACH
def test_it_is_a_model_that_can_be_written_down(row: Row, trained: Trained) -> None:
    model = trained(row.name)
    assert isinstance(model, StorableModel)
    config = model.config()
    assert set(config) == {"builder", "arguments"}
    assert config["builder"] == row.builder
    assert json.loads(json.dumps(config)) == config
    assert model.traits.attributes == ("open" if row.open else "closed")
    assert (model.traits.window is None) == (model.tokeniser is None)


@EACH_NETWORK
def test_it_learns_ten_products_by_heart(row: Row, trained: Trained) -> None:
    model = trained(row.name)
    windows = cut(PRODUCTS, model.tokeniser, model.traits.window)
    wrong = []
    for at, attribute in enumerate(ATTRIBUTES):
        answers = ask(model, [w.product for w in windows], ATTRIBUTES, [(w, at) for w in range(len(windows))])
        for index, each in enumerate(PRODUCTS):
            if attribute.name not in each.stated:
                continue
            gold = {value.text.lower() for value in each.stated[attribute.name]}
            found = {
                a.candidates[0].text.lower()
                for a, w in zip(answers, windows, strict=True)
                if w.index == index and a.candidates and a.candidates[0].score > (a.none_score or 0)
            }
            if found != gold:
                wrong.append((each.id, attribute.name, found, gold))
    assert wrong == []


@EACH
def test_every_candidate_says_exactly_where_it_stands(row: Row, trained: Trained) -> None:
    model = trained(row.name)
    hard = [
        *PRODUCTS,
        product("a", "Hats", "😀😀 red\u200d cotton 👩\u200d👩\u200d👧 cap", {}),
        product("b", "Hats", "\u202bשלום\u202c dark blue wool סוף", {}),
        product("c", "Hats", "ﬁne gre\u0301en silk, İ ½ red", {}),
        product("d", "Mugs", "[SEP] red [CLS] steel [PAD] 40 cm \ud83d", {}, bullets="\x00 glass \ufeff mug"),
    ]
    answers = ask(model, hard, ATTRIBUTES, [(p, a) for p in range(len(hard)) for a in range(3)])
    spans = 0
    for at, answer in enumerate(answers):
        assert answer.none_score is not None
        scores = [c.score for c in answer.candidates]
        assert scores == sorted(scores, reverse=True)
        for candidate in answer.candidates:
            span = candidate.evidence.span
            if row.writes and candidate.evidence.kind == "inferred":
                assert span is None
                continue
            assert span is not None
            text = hard[at // 3].text(span.source)
            assert text is not None
            assert text[span.start : span.end] == candidate.text
            assert 0 <= candidate.score <= 1
            spans += 1
    assert spans > 10


@EACH
def test_values_beside_emoji_and_right_to_left_are_found(row: Row, trained: Trained) -> None:
    answers = ask(trained(row.name), PRODUCTS, ATTRIBUTES, [(5, 0), (6, 0)])
    spans = [a.candidates[0].evidence.span for a in answers]
    assert [(s.start, s.end) for s in spans if s] == [(0, 4), (5, 8)]


@EACH
def test_a_text_without_words_has_no_value(row: Row, trained: Trained) -> None:
    empty = [
        Product("0"),
        Product("1", None, (Source("title", ""),)),
        Product("2", "Hats", (Source("title", " \n\t"), Source("description", ""))),
    ]
    model = trained(row.name)
    for answer in ask(model, [*empty, PRODUCTS[0]], ATTRIBUTES, [(p, a) for p in range(3) for a in range(3)]):
        assert answer.candidates == ()
        assert answer.none_score is not None
        assert answer.problem is None
    assert model.answer(model.prepare([]), model.describe([]), []) == []


@EACH
def test_an_attribute_that_was_never_trained_on(row: Row, trained: Trained) -> None:
    mixed = ask(trained(row.name), PRODUCTS[:2], [UNSEEN, ATTRIBUTES[0]], [(0, 0), (0, 1), (1, 0)])
    assert mixed[1].candidates[0].text == "Red"
    for answer in (mixed[0], mixed[2]):
        if row.open:
            assert answer.problem is None
            assert answer.none_score is not None
        else:
            assert answer.problem is not None
            assert answer.problem.kind == "unknown_attribute"
            assert "closed" in answer.problem.message
            assert (answer.candidates, answer.none_score) == ((), None)


@EACH
def test_a_batch_answers_as_each_ask_alone(row: Row, trained: Trained) -> None:
    model = trained(row.name)
    together = ask(model, PRODUCTS, ATTRIBUTES, ALL)
    assert_alike(together, one_by_one(model))


@EACH
def test_every_product_may_be_asked_something_else(row: Row, trained: Trained) -> None:
    model = trained(row.name)
    asks = [(p, a) for p, a in ALL if (p + a) % 3]
    random.Random(1).shuffle(asks)
    asks += asks[:3]  # twice the same is answered twice
    assert_alike(ask(model, PRODUCTS, ATTRIBUTES, asks), one_by_one(model, asks))


@EACH
def test_prepared_and_described_serve_again(row: Row, trained: Trained) -> None:
    model = trained(row.name)
    prepared, described = model.prepare(PRODUCTS), model.describe(ATTRIBUTES)
    first = model.answer(prepared, described, ALL)
    one_each = [model.answer([prepared[p]], [described[a]], [(0, 0)])[0] for p, a in ALL]
    assert_alike(first, one_each)
    assert model.answer(prepared, described, ALL) == first


@EACH
def test_save_and_load_answer_alike(row: Row, trained: Trained, tmp_path: Path) -> None:
    model = trained(row.name)
    folder = save_model(model, tmp_path / "model", schema=SCHEMA, calibration={}, card="# Card\n")
    again = load_model(folder).model
    assert model_version(again) == model_version(model)
    asked = [*ATTRIBUTES, UNSEEN]
    asks = [(p, a) for p in range(len(PRODUCTS)) for a in range(4)]
    assert ask(again, PRODUCTS, asked, asks) == ask(model, PRODUCTS, asked, asks)
    assert again.traits == model.traits


# --- networks ---


@EACH_NETWORK
def test_gradients_reach_every_parameter(row: Row, base: Path) -> None:
    model = begun(row, base)
    batch = model.collate(list(model.examples(pool(), 0)))
    with torch.no_grad():
        for parameter in model.network.parameters():
            if not parameter.any():  # what begins at nought lets nothing through to what lies behind it
                parameter.normal_(std=0.02)
    model.network(batch)["loss"].backward()
    trainable = {n: p for n, p in model.network.named_parameters() if p.requires_grad}
    assert trainable
    assert [n for n, p in trainable.items() if p.grad is None or not p.grad.abs().sum() > 0] == []
    grouped = [p for group in model.parameter_groups().values() for p in group]
    assert sorted(map(id, grouped)) == sorted(map(id, trainable.values()))
    assert {"encoder", "head"} <= set(model.parameter_groups()) <= {"encoder", "head", "heavy", "vision"}


@EACH_NETWORK
def test_padding_changes_nothing(row: Row, base: Path) -> None:
    model = begun(row, base)
    model.network.eval()
    examples = list(model.examples(pool(), 0))
    assert len({len(e.reading) for e in examples}) > 3
    with torch.no_grad():
        together = model.network(model.collate(examples))["loss"]
        alone = torch.stack([model.network(model.collate([e]))["loss"] for e in examples])
    assert together.item() == pytest.approx(alone.mean().item(), rel=1e-5)


@EACH_NETWORK
def test_a_long_text_is_learnt_in_windows(row: Row, base: Path) -> None:
    model = begun(row, base)
    windows = cut(PRODUCTS, model.tokeniser, model.traits.window)
    assert len(windows) > len(PRODUCTS)
    longest = max(len(example.reading) for example in model.examples(pool(), 0))
    assert longest <= row.arguments["window"]


@pytest.mark.parametrize("name", ["adatag", "BERT-CRF, models", "BiLSTM-CRF-SharedEmb"])
def test_a_stopped_training_goes_on_as_if_nothing_had_happened(name: str, base: Path, tmp_path: Path) -> None:
    row = next(row for row in TABLE if row.name == name)
    settings = Settings(epochs=3, batch=4, averaging=0.9, folder=tmp_path / "model")

    def run(say: Callable[[str], None]) -> dict[str, torch.Tensor]:
        model: Any = replace(row, arguments={**row.arguments, "frozen_embeddings": False}).build(base)
        fit(model, pool(), None, settings, say)
        tensors: dict[str, torch.Tensor] = model.tensors()
        return tensors

    def stop(line: str) -> None:
        if line.startswith("epoch 3"):
            raise KeyboardInterrupt

    undisturbed = run(lambda line: None)
    forget(tmp_path / "model")  # as who writes the folder does: else the next run would find all epochs done
    with pytest.raises(Interrupted):
        run(stop)
    resumed = run(lambda line: None)
    assert [n for n, tensor in undisturbed.items() if not torch.equal(tensor, resumed[n])] == []


@EACH_NETWORK
def test_each_epoch_has_as_many_examples(row: Row, base: Path) -> None:
    model = begun(row, base)
    assert len({len(list(model.examples(pool(), epoch))) for epoch in range(3)}) == 1


@EACH_NETWORK
def test_a_folder_without_a_tensor_is_refused(row: Row, trained: Trained, base: Path) -> None:
    model: Any = trained(row.name)
    tensors = model.tensors()
    name = next(iter(tensors))
    without = {n: t for n, t in tensors.items() if n != name}
    with pytest.raises(ModelError, match=f"model.safetensors: {name} is missing"):
        row.build(base).restore(without, model.files())
    wrong = {**tensors, name: torch.zeros(3, 7, 2)}
    with pytest.raises(ModelError, match=rf"{name} is \(3, 7, 2\), expected"):
        row.build(base).restore(wrong, model.files())
