from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attrex.errors import ConfigError, InputError
from attrex.io.mapping import Column, ColumnMapping, resolve, unread_attributes
from tests.io.files import write


def roles(names: list[str], *rows: dict[str, Any], **wish: Any) -> dict[str, tuple[str, str]]:
    made = resolve(names, rows, ColumnMapping(**wish), "c.csv")
    return {name: (column.role, column.target) for name, column in made.items()}


def test_columns_by_their_names() -> None:
    names = [
        "uniq_id", "SKU", "productDisplayName", "name", "articleType", "masterCategory", "Description",
        "short_description", "Bullet Point 1", "bullet_point_2", "image_1", "Price", "product_url",
        "created_at", "rating", "Color", "Rated Voltage", "Color (attrex)",
    ]  # fmt: skip
    assert roles(names) == {
        "uniq_id": ("ignored", "uniq_id"),
        "SKU": ("id", "id"),
        "productDisplayName": ("source", "productDisplayName"),
        "name": ("source", "title"),
        "articleType": ("category", "category"),
        "masterCategory": ("ignored", "masterCategory"),
        "Description": ("source", "description"),
        "short_description": ("source", "short_description"),
        "Bullet Point 1": ("source", "Bullet Point 1"),
        "bullet_point_2": ("source", "bullet_point_2"),
        "image_1": ("picture", "picture"),
        "Price": ("ignored", "Price"),
        "product_url": ("ignored", "product_url"),
        "created_at": ("ignored", "created_at"),
        "rating": ("ignored", "rating"),
        "Color": ("attribute", "Color"),
        "Rated Voltage": ("attribute", "Rated Voltage"),
        "Color (attrex)": ("ignored", "Color (attrex)"),
    }


@pytest.mark.parametrize(
    ("cells", "role", "reason"),
    [
        ([], "attribute", "empty in the rows looked at"),
        (["red", "blue"], "attribute", "no rule makes it anything else"),
        (["https://x/y", "http://x/z"], "ignored", "looks like links"),
        (["https://x/y.jpg?w=1", "a b.png"], "picture", "looks like pictures"),
        (["2016-03-25 22:59:23 +0000", "2016-03-25"], "ignored", "looks like times"),
        (["$ 9.99", "10 €"], "ignored", "looks like prices"),
        (["{'Color': 'red'}", '{"a": 1}'], "packed", "each cell holds several attributes"),
        (["long words " * 20, "x"], "source", "texts of 110 characters on average"),
    ],
)
def test_columns_by_their_look(cells: list[str], role: str, reason: str) -> None:
    made = resolve(["Thing"], [{"Thing": c} for c in cells], ColumnMapping(), "c.csv")
    assert made["Thing"] == Column("Thing", role, "picture" if role == "picture" else "Thing", reason)  # type: ignore[arg-type]


def test_the_user_goes_over_convention() -> None:
    assert roles(
        ["title", "name", "Color", "Size", "Price"],
        sources={"title": "name"},
        attributes={"cost": "Price", "Size": "Size"},
    ) == {
        "title": ("ignored", "title"),
        "name": ("source", "title"),
        "Color": ("ignored", "Color"),
        "Size": ("attribute", "Size"),
        "Price": ("attribute", "cost"),
    }
    made = resolve(["Color"], [], ColumnMapping(ignore=("Color",)), "c.csv")
    assert made["Color"].reason == "you said so"


def test_two_sources_keep_apart() -> None:
    with pytest.raises(InputError, match='the source "title" would come from this column and from "Title"'):
        roles(["Title", "title"])


def test_yaml(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m.yaml",
        "id: sku\nsources: [name, text]\nattributes: {Color: farbe}\n"
        "absent: ['-', Keine]\nmany: {Color: /}\n",
    )
    assert ColumnMapping.from_yaml(path) == ColumnMapping(
        id="sku",
        sources={"name": "name", "text": "text"},
        attributes={"Color": "farbe"},
        absent=frozenset({"-", "keine"}),
        many={"Color": "/"},
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"titel": "x"}, r"mapping\.titel: no such setting; there are absent, attributes, blank"),
        ({"source": "x"}, r'mapping\.source: no such setting; did you mean "sources"\?'),
        ({"id": ["a"]}, r"mapping\.id: expected one name, got \['a'\]"),
        ({"sources": 3}, r"mapping\.sources: expected names, got 3"),
        ({"many": {"a": ""}}, r"mapping\.many: expected attribute: delimiter, got"),
        ({"category_depth": 0}, r"mapping\.category_depth: expected a number from 1 upwards, got 0"),
        ({"absent": ["x" * 30]}, r"mapping\.absent: a marker may have 24 characters at most"),
    ],
)
def test_wrong_settings(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ColumnMapping.from_dict(data)


def test_yaml_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mapping: there is no file"):
        ColumnMapping.from_yaml(tmp_path / "no.yaml")
    with pytest.raises(ConfigError, match=r"mapping: .*m\.yaml cannot be read: line 2: [^\n]*$"):
        ColumnMapping.from_yaml(write(tmp_path / "m.yaml", "a: [\n"))
    with pytest.raises(ConfigError, match="must hold settings like 'id: sku', not list"):
        ColumnMapping.from_yaml(write(tmp_path / "l.yaml", "- a\n"))


def test_one_mapping_over_another() -> None:
    below = ColumnMapping(id="a", attributes={}, category_depth=1)
    assert ColumnMapping(id="b").over(below) == ColumnMapping(id="b", attributes={}, category_depth=1)


def unread(names: list[str], *rows: dict[str, Any], **wish: Any) -> list[str]:
    columns = resolve(names, rows, ColumnMapping(**wish), "c.csv")
    return [str(each) for each in unread_attributes(columns, ["Battery Life", "Size", "Color"], "c.csv")]


def test_columns_that_hold_a_model_s_attribute_and_are_not_read_as_it_are_said() -> None:
    assert unread(["batteryLife", "Size", "Color", "Taste"], {"Size": "2020-01-01"}) == [
        'c.csv, field "batteryLife": the model has an attribute "Battery Life", but this column is not read '
        "as that (taken for another one). Fix: if they are the same, name all attribute columns, as in "
        '--attribute "Battery Life=batteryLife", or in a mapping',
        'c.csv, field "Size": the model has an attribute "Size", but this column is not read as that '
        "(left out: looks like times). Fix: if they are the same, name all attribute columns, as in "
        '--attribute "Size=Size", or in a mapping',
    ]
    assert unread(["color", "Color"]) == []
    assert unread(["size", "battery_life"], attributes={"Size": "size"}) == []
    assert unread(["Size"], ignore=["Size"]) == []
