"""A language model behind an address: its demonstrations, kept answers, key, folder and settings."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from attrex.core import Attribute, Product, Source, Stated
from attrex.errors import ConfigError, EndpointError, ModelError, OutputError
from attrex.models.endpoint import Endpoint, build_endpoint
from attrex.models.folder import load_model, model_version, save_model
from attrex.models.interface import Identified, Metered
from attrex.schema import Schema
from attrex.supervision.distant import label
from tests.models.asking import COLOUR, KNOWN, SIZE, ask, model, product
from tests.web.talking import Talking, fails, schema, talking


@pytest.fixture
def served() -> Iterator[Talking]:
    with talking(KNOWN) as there:
        yield there


# --- demonstrations ---


def labelled(title: str, id: str, **stated: str | None) -> Product:
    cells = {name: () if value is None else (Stated(value),) for name, value in stated.items()}
    return Product(id, None, (Source("title", title),), stated=cells)


TRAINING = [
    labelled("Blue wool hat", "a", Colour="Blue"),
    labelled("Steel mug 12 cm", "b", Colour=None, Size="12 cm"),
    labelled("Green wool scarf", "c", Colour="Green", Size=None),
    labelled("Oak table 90 cm", "d", Size="90 cm"),
    labelled("Grey wool hat with brim", "e", Colour="Grey"),
]


def taught(served: Talking, **arguments: Any) -> Endpoint:
    made = model(served, **arguments)
    made.learn(label(TRAINING, Schema([Attribute("Colour"), SIZE]))[0])
    return made


def shown(body: dict[str, Any]) -> list[tuple[str, Any]]:
    """The demonstrations as (title, answer)."""
    pairs = body["messages"][1:-1]
    return [
        (json.loads(q["content"].split("\n", 1)[1])["title"], json.loads(a["content"]))
        for q, a in zip(pairs[::2], pairs[1::2], strict=True)
    ]


def test_the_most_similar_of_the_training_data_are_shown_the_nearest_last(served: Talking) -> None:
    ask(taught(served, shots=2), product("Red wool hat with a wide brim"), Attribute("Colour"))
    assert shown(served.asked[0]) == [
        ("Blue wool hat", {"Colour": "Blue"}),
        ("Grey wool hat with brim", {"Colour": "Grey"}),
    ]


def test_what_is_unknown_of_a_demonstration_is_not_said(served: Talking) -> None:
    ask(taught(served, shots=9), product("Red scarf, mug and wool"), Attribute("Colour"), SIZE)
    answers = dict(shown(served.asked[0]))
    assert answers["Green wool scarf"] == {"Colour": "Green", "Size": None}
    assert answers["Steel mug 12 cm"] == {"Colour": None, "Size": "12 cm"}
    assert answers["Blue wool hat"] == {"Colour": "Blue"}


def test_a_product_is_not_shown_its_own_answer(served: Talking) -> None:
    ask(taught(served, shots=9), product("BLUE wool hat"), Attribute("Colour"))
    assert "Blue wool hat" not in dict(shown(served.asked[0]))


def test_zero_shots_show_nothing_and_example_values_come_from_training(served: Talking) -> None:
    ask(taught(served), product("Red hat"), Attribute("Colour"))
    (body,) = served.asked
    assert len(body["messages"]) == 2
    assert schema(body)["properties"]["Colour"]["description"] == "for example Blue, Green, Grey"


def test_of_a_long_demonstration_a_part_is_shown_and_what_stands_in_it(served: Talking) -> None:
    long = Product(
        "x",
        None,
        (Source("title", "Wool hat"), Source("description", "soft " * 600 + "red at the end")),
        stated={"Colour": (Stated("red"),), "Size": (Stated("huge"),)},
    )
    made = model(served, shots=1)
    made.learn(label([long], Schema([Attribute("Colour"), Attribute("Size")]))[0])
    ask(made, product("A wool hat"), Attribute("Colour"), Attribute("Size"))
    ((_, answer),) = shown(served.asked[0])
    assert answer == {"Size": "huge"}
    assert len(served.asked[0]["messages"][1]["content"]) < 3000


# --- kept answers, and going on ---


def test_the_same_question_is_asked_once(served: Talking) -> None:
    asked = model(served)
    twins = [product("red hat", "1"), product("red hat", "2")]
    answers = asked.answer(asked.prepare(twins), asked.describe([COLOUR]), [(0, 0), (1, 0), (1, 0)])
    assert len(served.asked) == 1
    assert answers[0] == answers[1] == answers[2]
    ask(asked, twins[0], COLOUR)
    assert len(served.asked) == 1
    assert asked.usage()["kept_answers"] == 1


def test_answers_survive_in_a_file_without_the_texts(served: Talking, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "answers.sqlite"
    first = ask(model(served, answers=str(file)), product("dark red secret hat"), COLOUR)
    assert ask(model(served, answers=str(file)), product("dark red secret hat"), COLOUR) == first
    assert len(served.asked) == 1
    assert b"secret" not in file.read_bytes()
    ask(model(served, answers=str(file), request={"seed": 2}), product("dark red secret hat"), COLOUR)
    assert len(served.asked) == 2


def test_a_damaged_answer_is_asked_anew(served: Talking, tmp_path: Path) -> None:
    file = tmp_path / "answers.sqlite"
    ask(model(served, answers=str(file)), product("red hat"), COLOUR)
    with sqlite3.connect(file) as kept:
        kept.execute("UPDATE answers SET said = '[3'")
    kept.close()
    (answer,) = ask(model(served, answers=str(file)), product("red hat"), COLOUR)
    assert answer.candidates[0].text == "red"
    assert len(served.asked) == 2


def test_a_file_that_is_no_store_is_refused(served: Talking, tmp_path: Path) -> None:
    file = tmp_path / "answers.sqlite"
    file.write_text("something else that stands here " * 100)
    with pytest.raises(OutputError, match="answers cannot be kept there"):
        ask(model(served, answers=str(file)), product("red hat"), COLOUR)
    assert file.read_text().startswith("something else")


def test_after_the_server_s_death_only_the_rest_is_asked(served: Talking, tmp_path: Path) -> None:
    products = [product(f"red hat {i}", str(i)) for i in range(10)]
    asks = [(i, 0) for i in range(10)]
    served.steps = [*[None] * 4, *[fails(503)] * 40]
    dying = model(served, answers=str(tmp_path / "a.sqlite"), limits={"tries": 2})
    with pytest.raises(EndpointError, match="What is done is kept"):
        dying.answer(dying.prepare(products), dying.describe([COLOUR]), asks)
    served.steps, served.asked = [], []
    again = model(served, answers=str(tmp_path / "a.sqlite"), limits={"concurrency": 3})
    answers = again.answer(again.prepare(products), again.describe([COLOUR]), asks)
    assert [a.candidates[0].text for a in answers] == ["red"] * 10
    assert sorted(served.questions()) == [f"red hat {i}" for i in range(4, 10)]
    assert model_version(dying) == model_version(again)


def test_what_it_took_is_told(served: Talking) -> None:
    served.steps = [fails(429), None, None]
    asked = model(served, price={"prompt": 2.0, "answer": 10.0})
    for at in range(2):
        ask(asked, product(f"red hat {at}"), COLOUR)
    assert isinstance(asked, Metered)
    assert asked.usage() == {
        "requests": 3,
        "answers": 2,
        "kept_answers": 0,
        "retries": {"429": 1},
        "failed": {},
        "prompt_tokens": 200,
        "answer_tokens": 20,
        "cost": pytest.approx(0.0006),
    }
    assert model(served).usage()["cost"] is None


# --- the key, the folder, the settings ---


def test_the_key_is_taken_from_the_environment_and_stands_nowhere_else(
    served: Talking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "sk-very-secret")
    asked = model(served, key="SHOP_KEY", answers=str(tmp_path / "a.sqlite"))
    ask(asked, product("red hat"), COLOUR)
    assert served.headers[0]["Authorization"] == "Bearer sk-very-secret"
    save_model(asked, tmp_path / "model", schema=Schema([COLOUR]), calibration={}, card="")
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"very-secret" not in path.read_bytes()
    assert "very-secret" not in repr(asked.settings)


@pytest.mark.parametrize(
    ("value", "state"), [(None, "is not set"), ("a\nb", "holds no key that can be sent")]
)
def test_a_key_that_is_not_there_is_named(
    served: Talking, monkeypatch: pytest.MonkeyPatch, value: str | None, state: str
) -> None:
    monkeypatch.delenv("SHOP_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("SHOP_KEY", value)
    asked = model(served, key="SHOP_KEY")
    with pytest.raises(ConfigError, match=f"key: the environment variable SHOP_KEY {state}") as problem:
        ask(asked, product("red hat"), COLOUR)
    assert "a\nb" not in str(problem.value)
    assert served.asked == []


def test_a_folder_gives_the_same_model_back(served: Talking, tmp_path: Path) -> None:
    made = taught(served, shots=2)
    folder = save_model(made, tmp_path / "model", schema=Schema([COLOUR]), calibration={}, card="")
    again = load_model(folder).model
    assert isinstance(again, Endpoint)
    assert again.files() == made.files()
    ask(made, product("Red wool hat"), COLOUR)
    ask(again, product("Red wool hat"), COLOUR)
    assert served.asked[0] == served.asked[1]


@pytest.mark.parametrize("name", ["demonstrations.json", "examples.json"])
def test_a_folder_without_a_file_or_with_a_damaged_one_is_refused(served: Talking, name: str) -> None:
    files = taught(served, shots=2).files()
    with pytest.raises(ModelError, match=f"{name} is missing from the model folder"):
        model(served).restore({}, {n: t for n, t in files.items() if n != name})
    with pytest.raises(ModelError, match="damaged"):
        model(served).restore({}, {**files, name: "[[1, 2]]"})


def test_its_version_does_not_hang_on_pace_price_or_store(served: Talking) -> None:
    made = model(served)
    assert isinstance(made, Identified)
    version = model_version(made)
    same = model(served, limits={"concurrency": 5}, price={"prompt": 1.0}, key="K", answers="x")
    assert model_version(same) == version
    assert model_version(model(served, prompt="eave")) != version
    assert model_version(model(served, request={"seed": 1})) != version


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": ""}, r"model\.arguments\.model: expected the name of a model on the server, got ''"),
        ({"key": "sk-1234"}, r"model\.arguments\.key: expected the name of an environment variable such as"),
        ({"shots": -1}, r"model\.arguments\.shots: expected a whole number from 0 on, got -1"),
        ({"window": 2}, r"model\.arguments\.window: expected a whole number from 16 on, got 2"),
        ({"pictures": 0}, r"model\.arguments\.pictures: expected a whole number from 16 on, got 0"),
        ({"prompt": "gpt"}, r"model\.arguments\.prompt: expected one of extractgpt, eave; got 'gpt'"),
        ({"prompt": {"task": ""}}, r"model\.arguments\.prompt\.task: expected what is asked, got ''"),
        ({"prompt": {"ask": "x"}}, r"model\.arguments\.prompt\.ask: no such setting"),
        (
            {"prompt": {"task": "x", "by": "row"}},
            r"prompt\.by: expected one of product, attribute; got 'row'",
        ),
        ({"ungrounded": "keep"}, r"model\.arguments\.ungrounded: expected one of mark, drop; got 'keep'"),
        ({"output": "xml"}, r"model\.arguments\.output: expected one of json_schema, json_object, text"),
        ({"price": {"input": 1}}, r"model\.arguments\.price: expected \{prompt: , answer: \}"),
        ({"limits": [1]}, r"model\.arguments\.limits: expected settings by name, got \[1\]"),
        ({"limits": {"tries": 0}}, r"limits\.tries: expected a whole number from 1 on, got 0"),
        ({"answers": 3}, r"model\.arguments\.answers: expected a file, got 3"),
        ({"address": "localhost"}, r"address: expected one like http://localhost:8000/v1"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_path(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as problem:
        build_endpoint(**{"address": "http://localhost/v1", "model": "m", **arguments})
    assert "sk-1234" not in str(problem.value)


def test_a_long_text_is_asked_in_windows(served: Talking) -> None:
    assert model(served, window=20).traits.window == 20
    tokens = model(served).tokeniser
    assert tokens is not None
    assert len(tokens.encode(["two words, 40mm"])[0]) == 5
