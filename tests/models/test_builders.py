"""Arguments of builders come from recipes and folders: a wrong one is named."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from attrex.api.fitting import build, settings_of
from attrex.api.recipe import load_recipe, recipe_names
from attrex.errors import ConfigError
from attrex.models.catalog import CATALOG
from attrex.models.late_tagger import LateTagger
from attrex.models.separate_tagger import SeparateTagger
from attrex.models.tag_sets import TagSetTagger
from attrex.models.trained import TrainedModel


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_builds(name: str) -> None:
    recipe = load_recipe(name)
    config = build(recipe.builder, recipe.arguments).config()
    assert config["builder"] == recipe.builder
    assert recipe.arguments.items() <= config["arguments"].items()
    settings_of(recipe, 0)


NEEDED = {"endpoint": {"address": "http://localhost:8000/v1", "model": "m"}}
"""Arguments that have no default."""


def test_an_argument_that_is_needed_is_named() -> None:
    with pytest.raises(ConfigError, match=r"model\.arguments\.model: is missing; endpoint needs it"):
        build("endpoint", {"address": "http://localhost:8000/v1"})


@pytest.mark.parametrize("builder", CATALOG)
def test_a_model_s_configuration_builds_it_again(builder: str) -> None:
    config = CATALOG[builder](**NEEDED.get(builder, {})).config()
    assert set(config["arguments"]) == set(inspect.signature(CATALOG[builder]).parameters)
    assert CATALOG[builder](**config["arguments"]).config() == config


@pytest.mark.parametrize(
    ("builder", "given", "message"),
    [
        ("adatag", {"encoder": "gru"}, "encoder: expected one of pretrained, bilstm; got 'gru'"),
        ("adatag", {"linear": "linear"}, "linear: expected one of hypernetwork, mixture; got 'linear'"),
        ("adatag", {"transitions": ""}, "transitions: expected one of hypernetwork, mixture; got ''"),
        ("adatag", {"attributes": "glove"}, "attributes: expected one of contextual, static, random; got"),
        ("adatag", {"attribute_parts": ["names"]}, "attribute_parts: expected one of name, value; got"),
        ("adatag", {"scheme": "IOB"}, "scheme: expected one of BIO, BIOE; got 'IOB'"),
        ("cross-encoder", {"scheme": "IOB"}, "scheme: expected one of BIO, BIOE; got 'IOB'"),
        ("separate", {"encoder": "bilstm", "tokens": "bytes"}, "tokens: expected one of words, characters"),
        ("separate", {"decoder": "viterbi"}, "decoder: expected one of crf, softmax; got 'viterbi'"),
        ("separate", {"attention": "cross"}, "attention: expected one of none, self; got 'cross'"),
        ("separate", {"words": "both"}, "words: expected one of own, shared; got 'both'"),
        ("tag-sets", {"decoder": "viterbi"}, "decoder: expected one of crf, softmax; got 'viterbi'"),
        ("multi-crf", {"scheme": "IOB"}, "scheme: expected one of BIO, BIOE; got 'IOB'"),
    ],
)
def test_a_wrong_argument_is_named(builder: str, given: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        CATALOG[builder](**given)
    assert f"model.arguments.{message}" in str(error.value)


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        *(
            (f"{encoder}{crf}-tag-sets", TagSetTagger)
            for encoder in ("bilstm", "bert")
            for crf in ("", "-crf")
        ),
        *(
            (f"{encoder}{crf}-models", SeparateTagger)
            for encoder in ("bilstm", "bert")
            for crf in ("", "-crf")
        ),
        ("bilstm-crf-shared-emb", SeparateTagger),
        ("opentag", SeparateTagger),
        ("bilstm-multi-crf", LateTagger),
        ("adatag", LateTagger),
    ],
)
def test_the_paper_s_models_each_have_a_recipe(recipe: str, kind: type) -> None:
    """All of AdaTag's Table 4 but SUOpenTag, with §4.4's batch and, without BERT, optimiser; more patience
    than its 3, which stops a small catalogue's models before they have learnt."""
    chosen = load_recipe(recipe)
    model = build(chosen.builder, chosen.arguments)
    assert isinstance(model, TrainedModel)
    assert isinstance(model.mechanism, kind)
    settings = settings_of(chosen, 0)
    assert settings is not None
    arguments = model.config()["arguments"]
    recurrent = arguments["encoder"] == "bilstm"
    assert (settings.batch, settings.patience) == (32, 8 if recurrent else 4)
    assert "tune" in chosen.split
    if recurrent:
        rate = 4e-3 if recipe == "adatag" else 1e-3
        assert (settings.rates, settings.weight_decay) == ({"default": rate}, 0)
        assert (arguments["embedding"], arguments["width"], arguments["vectors"]) == (50, 200, "minilm")
    if kind is SeparateTagger:
        assert settings.clip == 0
