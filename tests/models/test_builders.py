"""Arguments of builders come from recipes and folders: a wrong one is named."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from attrex.api.fitting import build, settings_of
from attrex.api.recipe import load_recipe, recipe_names
from attrex.errors import ConfigError
from attrex.models.arguments import check_arguments
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
    ("builder", "given", "message"),
    [
        ("eave", {"alpha": "much"}, "alpha: expected a number, got 'much'"),
        ("eave", {"alpha": float("nan")}, "alpha: expected a number, got nan"),
        ("eave", {"alpha": True}, "alpha: expected a number, got True"),
        ("eave", {"light": 3}, "light: expected a name or nothing, got 3"),
        (
            "eave",
            {"light_layers": "all"},
            "light_layers: expected a whole number or a list (a whole number each) or nothing, got 'all'",
        ),
        ("eave", {"decoding": ["crf"]}, "decoding: expected one of crf, softmax, got ['crf']"),
        ("adatag", {"window": "long"}, "window: expected a whole number, got 'long'"),
        ("adatag", {"window": 1.5}, "window: expected a whole number, got 1.5"),
        ("adatag", {"window": 3}, "window is 3; it must be at least 4"),
        ("adatag", {"width": 0}, "width is 0; it must be at least 1"),
        (
            "adatag",
            {"encoder": "bilstm", "width": 7},
            "width is 7; a BiLSTM has two directions and needs an even one",
        ),
        ("adatag", {"dropout": 1}, "dropout is 1; it must lie in [0, 1)"),
        ("adatag", {"frozen_embeddings": "yes"}, "frozen_embeddings: expected true or false, got 'yes'"),
        (
            "endpoint",
            {"limits": 3, "address": "http://x/v1", "model": "m"},
            "limits: expected settings by name or nothing, got 3",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(builder: str, given: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        build(builder, given)
    assert str(error.value) == f"model.arguments.{message}"


@pytest.mark.parametrize("builder", CATALOG)
def test_the_checks_know_every_kind_of_argument_there_is(builder: str) -> None:
    """Defaults pass, and of what does not it can be said what is expected."""
    for name, parameter in inspect.signature(CATALOG[builder]).parameters.items():
        needed = NEEDED.get(builder, {})
        if parameter.default is not parameter.empty:
            check_arguments(builder, CATALOG[builder], {**needed, name: parameter.default})
        with pytest.raises(
            ConfigError, match=rf"^model\.arguments\.{name}: expected [a-zA-Z0-9_()|, -]+, got "
        ):
            check_arguments(builder, CATALOG[builder], {**needed, name: object()})


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
