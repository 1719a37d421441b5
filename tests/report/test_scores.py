import pytest

from attrex.core import Span
from attrex.evaluation import Support, compare, report
from attrex.report import comparison_terminal, report_html, report_terminal
from tests.evaluation.asks import SEVEN, ask
from tests.report.reading import Page, assert_harmless, terminal, widest

HOSTILE = "<script>x</script>[bold]\x1b[2J"
HERE = (Span("title", 0, 1),)
MANY = [
    ask(f"p{i}", f"{HOSTILE} {a}", "x", "x" if (i + a) % 3 else "y", 0.5 + i / 200, category=f"c{i % 2}",
        gold_spans=HERE, predicted_spans=HERE)
    for i in range(60)
    for a in range(3)
]  # fmt: skip
OTHER = [ask(j.product_id, j.attribute, "x", "x", j.probability) for j in MANY]


def test_the_terminal_tables_have_the_numbers() -> None:
    shown = terminal(report_terminal(report(SEVEN, name="seven", resamples=0)))
    lines = [line.split() for line in shown.splitlines()]
    assert ["all,", "micro", "0.600", "0.600", "0.600", "3", "1", "1", "1", "1"] in lines
    assert ["all,", "macro", "0.583", "0.583", "0.583"] in lines
    assert ["Size", "0.500", "0.500", "0.500", "1", "0", "1", "1", "1"] in lines
    assert "7 asks of 4 products; values compared exactly but for white space." in shown


def test_there_is_no_column_of_intervals_without_any() -> None:
    assert "95 %" not in terminal(report_terminal(report(SEVEN, resamples=0))).split("P precision")[0]
    assert "95 % of F1" not in report_html(report(SEVEN, resamples=0))
    assert "95 % of F1" in report_html(report(SEVEN, resamples=9))


def test_undefined_is_a_dash() -> None:
    shown = terminal(report_terminal(report([ask("p", "a", "x")], resamples=0)))
    assert ["a", "–", "0.000", "0.000", "0", "0", "1", "0", "0"] in [
        line.split() for line in shown.splitlines()
    ]
    assert "– is 0/0 and left out of means." in " ".join(shown.split())


def test_everything_fits_80_columns() -> None:
    made = report(MANY * 1, support=Support({MANY[0].attribute: 100}, {}), resamples=50)
    shown = terminal(report_terminal(made), colour=False)
    assert widest(shown) <= 80
    assert "\x1b" not in shown
    assert "all, by span" in shown
    assert "head attributes" in shown
    assert "c1" in shown
    compared = terminal(comparison_terminal(compare(MANY, OTHER, names=("lexicon", "adatag"), resamples=50)))
    assert widest(compared) <= 80


def test_a_comparison_says_who_is_right_alone() -> None:
    made = compare(MANY, OTHER, names=("lexicon", "adatag"), resamples=200)
    shown = " ".join(terminal(comparison_terminal(made)).split())
    assert "adatag against lexicon, the same 180 asks" in shown
    assert "all, micro 0.667 1.000 +0.333" in shown
    assert "Right: both 120, only lexicon 0, only adatag 60, neither 0." in shown


def test_the_page_is_harmless_and_complete() -> None:
    made = report(MANY, name=HOSTILE, support=Support({MANY[0].attribute: 100}, {}), resamples=50)
    comparison = compare(MANY, OTHER, names=(HOSTILE, "b"), resamples=50)
    read = Page(report_html(made, comparisons=[comparison]))
    assert_harmless(read, scripts=0)
    for said in (
        "How the asks ended", "By attribute", "all, micro", "What the probabilities are worth",
        "Head and tail, seen and unseen", "By category", "b against", "p = ",
    ):  # fmt: skip
        assert said in read.text
    assert read.tags.count("figure") == 2


def test_the_page_of_a_run_without_probabilities_has_no_plots_of_them() -> None:
    read = Page(report_html(report(SEVEN, resamples=20)))
    assert "figure" not in read.tags
    assert "0.600" in read.text


@pytest.mark.parametrize("resamples", [0, 20])
def test_an_empty_report_renders(resamples: int) -> None:
    assert "0 asks of 0 products" in Page(report_html(report([], resamples=resamples))).text
    assert "0 asks of 0 products" in terminal(report_terminal(report([], resamples=resamples)))
