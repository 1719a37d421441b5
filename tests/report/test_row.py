import json

import pytest

from attrex.errors import InputError
from attrex.report.row import Alternative, Place, parse
from tests.report.records import record, valueless

FIX = "Fix: pass the long form that `attrex fill` writes to a .parquet or .jsonl file"


def test_a_row_is_typed() -> None:
    row = parse(record(), 1)
    assert (row.value, row.canonical, row.probability, row.places[0].mark) == ("navy", "Blue", 0.875, (6, 10))


def test_numbers_may_be_texts_and_gaps_empty() -> None:
    row = parse(record(probability="0.5", start="12", end="16", snippet_start="6", canonical=""), 1)
    assert (row.probability, row.places[0].mark, row.canonical) == (0.5, (6, 10), None)
    assert parse(valueless("not_stated", probability=""), 1).probability is None
    assert parse(record(probability=float("nan")), 1).probability is None


@pytest.mark.parametrize(
    "wrong",
    [{"snippet_start": 12}, {"snippet_start": -1}, {"end": 12}, {"end": None}, {"snippet": None}],
)
def test_a_mark_that_does_not_fit_is_dropped(wrong: dict[str, int | None]) -> None:
    assert parse(record(**wrong), 1).places[0].mark is None


def test_all_places_of_a_value() -> None:
    other = {"source": "bullets", "start": 3, "end": 7, "snippet": "in navy", "snippet_start": 3}
    more = [{**other, "evidence_kind": "span"}, "odd"]
    row = parse(record(other_places=more), 1)
    assert row.places == (
        Place("title", "shoe, navy, 42", (6, 10), "span", (12, 16)),
        Place("bullets", "in navy", (3, 7), "span", (3, 7)),
    )
    assert parse(record(other_places=json.dumps(more)), 1).places == row.places
    assert parse(valueless("not_stated"), 1).places == ()


def test_alternatives() -> None:
    text = '[{"value": "blue", "probability": 0.2, "source": "bullets"}, {"text": "sky"}, "teal", {}]'
    expected = (
        Alternative("blue", 0.2, "bullets"),
        Alternative("sky", None, None),
        Alternative("teal", None, None),
    )
    assert parse(record(alternatives=text), 1).alternatives == expected
    assert parse(record(alternatives=None), 1).alternatives == ()
    assert parse(record(alternatives=["teal"]), 1).alternatives == expected[2:]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"product_id": None}, 'f.csv, row 7, field "product_id": the value is missing'),
        ({"status": None}, 'f.csv, row 7, field "status": the value is missing'),
        ({"probability": "high"}, 'f.csv, row 7, field "probability": expected a number, got "high"'),
        ({"start": "x"}, 'f.csv, row 7, field "start": expected a number, got "x"'),
        (
            {"other_places": "[oops"},
            'f.csv, row 7, field "other_places": the text is no JSON (Expecting value)',
        ),
        (
            {"alternatives": "[oops"},
            'f.csv, row 7, field "alternatives": the text is no JSON (Expecting value)',
        ),
        (
            {"status": "maybe"},
            'f.csv, row 7, field "status": "maybe" is no status; it is one of '
            "found, not_stated, not_applicable, conflict, abstained, unreadable",
        ),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, str | None], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(record(**fields), 7, "f.csv")
    assert str(caught.value) == f"{message}. {FIX}"


def test_what_a_picture_shows_says_where() -> None:
    seen = parse(record(evidence_kind="region", picture="a.png", box="1 2 3 4"), 1).places[0]
    assert (seen.seen_in, seen.read_on) == ("in the picture at 1 2 3 4", None)
    assert parse(record(evidence_kind="region"), 1).places[0].seen_in == "in the picture"
    assert parse(record(picture="a.png", box="1 2 3 4"), 1).places[0].seen_in is None


@pytest.mark.parametrize(
    ("box", "edges"),
    [("1 2 3.5 4", (1, 2, 3.5, 4)), ("1 2 3", None), ("a b c d", None), ("1 2 3 inf", None), (None, None)],
)
def test_a_box_is_four_numbers_or_none(box: str | None, edges: tuple[float, ...] | None) -> None:
    assert parse(record(box=box, picture="a.png"), 1).places[0].edges == edges
