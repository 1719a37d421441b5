"""The sample catalogue is what its README says it is."""

import csv
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from attrex.errors import InputError
from attrex.sample import SAMPLES, sample_path
from attrex.schema import Schema, lint, read_schema

SOURCES = ("title", "description", "bullets")
DELIMITER = " | "
CONFLICTS = {
    "BP-1019": ("Capacity", "20L", "26 litres"),
    "CM-1047": ("Capacity", "1.8 L", "1.5 litres"),
    "HP-1166": ("Battery Life", "30h", "20 hours"),
    "LB-1032": ("Base", "E27", "E14"),
    "RS-1043": ("Size", "EU 44", "EU 42"),
}


def folded(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def applicable(schema: Schema, category: str) -> list[str]:
    return [attribute.name for attribute in schema.of(category)]


@pytest.fixture(scope="module")
def schema() -> Schema:
    return read_schema(sample_path("schema.yaml"))


@pytest.fixture(scope="module")
def catalog() -> list[dict[str, str]]:
    with sample_path("catalog.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def labelled() -> list[dict[str, Any]]:
    lines = sample_path("labelled.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def texts(product: Mapping[str, Any]) -> str:
    return "\n".join(product[source] for source in SOURCES)


def attributes_of(row: Mapping[str, str]) -> list[str]:
    return [name for name in row if name not in ("id", "category", *SOURCES)]


@pytest.mark.parametrize("name", [*SAMPLES, "README.md"])
def test_files_are_plain_utf8_with_unix_line_ends(name: str) -> None:
    data = (sample_path("catalog.csv").parent / name).read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    assert b"\0" not in data
    assert data.endswith(b"\n")
    data.decode("utf-8")


def test_an_unknown_sample_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError) as raised:
        sample_path("catalogue.csv")
    assert str(raised.value) == (
        'there is no sample "catalogue.csv". Fix: take one of catalog.csv, labelled.jsonl, schema.yaml'
    )


def test_a_sample_is_a_file_on_disk() -> None:
    assert all(isinstance(sample_path(name), Path) and sample_path(name).is_file() for name in SAMPLES)


def test_counts(catalog: list[dict[str, str]], labelled: list[dict[str, Any]]) -> None:
    assert len(catalog) == 300
    assert len(labelled) == 60
    assert set(Counter(row["category"] for row in catalog).values()) == {50}
    assert set(Counter(row["category"] for row in labelled).values()) == {10}
    assert {row["category"] for row in labelled} == {row["category"] for row in catalog}


def test_ids_and_titles_are_unique_across_both_files(
    catalog: list[dict[str, str]], labelled: list[dict[str, Any]]
) -> None:
    products = [*catalog, *labelled]
    assert len({p["id"] for p in products}) == len(products)
    assert len({folded(p["title"]) for p in products}) == len(products)


def test_no_row_is_ragged_and_every_product_has_a_title_and_more(
    catalog: list[dict[str, str]], labelled: list[dict[str, Any]]
) -> None:
    assert all(None not in row and None not in row.values() for row in catalog)
    for product in [*catalog, *labelled]:
        assert product["title"].strip() == product["title"] != ""
        assert product["description"] or product["bullets"], product["id"]


def test_categories_and_columns_are_the_schema_s(catalog: list[dict[str, str]], schema: Schema) -> None:
    assert {row["category"] for row in catalog} == set(schema.categories) - {"Carried and Worn"}
    assert set(attributes_of(catalog[0])) == {attribute.name for attribute in schema.every}
    assert len(schema.every) == 16
    assert all(4 <= len(applicable(schema, row["category"])) <= 7 for row in catalog)


def test_the_schema_has_no_findings(schema: Schema) -> None:
    assert list(lint(schema)) == []


def test_cells_outside_the_category_are_empty(catalog: list[dict[str, str]], schema: Schema) -> None:
    for row in catalog:
        outside = set(attributes_of(row)) - set(applicable(schema, row["category"]))
        assert not any(row[name] for name in outside), row["id"]


def test_about_45_percent_of_the_applicable_cells_are_empty(
    catalog: list[dict[str, str]], schema: Schema
) -> None:
    cells = [row[name] for row in catalog for name in applicable(schema, row["category"])]
    assert len(cells) == 1700
    assert 0.42 <= cells.count("") / len(cells) <= 0.48
    assert 5 <= cells.count("n/a") <= 15
    assert sum(DELIMITER in cell for cell in cells) >= 40
    for attribute in schema.every:
        assert sum(bool(row[attribute.name]) for row in catalog) >= 15, attribute.name


def test_only_attributes_of_several_values_hold_the_delimiter(
    catalog: list[dict[str, str]], schema: Schema
) -> None:
    for row in catalog:
        many = {a.name for a in schema.of(row["category"]) if a.many}
        assert all(a.delimiter == DELIMITER for a in schema.of(row["category"]) if a.many)
        for name in attributes_of(row):
            assert name in many or "|" not in row[name], row["id"]
            values = row[name].split(DELIMITER) if row[name] else []
            assert all(value and value == value.strip() for value in values)
            assert len(set(values)) == len(values)


def test_allowed_values_hold_in_both_files(
    catalog: list[dict[str, str]], labelled: list[dict[str, Any]], schema: Schema
) -> None:
    for category in schema.categories:
        for attribute in schema.of(category):
            allowed = {folded(value) for value in attribute.values}
            if not allowed:
                continue
            cells = {row[attribute.name] for row in catalog if row["category"] == category} - {""}
            assert {folded(cell) for cell in cells} <= allowed
            listed = [p["attributes"][attribute.name] for p in labelled if p["category"] == category]
            assert {folded(value) for values in listed for value in values} <= allowed


def test_most_filled_cells_can_be_read_off_the_text_and_some_cannot(catalog: list[dict[str, str]]) -> None:
    found = missing = 0
    for row in catalog:
        for name in attributes_of(row):
            if row[name] and row[name] != "n/a":
                for value in row[name].split(DELIMITER):
                    if folded(value) in folded(texts(row)):
                        found += 1
                    else:
                        missing += 1
    assert found / (found + missing) >= 0.85
    assert missing >= 30


@pytest.mark.parametrize("product", CONFLICTS)
def test_where_title_and_description_disagree_the_cell_is_empty(
    product: str, catalog: list[dict[str, str]]
) -> None:
    row = next(row for row in catalog if row["id"] == product)
    name, in_title, below = CONFLICTS[product]
    assert in_title in row["title"]
    assert below in row["description"]
    assert row[name] == ""


@pytest.mark.parametrize(
    ("product", "text", "name", "trap"),
    [
        ("RS-1007", "Blackbird", "Color", "black"),
        ("LB-1065", "Candelux", "Type", "candle"),
        ("RS-1124", "US 9 / EU 42.5", "Size", "EU 42.5"),
        ("CM-1038", "1L / 34 oz", "Capacity", "34 oz"),
        ("BP-1033", "15.6 Inch", "Size", "15.6"),
        ("LB-1037", "replaces 50 W", "Power", "50 W"),
        ("LB-1037", "Does not fit GU5.3", "Base", "GU5.3"),
        ("RS-1076", "Also available in pink and navy", "Color", "navy"),
        ("HP-1007", "Lights in red, green or blue", "Color", "red"),
        ("CM-1106", "with copper stand", "Color", "copper"),
        ("HP-1040", "+ 28h with case", "Battery Life", "28h"),
    ],
)
def test_the_traps_of_the_readme_are_set_and_no_cell_has_walked_into_them(
    product: str, text: str, name: str, trap: str, catalog: list[dict[str, str]]
) -> None:
    row = next(row for row in catalog if row["id"] == product)
    assert text in texts(row)
    assert folded(trap) not in folded(row[name])
    readme = (sample_path("catalog.csv").parent / "README.md").read_text(encoding="utf-8")
    assert f"`{product}`" in readme


def test_every_applicable_attribute_is_labelled(labelled: list[dict[str, Any]], schema: Schema) -> None:
    for product in labelled:
        assert list(product) == ["id", "category", *SOURCES, "attributes"]
        assert set(product["attributes"]) == set(applicable(schema, product["category"]))


def test_every_labelled_value_stands_verbatim_in_a_source(labelled: list[dict[str, Any]]) -> None:
    for product in labelled:
        for name, values in product["attributes"].items():
            for value in values:
                assert any(value in product[source] for source in SOURCES), (product["id"], name, value)


def test_labels_keep_the_schema_s_cardinality_and_some_state_nothing(
    labelled: list[dict[str, Any]], schema: Schema
) -> None:
    asks = [
        (attribute, product["attributes"][attribute.name])
        for product in labelled
        for attribute in schema.of(product["category"])
    ]
    assert len(asks) == 340
    assert all(attribute.many or len(values) <= 1 for attribute, values in asks)
    assert all(len({folded(value) for value in values}) == len(values) for _, values in asks)
    assert 0.1 <= sum(not values for _, values in asks) / len(asks) <= 0.25


def test_the_labelled_file_asks_for_more_than_the_catalogue_has_shown(
    catalog: list[dict[str, str]], labelled: list[dict[str, Any]]
) -> None:
    shown = folded("\n".join(texts(row) + row["Brand"] for row in catalog))
    brands = [value for product in labelled for value in product["attributes"]["Brand"]]
    unseen = [value for value in brands if folded(value) not in shown]
    assert 15 <= len(unseen) <= len(brands) - 15
