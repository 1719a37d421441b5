"""A file of settings in a model folder's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from attrex import Extractor, Product, Source, Status, fit
from attrex.api.recipe import Recipe, load_recipe
from attrex.errors import ConfigError, InputError
from tests.api.shop import BRANDS, COLOURS, SIZES, shop, write_csv
from tests.web.talking import Talking, talking

KNOWN = {"Brand": BRANDS, "Colour": COLOURS, "Size": SIZES}
SCHEMA = "attributes: [Brand, Colour, Size]\n"


@pytest.fixture
def served() -> Iterator[Talking]:
    with talking(KNOWN) as there:
        yield there


def settings(folder: Path, served: Talking | None, text: str = "schema: schema.yaml\n") -> Path:
    (folder / "schema.yaml").write_text(SCHEMA)
    file = folder / "endpoint.yaml"
    address = "http://localhost:1/v1" if served is None else served.address
    file.write_text(f"address: {address}\nmodel: m\nlimits: {{wait: 0, tries: 2}}\n{text}")
    return file


def test_a_file_of_settings_is_a_model(tmp_path: Path, served: Talking) -> None:
    extractor = Extractor.from_pretrained(settings(tmp_path, served))
    made = extractor.fill({"title": "Acme floor lamp in red"})
    assert [(e.attribute, e.status) for e in made] == [
        ("Brand", Status.FOUND),
        ("Colour", Status.FOUND),
        ("Size", Status.NOT_STATED),
    ]
    assert made[1].values[0].evidence[0].span is not None
    assert made[0].provenance.stage == "endpoint"
    assert not made[0].provenance.calibrated
    assert (tmp_path / "endpoint.answers.sqlite").is_file()


def test_demonstrations_come_from_the_file_that_is_named(tmp_path: Path, served: Talking) -> None:
    write_csv(tmp_path / "labelled.csv", shop(30))
    file = settings(tmp_path, served, "demonstrations: labelled.csv\nshots: 3\nanswers: null\n")
    extractor = Extractor.from_pretrained(file)
    assert {a.name for a in extractor.schema.every} == {"Brand", "Colour", "Size"}
    extractor.fill({"title": "Acme floor lamp in red"})
    assert len(served.asked[0]["messages"]) == 2 + 2 * 3
    assert extractor.support is not None
    assert not (tmp_path / "endpoint.answers.sqlite").exists()


def test_what_it_costs_nothing_to_know_is_known_without_a_server(tmp_path: Path) -> None:
    extractor = Extractor.from_pretrained(settings(tmp_path, None))
    assert extractor.fill(Product("1", None, (Source("title", " "),)))[0].status is Status.UNREADABLE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"endpoint\.yaml: schema: is missing; say which attributes a product has"),
        ("schema: schema.yaml\nshots: 2\n", r"demonstrations: is missing; the shots are taken from them"),
        ("schema: [1]\n", r"endpoint\.yaml: schema: expected a name, got \[1\]"),
        (
            "schema: schema.yaml\ntempo: 1\n",
            r"endpoint\.yaml: tempo: no such setting; there are address, model",
        ),
        ("schema: schema.yaml\nkey: sk-a-secret\n", r"expected the name of an environment variable"),
        ("model: {", r"endpoint\.yaml cannot be read"),
    ],
)
def test_a_wrong_setting_is_told_with_its_path(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as problem:
        Extractor.from_pretrained(settings(tmp_path, None, text))
    assert "sk-a-secret" not in str(problem.value)


def test_a_file_that_is_missing_or_empty_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model: there is no file .*none\.yaml"):
        Extractor.from_pretrained(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(ConfigError, match=r"empty\.yaml: expected settings such as address and model"):
        Extractor.from_pretrained(tmp_path / "empty.yaml")
    (tmp_path / "half.yaml").write_text("address: http://localhost/v1\n")
    with pytest.raises(ConfigError, match=r"half\.yaml: model: is missing"):
        Extractor.from_pretrained(tmp_path / "half.yaml")


def test_settings_of_another_kind_are_told(tmp_path: Path) -> None:
    file = settings(tmp_path, None, "schema: schema.yaml\nprompt: 5\n")
    with pytest.raises(
        ConfigError, match=r"^model\.arguments\.prompt: expected a name or settings by name, got 5$"
    ):
        Extractor.from_pretrained(file)
    file.write_text("address: 5\nmodel: m\nschema: schema.yaml\n")
    with pytest.raises(ConfigError, match=r"^model\.arguments\.address: expected a name, got 5$"):
        Extractor.from_pretrained(file)


def test_a_recipe_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("model: {builder: eave}\n")
    with pytest.raises(ConfigError) as told:
        Extractor.from_pretrained(file)
    assert str(told.value) == f"{file}: this is a recipe, not a model. Fix: fit one with --recipe {file}"


def test_demonstrations_without_a_product_are_told(tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("id,title,Colour\n")
    file = settings(tmp_path, None, "schema: schema.yaml\ndemonstrations: none.csv\n")
    with pytest.raises(InputError) as told:
        Extractor.from_pretrained(file)
    assert str(told.value) == (
        f"{tmp_path / 'none.csv'}: there is no product to show as an example. "
        "Fix: give labelled products, or leave demonstrations out"
    )


def test_a_recipe_learns_when_it_is_to_be_believed(tmp_path: Path, served: Talking) -> None:
    ours = load_recipe("endpoint-extractgpt")
    arguments = {**ours.arguments, "address": served.address, "shots": 2}
    recipe = Recipe("mine", ours.builder, arguments, split={"train": 0.8, "calibrate": 0.2})
    extractor = fit(shop(60), recipe=recipe, gate="none", out=tmp_path / "model")
    assert extractor.policy.calibration.fitted
    assert extractor.report is not None
    assert extractor.report.scores is not None
    assert extractor.report.scores.micro.scores.f1 == 1
    again = Extractor.from_pretrained(tmp_path / "model")
    made = again.fill({"title": "Acme floor lamp in red"})
    assert [e.status for e in made] == [Status.FOUND, Status.FOUND, Status.NOT_STATED]


@pytest.mark.parametrize("name", ["endpoint-extractgpt", "endpoint-eave"])
def test_the_published_prompts_are_recipes(name: str) -> None:
    recipe = load_recipe(name)
    assert (recipe.builder, recipe.arguments["prompt"]) == ("endpoint", name.removeprefix("endpoint-"))
