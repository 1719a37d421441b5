"""Schema files as people write them, rightly and wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attrex.core import Attribute
from attrex.errors import SchemaError
from attrex.schema import Category, Schema, parse_schema, read_schema

FULL = """
attributes:
  Brand: Who makes it
  Colour:
    values: [NO, on, 1.50, 12:30, 010]
    many: yes
    delimiter: "; "
  Weight:
categories:
  Footwear: [Size]
  Boots:
    parent: Footwear
    attributes:
      Shaft height: {unit: cm, examples: [14 cm, 32 cm]}
"""


def written(tmp_path: Path, text: str | bytes, name: str = "schema.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_full_form_keeps_every_value_as_it_is_written(tmp_path: Path) -> None:
    schema = read_schema(written(tmp_path, FULL))
    colour = Attribute("Colour", values=("NO", "on", "1.50", "12:30", "010"), many=True, delimiter="; ")
    assert schema.attributes == (Attribute("Brand", "Who makes it"), colour, Attribute("Weight"))
    height = Attribute("Shaft height", unit="cm", examples=("14 cm", "32 cm"))
    assert list(schema.categories.values()) == [
        Category("Footwear", None, (Attribute("Size"),)),
        Category("Boots", "Footwear", (height,)),
    ]
    assert [a.name for a in schema.of("Boots")] == ["Brand", "Colour", "Weight", "Size", "Shaft height"]


@pytest.mark.parametrize(
    "data",
    [
        ["Brand", "Size"],
        [{"name": "Brand"}, "Size"],
        {"Brand": None, "Size": ""},
        {"attributes": ["Brand", "Size"]},
        {"type": "object", "properties": {"Brand": {"type": "string"}, "Size": {}}},
        Schema([Attribute("Brand"), Attribute("Size")]),
    ],
)
def test_every_form_gives_the_same_schema(data: object) -> None:
    assert parse_schema(data) == Schema([Attribute("Brand"), Attribute("Size")])


def test_names_with_descriptions() -> None:
    schema = parse_schema({"Brand": "Who makes it", "attributes": "a column of that very name"})
    assert [a.description for a in schema.attributes] == ["Who makes it", "a column of that very name"]


def test_a_delimiter_implies_several_values_and_can_be_contradicted() -> None:
    one, other = parse_schema({"A": {"delimiter": ";"}, "B": {"delimiter": ";", "many": False}}).attributes
    assert (one.many, other.many) == (True, False)


def test_json_values_become_texts(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"Size": {"values": [38, 39.5, True, "XL"]}}), "schema.json")
    assert read_schema(path).attributes[0].values == ("38", "39.5", "true", "XL")


def test_names_one_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffBrand\r\n\r\n Shoe size \n", "names.txt")
    assert [a.name for a in read_schema(path).attributes] == ["Brand", "Shoe size"]


def test_yaml_merge_keys_are_understood() -> None:
    text = "attributes:\n  A: &a {unit: cm}\n  B: {<<: *a, description: b}\n"
    from attrex.schema.document import load_yaml
    from attrex.schema.place import Place

    assert parse_schema(load_yaml(text, Place())).attributes[1] == Attribute("B", "b", unit="cm")


WRONG = [
    ("attributes: {A: x, A: y}", 'line 1: "A" stands twice. Fix: leave one out'),
    ("attributes: [A, A]", 'attribute "A" stands twice in the schema. Fix: leave one'),
    ("attributes: [A\ncategories: {}", "line 2: did not find expected ',' or ']'"),
    ("attributes: !!python/object/apply:os.system [x]", "line 1: could not determine a constructor"),
    ("", "the schema is empty; name at least one attribute"),
    ("just text", 'expected a list of names or a mapping of attributes, got "just text"'),
    ("attributes: {A: {many: perhaps}}", 'attributes.A.many: expected true or false, got "perhaps"'),
    ("attributes: {A: {values: red}}", 'attributes.A.values: expected a list, got "red"'),
    ("attributes: {A: {values: [red, []]}}", "attributes.A.values[1]: expected a value, got a list"),
    (
        "attributes: {A: {values: [red, ]}, B: {values: ['']}}",
        'attributes.B.values[0]: expected a value, got ""',
    ),
    ("attributes: {A: {description: [x]}}", "attributes.A.description: expected text, got a list"),
    ("attributes: {A: {delimiter: ''}}", "attributes.A.delimiter: expected what stands between two values"),
    ("attributes: {A: {valeus: [x]}}", 'attributes.A.valeus: unknown setting; did you mean "values"?'),
    ("attributes: {A: {zzz: [x]}}", "attributes.A.zzz: unknown setting; known are description, values"),
    ("Size: [S, M]", "Size: expected a description or settings, got a list; allowed values stand under"),
    ("attributes: {null: x}", "attributes: expected the name of an attribute, got nothing"),
    ("attributes: [{unit: cm}]", 'attributes[0]: an attribute given as a mapping in a list needs a "name"'),
    ("attributes: [A]\nother: 1", "other: unknown setting; known are attributes, categories"),
    ("categories: [A]", "categories: expected a mapping of categories, got a list"),
    ("categories: {A: text}", "categories.A: expected a list of attributes, or"),
    ("categories: {A: {Size: x}}", "categories.A.Size: unknown setting; known are parent, attributes"),
    (
        "categories: {A: {parent: B}}",
        'category "A" names the parent "B", which does not exist. Fix: add that category, or leave',
    ),
    (
        "categories: {Shoes: {attributes: [x]}, Boots: {parent: Shoe}}",
        'category "Boots" names the parent "Shoe", which does not exist. Fix: did you mean "Shoes"?',
    ),
    (
        "categories: {A: {parent: B}, B: {parent: A}}",
        "categories inherit in a circle: A -> B -> A. Fix: leave one of these parents out",
    ),
    ("categories: {A: {parent: A}}", "categories inherit in a circle: A -> A"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_wrong_yaml_says_where(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SchemaError) as caught:
        read_schema(path)
    assert str(caught.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b'{"A": "x", "A": "y"}', "s.json", '"A" stands twice'),
        (b'{"A": \n x}', "s.json", "line 2: is not JSON (Expecting value)"),
        (b"A: \xff", "s.yaml", "is not UTF-8 (byte 3); save it as UTF-8"),
        (b"A: \x00", "s.yaml", "is not YAML (unacceptable character #x0000"),
        (b"[" * 100_000, "s.json", "is nested too deeply for a schema"),
    ],
)
def test_wrong_bytes(tmp_path: Path, content: bytes, name: str, message: str) -> None:
    path = written(tmp_path, content, name)
    with pytest.raises(SchemaError) as caught:
        read_schema(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="there is no such file"):
        read_schema(tmp_path / "none.yaml")
    with pytest.raises(SchemaError, match="is a folder; a schema is one file"):
        read_schema(tmp_path)
