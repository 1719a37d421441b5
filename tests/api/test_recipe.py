from pathlib import Path

import pytest

from attrex.api.gating import GateSettings
from attrex.api.recipe import Negatives, load_recipe, recipe_names
from attrex.errors import ConfigError


def write(path: Path, text: str) -> Path:
    file = path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_lexicon_s_recipe_comes_with_attrex() -> None:
    assert "lexicon" in recipe_names()
    recipe = load_recipe("lexicon")
    assert (recipe.name, recipe.builder, recipe.training, recipe.relearn) == (
        "lexicon",
        "lexicon",
        None,
        True,
    )
    assert recipe.description


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_that_comes_with_attrex_is_sound(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.description
    assert sum(recipe.split.values()) == pytest.approx(1)


def test_a_file_is_read_in_full(tmp_path: Path) -> None:
    text = """
    description: mine
    model: {builder: adatag, arguments: {hidden: 7}}
    training: {epochs: 3}
    negatives: {other_categories: 2, cut_out: 0.5}
    noise: 0.2
    split: {train: 0.6, tune: 0.2, calibrate: 0.2}
    calibration: isotonic
    labels_per_value: 50
    gate: {kind: category, recall: 0.99}
    """
    recipe = load_recipe(write(tmp_path, text))
    assert (recipe.name, recipe.builder, dict(recipe.arguments)) == ("mine", "adatag", {"hidden": 7})
    assert recipe.training == {"epochs": 3}
    assert recipe.negatives == Negatives(2, 0.5)
    assert recipe.noise == 0.2
    assert recipe.split == {"train": 0.6, "tune": 0.2, "calibrate": 0.2}
    assert (recipe.calibration, recipe.relearn, recipe.labels_per_value) == ("isotonic", False, 50)
    assert recipe.gate == GateSettings("category", 0.99)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", r"recipe mine: expected settings by name"),
        ("model: {", r"recipe mine: is not YAML: line 1: [^\n]*$"),
        ("description: x", r"model: expected settings by name, got None"),
        ("model: {arguments: {}}", r"model\.builder: expected the name of a model, got None"),
        ("model: {builder: a, depth: 3}", r"model\.depth: no such setting; there are builder, arguments"),
        ("model: {builder: a}\nepochs: 3", r"epochs: no such setting; there are description, model,"),
        (
            "model: {builder: a}\ncalibration: none",
            r'calibration: expected "platt" or "isotonic", got \'none\'',
        ),
        ("model: {builder: a}\nrelearn: maybe", r"relearn: expected true or false, got 'maybe'"),
        (
            "model: {builder: a}\nnegatives: {cut_out: 2}",
            r"negatives\.cut_out is 2; it must lie in \[0, 1\]",
        ),
        (
            "model: {builder: a}\nnegatives: {other_categories: 0.5}",
            r"negatives\.other_categories is 0\.5; it must be a whole number",
        ),
        (
            "model: {builder: a}\nnegatives: {cut_out: fast}",
            r"negatives\.cut_out: expected a number, got 'fast'",
        ),
        (
            "model: {builder: a}\nlabels_per_value: 0",
            "labels_per_value: expected a whole number from 1, got 0",
        ),
        ("model: {builder: a}\nnoise: 1.5", r"noise is 1\.5; it must lie in \[0, 1\]"),
        ("model: {builder: a}\nnoise: {p: 1}", r"noise: expected a number, got \{'p': 1\}"),
        (
            "model: {builder: a}\ngate: {kind: guess}",
            r"gate\.kind: expected one of auto, text, category, picture, none, got 'guess'",
        ),
        ("model: {builder: a}\ngate: {kind: []}", r"gate\.kind: expected one of .*, got \[\]"),
        ("model: {builder: a}\ngate: {recall: 2}", r"gate\.recall is 2; it must lie above 0 and not above 1"),
        ("model: {builder: a}\ngate: {recall: all}", r"gate\.recall: expected a number, got 'all'"),
        ("model: {builder: a}\ngate: {depth: 2}", r"gate\.depth: no such setting; there are kind, recall"),
        ("model: {builder: a}\nsplit: {tune: 1}", r"split\.train: is missing"),
        ("model: {builder: a}\nsplit: {train: 0.5}", r"split: .* add up to 1, got train 0\.5"),
        ("model: {builder: a}\nsplit: {train: 0.5, rest: 0.5}", r"split\.rest: no such setting"),
    ],
)
def test_a_wrong_recipe_says_where_and_what(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, text))


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r'there is no recipe "lexikon"; did you mean "lexicon"\?'):
        load_recipe("lexikon")
    with pytest.raises(ConfigError) as caught:
        load_recipe("no-such-thing")
    assert str(caught.value).startswith('recipe: there is no recipe "no-such-thing"; there are adatag, ')
    assert str(caught.value).endswith("virt. A file of your own ends in .yaml")
    with pytest.raises(ConfigError, match=r"^recipe: there is no file nowhere\.yaml$"):
        load_recipe("nowhere.yaml")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"description: caf\xe9\n")
    for name, why in (("folder", "Is a directory$"), ("latin", "'utf-8' codec can't decode byte 0xe9")):
        with pytest.raises(ConfigError, match=rf"^recipe: .*{name}\.yaml cannot be read: {why}"):
            load_recipe(tmp_path / f"{name}.yaml")
