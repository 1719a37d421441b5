import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attrex.errors import InputError
from attrex.report import inspect_html, inspect_json, inspect_terminal
from attrex.report.inspect import Order
from attrex.report.visible import visible
from tests.report.reading import Page, assert_harmless, terminal, widest
from tests.report.records import record, valueless

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;"
ROWS = [
    record(),
    record(
        value="red", canonical="red", probability=0.6, snippet="a red one", start=2, end=5, snippet_start=2
    ),
    valueless("not_stated", attribute="Size", probability=0.9),
    valueless("not_applicable", attribute="Size", product_id="p2", probability=None),
    valueless(
        "conflict",
        product_id="p2",
        alternatives=json.dumps(
            [{"value": f"v{i}", "probability": 0.4, "source": "bullets"} for i in range(7)]
        ),
    ),
    valueless("abstained", product_id="p3", alternatives='[{"value": "grey", "probability": 0.3}]'),
    valueless("unreadable", product_id="p3", attribute="Size", input_read="part", probability=None),
    record(product_id="p4", evidence_kind="inferred", snippet=None, source=None, start=None, end=None),
]


def test_the_page_shows_values_marked_in_their_snippets() -> None:
    read = Page(inspect_html(ROWS, title="filled.parquet"))
    assert_harmless(read, scripts=1)
    assert read.marked == ["navy", "red"]
    for said in (
        "filled.parquet",
        "shoe, navy, 42",
        "written canonically: Blue",
        "0.88",
        "and 2 more",
        "bullets",
    ):
        assert said in read.text
    assert "inferred; it stands nowhere in the text" in read.text
    assert "Only a part of the text was read." in read.text
    assert "left out" not in read.text


def test_every_place_of_a_value_is_marked() -> None:
    other = {"source": "bullets", "start": 3, "end": 7, "snippet_start": 3, "evidence_kind": "span"}
    places = [{**other, "snippet": f"in navy {at}"} for at in range(4)]
    read = Page(inspect_html([record(other_places=places)]))
    assert read.marked == ["navy"] * 5
    for said in ("shoe, navy, 42", "bulletsin navy 0", "in navy 3"):
        assert said in read.text
    shown = terminal(inspect_terminal([record(other_places=places)]))
    assert "in navy 1" in shown
    assert "in navy 2" not in shown
    assert "and 2 more places" in shown


def test_asks_are_counted_once_whatever_their_values() -> None:
    read = Page(inspect_html(ROWS))
    squeezed = " ".join(read.text.split())
    assert "Products4" in squeezed
    assert "Asks7product × attribute" in squeezed
    assert "Found228.6 % of the asks" in squeezed


def test_the_counts_are_there_for_machines() -> None:
    told = inspect_json(ROWS)
    assert (told["rows"], told["products"], told["asks"], told["partly_read"]) == (8, 4, 7, 1)
    assert told["statuses"] == {
        "found": 2,
        "not_stated": 1,
        "not_applicable": 1,
        "conflict": 1,
        "abstained": 1,
        "unreadable": 1,
    }
    assert told["attributes"]["Size"] == {"not_stated": 1, "not_applicable": 1, "unreadable": 1}
    assert json.loads(json.dumps(told)) == told


def test_rows_carry_what_the_filters_need() -> None:
    read = Page(inspect_html(ROWS))
    assert read.values("data-status") == [r["status"] for r in ROWS]
    assert read.values("data-attribute") == [r["attribute"] for r in ROWS]
    assert read.values("data-p")[:4] == ["0.875000", "0.600000", "0.900000", ""]
    boxes = [v for tag, name, v in read.attributes if (tag, name) == ("input", "value")]
    assert boxes[:6] == ["found", "not_stated", "not_applicable", "conflict", "abstained", "unreadable"]
    script = read.held["script"][0]
    for name in ("search", "attribute", "status", "from", "to", "order"):
        assert name in read.values("name")
        assert name in script


def test_the_rows_left_out_are_counted() -> None:
    read = Page(inspect_html((record(product_id=f"p{i}") for i in range(3210)), limit=1000))
    assert "This page shows the first 1,000 of 3,210 rows; 2,210 are left out." in read.text
    assert len(read.values("data-status")) == 1000
    assert "3,210" in read.text


def test_product_data_is_escaped_everywhere() -> None:
    fields = (
        "product_id",
        "attribute",
        "value",
        "canonical",
        "source",
        "snippet",
        "evidence_kind",
        "input_read",
    )
    alternatives = json.dumps([{"value": HOSTILE, "probability": 0.1, "source": HOSTILE}])
    rows = [
        record(**dict.fromkeys(fields, HOSTILE), alternatives=alternatives, start=0, end=5, snippet_start=0)
    ]
    read = Page(inspect_html(rows, title=HOSTILE))
    assert_harmless(read, scripts=1)
    assert read.values("data-attribute") == [HOSTILE]
    assert read.marked == [HOSTILE[:5]]
    assert read.text.count(HOSTILE) >= 7


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters() | st.sampled_from("<>&\"'\x1b\u202e\ud800\x00$"), min_size=1, max_size=40))
def test_any_text_survives_the_page(text: str) -> None:
    row = record(value=text, snippet=f"a {text} b", start=0, end=len(text), snippet_start=2, attribute=text)
    read = Page(inspect_html([row], title=text))
    assert_harmless(read, scripts=1)
    assert read.marked == [visible(text)]


def test_a_very_long_value_is_cut() -> None:
    long = "x" * 100_000
    row = record(value=long, snippet=long, start=0, end=100_000, snippet_start=0, product_id=long)
    assert len(inspect_html([row])) < len(inspect_html([record()])) + 2000


def test_no_rows() -> None:
    assert "There are no rows." in Page(inspect_html([])).text
    assert "There are no rows." in terminal(inspect_terminal([]))


def test_a_bad_row_is_named() -> None:
    with pytest.raises(InputError, match=r'x.csv, row 2, field "status"'):
        inspect_html([record(), record(status="?")], file="x.csv")


def test_the_terminal_table_fits_80_columns() -> None:
    shown = terminal(inspect_terminal(ROWS))
    assert widest(shown) <= 80
    for said in ("navy", "not stated", "conflict", "0.88", "shoe, navy, 42"):
        assert said in shown
    assert "4 products, 7 asks: 2 found, 1 not stated, 1 not applicable, 1 conflict" in " ".join(
        shown.split()
    )
    assert "rows are not shown" not in shown


def in_order(order: Order, limit: int = 40) -> list[str]:
    """The values, or how the ask ended, from the top."""
    rows = [
        valueless("not_stated", product_id="a", attribute="one"),
        record(product_id="b", attribute="two", probability=0.4),
        valueless("abstained", product_id="c", attribute="three"),
        record(product_id="d", attribute="four", probability=0.9),
        valueless("conflict", product_id="e", attribute="five"),
        *(valueless("not_applicable", product_id=f"n{at}", attribute="none") for at in range(200)),
        record(product_id="f", attribute="six", probability=0.4),
    ]
    shown = terminal(inspect_terminal(rows, order=order, limit=limit))
    names = ("one", "two", "three", "four", "five", "six")
    return [name for line in shown.splitlines() for name in names if f" {name} " in line]


def test_the_terminal_begins_with_values() -> None:
    assert in_order("found") == ["two", "four", "six", "five", "three", "one"]
    assert in_order("most") == ["four", "two", "six", "five", "three", "one"]
    assert in_order("least") == ["two", "six", "four", "five", "three", "one"]
    assert in_order("file") == ["one", "two", "three", "four", "five"]
    assert in_order("found", limit=3) == ["two", "four", "six"]
    assert in_order("file", limit=3) == ["one", "two", "three"]


def test_the_terminal_says_what_was_not_written_where_somebody_may_decide() -> None:
    shown = " ".join(terminal(inspect_terminal(ROWS)).split())
    assert "not written: grey 0.30" in shown
    assert "not written: v0 0.40, v1 0.40, v2 0.40" in shown
    assert "v3" not in shown
    stated = valueless("not_stated", alternatives='[{"value": "grey", "probability": 0.1}]')
    assert "grey" not in terminal(inspect_terminal([stated]))


def test_the_terminal_says_what_it_leaves_out() -> None:
    assert "5 of 8 rows are not shown." in terminal(inspect_terminal(ROWS, limit=3))


def test_terminal_markup_and_escapes_in_data_are_inert() -> None:
    shown = terminal(inspect_terminal([record(value="[red]x[/red]\x1b[2J", snippet=None)]), colour=True)
    assert "[red]x[/red]" in shown.replace("\n", "")
    assert "\x1b[2J" not in shown


def test_the_value_is_set_off_in_the_terminal() -> None:
    assert "\x1b[1;30;43mnavy\x1b[0m" in terminal(inspect_terminal([record()]), colour=True)


def test_what_is_seen_in_a_picture_says_where() -> None:
    seen = valueless("found", value="navy", evidence_kind="region", source="a<b>.png", picture="a<b>.png")
    seen["box"] = "12 40 230 88"
    page = Page(inspect_html([seen]))
    assert "a<b>.pngin the picture at 12 40 230 88" in page.text
    assert "inferred" not in page.text
    shown = " ".join(terminal(inspect_terminal([seen])).split())
    assert "a<b>.png in the picture at 12 40 230 88" in shown


def test_what_was_read_on_a_picture_says_where() -> None:
    read = record(source="ocr", picture="a<b>.png", box="12 40 230 88", confidence="0.974")
    page = Page(inspect_html([read, record(picture="a.png", evidence_kind="region")]))
    assert page.text.count("read on a<b>.png at 12 40 230 88, 97% sure") == 1
    assert page.text.count("read on") == 1
    shown = " ".join(terminal(inspect_terminal([read])).split())
    assert "(read on a<b>.png" in shown
