"""JSON Schema and Pydantic models."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from attrex.core import Attribute
from attrex.errors import SchemaError
from attrex.schema import from_pydantic, parse_schema


class Colour(Enum):
    RED = "red"
    NAVY = "navy"


class Shoe(BaseModel):
    brand: str = Field(description="Who makes it", examples=["Acme"])
    colours: list[Colour] = []
    season: Literal["summer", "winter"] | None = None
    heel: float | None = Field(None, alias="Heel height", json_schema_extra={"unit": "cm"})


def test_a_pydantic_model() -> None:
    assert from_pydantic(Shoe).attributes == (
        Attribute("brand", "Who makes it", examples=("Acme",)),
        Attribute("colours", values=("red", "navy"), many=True),
        Attribute("season", values=("summer", "winter")),
        Attribute("Heel height", unit="cm"),
    )


def test_a_model_is_a_form_like_any_other() -> None:
    assert parse_schema(Shoe) == from_pydantic(Shoe)


def test_what_is_no_model() -> None:
    with pytest.raises(SchemaError, match="expected a Pydantic model class, got <class 'int'>"):
        from_pydantic(int)


def test_a_model_in_a_model() -> None:
    class Box(BaseModel):
        shoe: Shoe

    with pytest.raises(SchemaError, match=r"^Box: properties.shoe: is an object; make each of its fields"):
        from_pydantic(Box)


def test_without_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(SchemaError, match=r"not installed: pip install 'attrex\[pydantic\]'"):
        from_pydantic(Shoe)


def test_keywords() -> None:
    data = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"a/b": {"enum": ["x", None, 3]}},
        "properties": {
            "by reference": {"$ref": "#/$defs/a~1b", "description": "d"},
            "constant": {"const": "only"},
            "nullable": {"type": ["string", "null"], "x-unit": "mm"},
            "several": {"type": "array", "items": {"enum": ["p", "q"]}, "x-delimiter": "|"},
            "either": {"anyOf": [{"const": "p"}, {"const": "q"}, {"type": "null"}]},
            "anything": True,
        },
    }
    assert parse_schema(data).attributes == (
        Attribute("by reference", "d", ("x", "3")),
        Attribute("constant", values=("only",)),
        Attribute("nullable", unit="mm"),
        Attribute("several", values=("p", "q"), many=True, delimiter="|"),
        Attribute("either", values=("p", "q")),
        Attribute("anything"),
    )


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"$ref": "#/$defs/none"}, 'the reference "#/$defs/none" leads nowhere'),
        ({"$ref": "other.json"}, 'the reference "other.json" leaves the document'),
        ({"$ref": "#/properties/a"}, "references run in a circle"),
        ({"type": "object"}, "is an object; make each of its fields an attribute of its own"),
        ({"enum": "x"}, 'enum: expected a list, got "x"'),
        ({"description": 3}, "description: expected text, got 3"),
        (3, "expected a property, got 3"),
    ],
)
def test_wrong_properties(node: object, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        parse_schema({"type": "object", "properties": {"a": node}}, file="f.json")
    assert str(caught.value).startswith("f.json: properties.a")
    assert message in str(caught.value)


def test_a_property_that_contains_itself() -> None:
    data = {"$schema": "x", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}
    with pytest.raises(SchemaError, match="contains itself"):
        parse_schema({**data, "properties": {"a": {"$ref": "#/$defs/a"}}})


def test_no_properties() -> None:
    with pytest.raises(SchemaError, match=r"^properties: expected the attributes, got nothing"):
        parse_schema({"$schema": "https://json-schema.org/draft/2020-12/schema"})
