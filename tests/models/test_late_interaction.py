"""Arguments of the late-interaction builders, and what their recipes are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from attrex.api.fitting import build, settings_of
from attrex.api.recipe import load_recipe
from attrex.errors import ConfigError, ModelError
from attrex.models.catalog import CATALOG
from attrex.plan.counting import counted
from attrex.text.reading import read
from tests.conformance.base import make_base, make_t5_base
from tests.conformance.ten import PRODUCTS, SCHEMA, pool


@pytest.mark.parametrize("builder", ["dipair", "virt", "mixencoder"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scheme": "IOB"}, "scheme: expected one of BIO, BIOE; got 'IOB'"),
        ({"decoding": "viterbi"}, "decoding: expected one of crf, softmax; got 'viterbi'"),
        ({"shapes": "drawn"}, "shapes: expected one of ignored, read; got 'drawn'"),
        ({"width": 30}, "width is 30 and heads 4; the width must be a multiple of the heads"),
        ({"heads": 0}, "width is 256 and heads 0; the width must be a multiple of the heads"),
    ],
)
def test_a_wrong_argument_is_named(builder: str, given: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        CATALOG[builder](**given)
    assert f"model.arguments.{message}" in str(error.value)


@pytest.mark.parametrize(
    ("builder", "given", "message"),
    [
        ("dipair", {"first": 0}, "first is 0; there must be at least 1"),
        ("dipair", {"layers": 0}, "layers is 0; there must be at least 1"),
        ("virt", {"distillation": -0.5}, "distillation is -0.5; it must be 0 or more"),
        ("mixencoder", {"vectors": 0}, "vectors is 0; there must be at least 1"),
        ("mixencoder", {"layers": []}, "layers is empty; there must be at least 1"),
    ],
)
def test_so_is_one_of_a_builder_s_own(builder: str, given: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        CATALOG[builder](**given)
    assert f"model.arguments.{message}" in str(error.value)


@pytest.mark.parametrize("layer", [0, 3])
def test_a_layer_that_the_encoder_lacks_is_named(layer: int, tmp_path: Path) -> None:
    model: Any = CATALOG["mixencoder"](base=str(make_base(tmp_path / "tiny")), layers=[1, layer], window=20)
    with pytest.raises(ConfigError) as error:
        model.begin(pool())
    assert f"model.arguments.layers names layer {layer}; the encoder's layers are 1 to 2" in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"distillation": 0, "window": 110}, "window is 110; with its category that is 129 tokens, and the"),
        ({"window": 60}, "window is 60; with category and attribute that is 144 tokens, and the"),
    ],
)
def test_a_window_that_has_no_room_is_refused(given: Mapping[str, Any], message: str, tmp_path: Path) -> None:
    """Of the tiny encoder's 128 positions; VIRT's teacher reads text and attribute together."""
    model: Any = CATALOG["virt"](base=str(make_base(tmp_path / "tiny")), **given)
    with pytest.raises(ConfigError) as error:
        model.begin(pool())
    assert f"model.arguments.{message} encoder has 128 positions" in str(error.value)


@pytest.mark.parametrize("builder", ["dipair", "virt", "mixencoder"])
def test_the_towers_may_be_t5_s(builder: str, tmp_path: Path) -> None:
    base = make_t5_base(tmp_path / "t5")
    torch.manual_seed(0)
    model: Any = CATALOG[builder](base=str(base), width=16, heads=2, dropout=0.0, window=20)
    model.begin(pool())
    examples = list(model.examples(pool(), 0))
    model.network(model.collate(examples))["loss"].backward()
    trained = {n: p for n, p in model.network.named_parameters() if p.requires_grad}
    assert [n for n, p in trained.items() if p.grad is None or not p.grad.abs().sum() > 0] == []
    model.network.eval()
    asks = [(p, a) for p in range(len(PRODUCTS)) for a in range(3)]
    prepared, described = model.prepare(PRODUCTS), model.describe(SCHEMA.every)
    together = model.answer(prepared, described, asks)
    alone = [model.answer([prepared[p]], [described[a]], [(0, 0)])[0] for p, a in asks]
    for one, other in zip(together, alone, strict=True):
        assert one.none_score == pytest.approx(other.none_score, abs=1e-5)


@pytest.mark.parametrize(
    ("builder", "given"),
    [
        ("dipair", {}),
        ("dipair", {"first": 2, "layers": 1}),
        ("virt", {}),
        ("mixencoder", {"vectors": 3}),
        ("mixencoder", {"layers": [1, 1, 2]}),
        ("suopentag", {}),
    ],
)
def test_the_formula_is_what_pytorch_counts(
    builder: str, given: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fused layer of inference is one operation, of which the counter knows nothing.
    monkeypatch.setattr(torch.backends.mha, "get_fastpath_enabled", lambda: False)
    heads = {} if builder == "suopentag" else {"heads": 2, "shapes": "read"}
    base = str(make_base(tmp_path / "tiny"))
    model: Any = CATALOG[builder](base=base, width=16, window=20, **heads, **given)
    model.begin(pool())
    model.network.eval()
    product, attributes = PRODUCTS[1], [SCHEMA.every[0]] * 2  # of one length: no padding
    cost = model.cost(read([product], model.tokeniser), attributes, [(0, 0), (0, 1)])
    prepared, described = model.prepare([product]), model.describe(attributes)
    assert counted(lambda: model.prepare([product])) == cost.prepare
    assert counted(lambda: model.describe(attributes)) == cost.describe
    assert counted(lambda: model.answer(prepared, described, [(0, 0), (0, 1)])) == cost.answer


def test_an_encoder_that_cannot_be_run_layer_by_layer_is_refused(tmp_path: Path) -> None:
    base = make_base(tmp_path / "tiny")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "model_type": "electra", "embedding_size": 32}))
    model: Any = CATALOG["virt"](base=str(base))
    with pytest.raises(ModelError, match="an encoder of the kind 'electra' cannot be run layer by layer"):
        model.begin(pool())


def test_the_recipes_run_offline_and_differ_in_the_head_alone() -> None:
    recipes = [load_recipe(name) for name in ("dipair", "virt", "mixencoder")]
    settings = [settings_of(recipe, 0) for recipe in recipes]
    for recipe, each in zip(recipes, settings, strict=True):
        assert recipe.builder == recipe.name
        assert recipe.split == recipes[0].split
        assert build(recipe.builder, recipe.arguments).config()["builder"] == recipe.builder
        assert recipe.arguments == {"base": "minilm", "shapes": "read", "replacement": 0.3}
        assert each is not None
        assert (each.epochs, each.examples, each.batch) == (8, 30_000, 8)
        assert each.averaging == 0.99
        assert each.rates["encoder"] == 1.5e-4
