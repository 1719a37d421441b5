"""What makes EAVE the model it is, with a tiny pretrained encoder."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attrex.cache.records import pack, unpack
from attrex.core import Attribute, Product, Source
from attrex.errors import ConfigError
from attrex.extract import Pipeline, Request
from attrex.models import eave
from attrex.models.catalog import CATALOG
from attrex.models.eave import DescribedQuestion, PreparedContext
from attrex.models.eave_frozen import HEAVY_TOKENS
from attrex.models.questions import LONGEST
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver
from attrex.text.windows import cut
from tests.conformance.base import make_base
from tests.conformance.ten import COLOUR, PRODUCTS, SCHEMA, pool
from tests.models.small_eave import begun, counted

THREE = list(SCHEMA.every)
ALL = [(p, a) for p in range(len(PRODUCTS)) for a in range(3)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_base(tmp_path_factory.mktemp("bases") / "tiny"))


def asked(model: Any, products: list[Product], attributes: list[Attribute]) -> list[Any]:
    asks = [(p, a) for p in range(len(products)) for a in range(len(attributes))]
    answers: list[Any] = model.answer(model.prepare(products), model.describe(attributes), asks)
    return answers


# --- what is done when ---


def test_the_heavy_encoder_runs_once_a_window_and_once_an_attribute(base: str) -> None:
    model = begun(base)
    with counted(model.network.heavy) as heavy, counted(model.network.adaptor) as adaptor:
        prepared = model.prepare(PRODUCTS)
        assert sum(heavy) == len(PRODUCTS)
        described = model.describe(THREE)
        assert sum(heavy) == len(PRODUCTS) + 3
        before = len(adaptor)
        for _ in range(2):
            model.answer(prepared, described, ALL)
        # One attribute more costs the heavy encoder that attribute alone.
        model.answer(prepared, model.describe([Attribute("Weight")]), [(p, 0) for p in range(10)])
        assert sum(heavy) == len(PRODUCTS) + 4
        assert len(adaptor) == before + 1


def test_a_long_text_goes_through_the_heavy_encoder_once_a_window(base: str) -> None:
    model = begun(base)
    text = " ".join(f"red cotton hat number {n}" for n in range(1000))
    windows = cut([Product("1", "Hats", (Source("title", text),))], model.tokeniser, 20)
    assert len(windows) > 300
    with counted(model.network.heavy) as heavy:
        answers = asked(model, [window.product for window in windows], THREE)
    assert sum(heavy) == len(windows) + 3
    assert len(answers) == 3 * len(windows)


def test_a_product_of_a_hundred_thousand_tokens_goes_through_the_pipeline_in_bounded_batches(
    base: str,
) -> None:
    model = begun(base, window=60, decoding="softmax")
    text = " ".join(f"red cotton hat {n % 900}" for n in range(25_000))
    windows = cut([Product("1", "Hats", (Source("title", text),))], model.tokeniser, 60)
    assert sum(len(model.tokeniser.encode([w.product.sources[0].text])[0]) for w in windows) > 100_000
    pipeline = Pipeline(model, SCHEMA, Resolver(Policy(), Normaliser()), stage="eave", version="v")
    tokens: list[int] = []
    hook = model.network.heavy.register_forward_hook(lambda _, given, __: tokens.append(given[0].numel()))
    with counted(model.network.heavy) as heavy:
        (result,) = pipeline.run([Request(Product("1", "Hats", (Source("title", text),)), (COLOUR,))])
    hook.remove()
    assert sum(heavy) == len(windows) + 1
    assert max(tokens) <= HEAVY_TOKENS
    assert result.extractions[0].input_read == "all"


def test_a_context_is_made_ready_once_for_all_its_asks(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its asks need several batches."""
    monkeypatch.setattr(eave, "MET_TOKENS", 60)
    model = begun(base)
    prepared, described = model.prepare(PRODUCTS), model.describe(THREE)
    tokens: list[int] = []
    first = model.network.light.layers.layers[0].attention.self.key
    hook = first.register_forward_hook(lambda _, given, __: tokens.append(given[0].shape[1]))
    model.answer(prepared, described, ALL)
    hook.remove()
    contexts = sum(record.heavy_MSD.shape[1] for record in prepared)
    attributes = len(PRODUCTS) * sum(len(record.ids) for record in described)
    assert len(tokens) > 10
    assert sum(tokens) == contexts + attributes


def test_asks_of_several_products_share_a_batch(base: str) -> None:
    model = begun(base)
    prepared, described = model.prepare(PRODUCTS), model.describe(THREE)
    with counted(model.network.light.layers.layers[1].attention.self.key) as rows:
        model.answer(prepared, described, ALL)
    assert rows == [len(ALL)]


def test_thousands_of_asks_are_answered_in_bounded_batches_with_little_padding(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eave, "MET_TOKENS", 512)
    monkeypatch.setattr(eave, "CONTEXT_TOKENS", 100)
    model = begun(base)
    attributes = [replace(THREE[n % 3], name=f"{THREE[n % 3].name} {'x' * (n % 5)}") for n in range(700)]
    shapes: list[torch.Size] = []
    second = model.network.light.layers.layers[1].attention.self.key
    hook = second.register_forward_hook(lambda _, given, __: shapes.append(given[0].shape[:2]))
    prepared, described = model.prepare(PRODUCTS), model.describe(attributes)
    asks = [(0, a) for a in range(700)] + [(p, a) for p in range(1, 10) for a in range(20)]
    answers = model.answer(prepared, described, asks)
    hook.remove()
    assert len(answers) == len(asks)
    assert max(shape.numel() for shape in shapes) <= 512
    real = sum(prepared[p].heavy_MSD.shape[1] + len(described[a].ids) for p, a in asks)
    assert sum(shape.numel() for shape in shapes) < 1.1 * real
    assert sum(shape[0] for shape in shapes) == len(asks)


def test_records_hold_adapted_states_of_the_mapped_layers_alone(base: str) -> None:
    model = begun(base, mapping=[1, 1])
    (prepared,), (described,) = model.prepare(PRODUCTS[:1]), model.describe([COLOUR])
    category = len(prepared.reading.prefix)
    assert prepared.heavy_MSD.shape == (1, 1 + category + len(prepared.reading) + 1, 32)
    assert described.heavy_MQD.shape == (1, len(described.ids), 32)
    with torch.no_grad():
        model.network.adaptor.weight.mul_(2)
    torch.testing.assert_close(model.prepare(PRODUCTS[:1])[0].heavy_MSD, 2 * prepared.heavy_MSD)
    for tensor in (prepared.heavy_MSD, described.heavy_MQD):
        assert tensor.untyped_storage().nbytes() == tensor.numel() * 4  # no view of a batch


def test_records_come_back_from_a_disk(base: str) -> None:
    model = begun(base)
    assert model.traits.cacheable == "disk"
    assert model.record_types == (PreparedContext, DescribedQuestion)
    sides = (model.prepare(PRODUCTS), model.describe(THREE))
    again = [
        [unpack(memoryview(pack(record, kind, "float32")), kind) for record in side]
        for side, kind in zip(sides, model.record_types, strict=True)
    ]
    assert model.answer(*again, ALL) == model.answer(*sides, ALL)


# --- attributes ---


def test_an_attribute_is_read_by_name_description_and_examples(base: str) -> None:
    model = begun(base)
    one, *others = model.describe(
        [COLOUR, Attribute("Colour"), replace(COLOUR, description="hue"), replace(COLOUR, examples=())]
    )
    assert len({tuple(each.ids) for each in (one, *others)}) == 4
    for other in others:
        assert (other.heavy_MQD[:, 0] - one.heavy_MQD[:, 0]).abs().max() > 1e-4


def test_an_attribute_longer_than_its_window_is_cut_and_said_to_be(
    base: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = begun(base, question=4)
    name = "colour size material size colour"
    long, told = Attribute(name), Attribute("Colour", "what the eye sees first, and what else there is")
    with caplog.at_level(logging.WARNING):
        cut_name, cut_description = model.describe([long, told])
    assert len(cut_name.ids) == len(cut_description.ids) == 1 + 4 + 1
    assert cut_name.ids[-1] == model.tokeniser.separator
    assert [record.getMessage() for record in caplog.records] == [
        f'the attribute "{name}" is 5 tokens long; the first 4 are read'
    ]
    (answer,) = asked(model, PRODUCTS[:1], [long])
    assert answer.none_score is not None


def test_it_is_trained_as_it_answers(base: str) -> None:
    model = begun(base)
    examples = list(model.examples(pool(), 0))
    batch = model.collate(examples)
    words = {tuple(d.ids) for d in model.describe(THREE)}
    rows = [
        ids[mask].tolist() for ids, mask in zip(batch["question_AQ"], batch["question_mask_AQ"], strict=True)
    ]
    assert {tuple(row) for row in rows} == words
    for example, ids_S, mask_S in zip(examples, batch["ids_NS"], batch["mask_NS"], strict=True):
        reading, tokeniser = example.reading, model.tokeniser
        assert ids_S[mask_S].tolist() == [
            *tokeniser.opening,
            *reading.prefix,
            *reading.ids,
            tokeniser.separator,
        ]


@pytest.mark.parametrize("place", ["before_attention", "after_mlp"])
def test_what_it_learns_of_an_ask_is_what_it_answers(place: str, base: str) -> None:
    """The likelihood of "none" in training and among many other asks."""
    model = begun(base, place=place)
    nones = [
        replace(example, asks=(ask,))
        for example in model.examples(pool(), 0)
        for ask in example.asks
        if not ask.spans
    ]
    assert len({len(example.reading) for example in nones}) > 2
    described = {
        attribute.name: record for attribute, record in zip(THREE, model.describe(THREE), strict=True)
    }
    prepared = model.prepare([example.product for example in nones])
    asked = [described[example.asks[0].attribute.name] for example in nones]
    answers = model.answer(prepared, asked, [(at, at) for at in range(len(nones))])
    for example, answer in zip(nones, answers, strict=True):
        loss = model.network(model.collate([example]))["loss"].item() / example.asks[0].weight
        assert math.exp(-loss) == pytest.approx(answer.none_score, rel=1e-4)


# --- how it is put together ---


def test_a_light_encoder_of_the_heavy_one_s_own_layers(base: str) -> None:
    def weights(layer: nn.Module) -> list[Tensor]:
        return list(layer.state_dict().values())

    model = begun(base, light_layers=[1], mapping=[0], place="after_mlp_and_skip")
    whole = begun(base, light_layers=None, mapping="even_0").network
    assert (model.network.light.layers.depth, whole.light.layers.depth) == (1, 2)
    light, heavy = model.network.light.layers.layers, whole.heavy.reader.layers.layers
    assert all(torch.equal(a, b) for a, b in zip(weights(light[0]), weights(heavy[1]), strict=True))
    own = {p.data_ptr() for p in model.network.light.parameters()}
    assert own.isdisjoint(p.data_ptr() for p in model.network.heavy.parameters())
    assert torch.equal(model.network.adaptor.weight, torch.eye(32))
    assert begun(base, light_layers=1, mapping="last").network.light.layers.depth == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"light_layers": 3}, "light_layers is 3; the encoder has 2 layers"),
        ({"light_layers": 0}, "light_layers is 0; the encoder has 2 layers"),
        ({"light_layers": [2]}, "light_layers names layer 2; the encoder's layers are 0 to 1"),
        ({"light_layers": [1, 1]}, "light_layers is [1, 1]; it must name one layer or more, each once"),
        ({"light_layers": []}, "light_layers is []; it must name one layer or more, each once"),
        ({"mapping": [0, 2]}, "mapping names layer 2; the heavy encoder's layers are 0 to 1"),
        ({"window": 100}, "window is 100; with category and attribute that is 153 tokens, and the light"),
        ({"window": 120}, "window is 120; with its category that is 139 tokens, and the heavy"),
    ],
)
def test_what_the_encoders_do_not_have_is_told(given: dict[str, Any], message: str, base: str) -> None:
    with pytest.raises(ConfigError) as error:
        begun(base, **given)
    assert f"model.arguments.{message}" in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"place": "after"}, "place: expected one of before_attention, after_attention, after_attention_and"),
        ({"fusion": "sum"}, "fusion: expected one of fixed, learned, cross_attention; got 'sum'"),
        ({"heavy": "warm"}, "heavy: expected one of trained, frozen; got 'warm'"),
        ({"alpha": 1.5}, "alpha is 1.5; it must lie in [0, 1]"),
        ({"decoding": "viterbi"}, "decoding: expected one of crf, softmax; got 'viterbi'"),
        ({"scheme": "IOB"}, "scheme: expected one of BIO, BIOE; got 'IOB'"),
        ({"question": 0}, f"question is 0; it must lie in [1, {LONGEST}]"),
        ({"question": 99}, f"question is 99; it must lie in [1, {LONGEST}]"),
    ],
)
def test_a_wrong_argument_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        CATALOG["eave"](**given)
    assert f"model.arguments.{message}" in str(error.value)


def test_encoders_that_cut_words_otherwise_are_refused(base: str, tmp_path: Path) -> None:
    other = make_base(tmp_path / "other", seed=1)
    assert begun(base, light=str(other)).network is not None
    content = json.loads((other / "tokenizer.json").read_text())
    content["normalizer"]["lowercase"] = False
    (other / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError) as error:
        begun(base, light=str(other))
    message = str(error.value)
    assert f'model.arguments.light: "{other}" cuts words otherwise than "{base}"' in message
    assert "the normalizer of their tokenisers differs" in message
    assert "token by token their states are fused" in message
