"""EAVE as published: T5 encoders of two sizes. What the conformance table asks of it on BERT's kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from attrex.api.recipe import load_recipe
from attrex.errors import ConfigError
from attrex.models.catalog import CATALOG
from attrex.models.folder import load_model, save_model
from attrex.nn.threads import one_thread
from attrex.text.windows import cut
from attrex.training import Settings, fit
from tests.conformance.base import make_base, make_t5_base
from tests.conformance.ten import PRODUCTS, SCHEMA, pool

ATTRIBUTES = list(SCHEMA.every)
ALL = [(p, a) for p in range(len(PRODUCTS)) for a in range(3)]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A heavy and a light T5."""
    folder = tmp_path_factory.mktemp("t5")
    heavy = make_t5_base(folder / "heavy", width=40)
    return {"base": str(heavy), "light": str(make_t5_base(folder / "light", seed=1))}


@pytest.fixture(scope="module")
def trained(bases: dict[str, str]) -> Any:
    model: Any = CATALOG["eave"](**bases, light_layers=None, place="after_attention", window=20, dropout=0.0)
    with one_thread():
        settings = Settings(epochs=34, batch=8, rates={"default": 1.2e-2}, weight_decay=0.0)
        fit(model, pool(), None, settings)
    return model


def test_it_learns_ten_products_by_heart(trained: Any) -> None:
    windows = cut(PRODUCTS, trained.tokeniser, 20)
    assert len(windows) > len(PRODUCTS)
    prepared, described = trained.prepare([w.product for w in windows]), trained.describe(ATTRIBUTES)
    asks = [(w, a) for w in range(len(windows)) for a in range(3)]
    found: dict[tuple[int, str], set[str]] = {}
    for (at, a), answer in zip(asks, trained.answer(prepared, described, asks), strict=True):
        texts = found.setdefault((windows[at].index, ATTRIBUTES[a].name), set())
        if answer.candidates and answer.candidates[0].score > answer.none_score:
            texts.add(answer.candidates[0].text.lower())
    for index, each in enumerate(PRODUCTS):
        for name, values in each.stated.items():
            assert found[index, name] == {value.text.lower() for value in values}, (each.id, name)


def test_a_batch_answers_as_each_ask_alone(trained: Any) -> None:
    prepared, described = trained.prepare(PRODUCTS), trained.describe(ATTRIBUTES)
    together = trained.answer(prepared, described, ALL)
    for (p, a), answer in zip(ALL, together, strict=True):
        sides = trained.prepare([PRODUCTS[p]]), trained.describe([ATTRIBUTES[a]])
        (alone,) = trained.answer(*sides, [(0, 0)])
        assert alone.none_score == pytest.approx(answer.none_score, abs=1e-4)
        assert [c.text for c in alone.candidates[:1]] == [c.text for c in answer.candidates[:1]]


def test_values_are_where_they_are_said_to_be(trained: Any) -> None:
    for (p, _), answer in zip(
        ALL, trained.answer(trained.prepare(PRODUCTS), trained.describe(ATTRIBUTES), ALL), strict=True
    ):
        for candidate in answer.candidates:
            span = candidate.evidence.span
            text = PRODUCTS[p].text(span.source)
            assert text is not None
            assert text[span.start : span.end] == candidate.text == candidate.text.strip() != ""


def test_it_is_kept_and_found_again(trained: Any, tmp_path: Path) -> None:
    folder = save_model(trained, tmp_path / "model", schema=SCHEMA, calibration={}, card="")
    again: Any = load_model(folder).model
    ours, theirs = (m.answer(m.prepare(PRODUCTS), m.describe(ATTRIBUTES), ALL) for m in (trained, again))
    assert ours == theirs


def test_gradients_reach_every_parameter(bases: dict[str, str]) -> None:
    torch.manual_seed(0)
    model: Any = CATALOG["eave"](**bases, light_layers=None, window=20, mapping="even_0")
    model.begin(pool())
    model.network(model.collate(list(model.examples(pool(), 0))))["loss"].backward()
    assert any(p is model.network.adaptor.weight for p in model.parameter_groups()["head"])
    trainable = {n: p for n, p in model.network.named_parameters() if p.requires_grad}
    assert [n for n, p in trainable.items() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize(
    ("name", "heavy", "sizes", "alpha"),
    [
        ("eave-b-s", "base", (12, (0, 1, 3, 4, 6, 7, 9, 10)), 0.7),
        ("eave-l-s", "large", (24, (0, 3, 6, 9, 12, 15, 18, 21)), 0.7),
        ("eave-xl-s", "xl", (24, (0, 3, 6, 9, 12, 15, 18, 21)), 0.7),
        ("eave-ae110k", "base", (12, (0, 1, 3, 4, 6, 7, 9, 10)), 0.05),
    ],
)
def test_the_paper_s_recipes_run_on_tiny_widths(
    name: str, heavy: str, sizes: tuple[int, tuple[int, ...]], alpha: float, tmp_path: Path
) -> None:
    """With the paper's numbers of layers: 8 light ones, mapped evenly (§3.4)."""
    recipe = load_recipe(name)
    assert recipe.builder == "eave"
    assert recipe.arguments["base"] == f"google/flan-t5-{heavy}"
    assert recipe.arguments["light"] == "google/flan-t5-small"
    layers, mapping = sizes
    bases = {
        "base": str(make_t5_base(tmp_path / "heavy", layers=layers, width=16)),
        "light": str(make_t5_base(tmp_path / "light", layers=8, width=8)),
    }
    torch.manual_seed(0)
    model: Any = CATALOG["eave"](**{**recipe.arguments, **bases})
    model.begin(pool())
    assert tuple(model.network.heavy.kept) == mapping
    assert model.network.light.layers.depth == 8
    assert model.network.heavy.place == "after_attention"
    assert model.network.fusion.alpha == alpha
    assert model.network.heavy.frozen is (name == "eave-ae110k")
    model.network(model.collate(list(model.examples(pool(), 0))[:2]))["loss"].backward()
    answers = model.answer(model.prepare(PRODUCTS[:2]), model.describe(ATTRIBUTES), ALL[:6])
    assert all(answer.none_score is not None for answer in answers)


def test_t5_and_bert_do_not_read_the_same_tokens(bases: dict[str, str], tmp_path: Path) -> None:
    other = make_base(tmp_path / "bert")
    model: Any = CATALOG["eave"](base=bases["base"], light=str(other))
    with pytest.raises(ConfigError, match="cuts words otherwise than"):
        model.begin(pool())
