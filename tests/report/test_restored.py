from attrex.core import Evidence, Span
from attrex.evaluation import MaskedCell, backtest
from attrex.report import backtest_html, backtest_terminal
from tests.evaluation.asks import ask
from tests.evaluation.test_backtest import CELLS
from tests.report.reading import Page, assert_harmless, terminal, widest

HOSTILE = "<script>x</script>[bold]\x1b[2J"


def hostile(number: int) -> MaskedCell:
    gold, given = (f"{HOSTILE}{number}", HOSTILE) if number % 2 else (HOSTILE, HOSTILE)
    product, attribute = f"{HOSTILE}{number}", HOSTILE
    evidence = Evidence("span", Span(HOSTILE, 9, 9 + len(HOSTILE)), snippet=f"so {HOSTILE}", snippet_start=3)
    return MaskedCell(
        ask(product, attribute, gold, given, number / 100), ask(product, attribute, gold), True, evidence
    )


def test_the_terminal_has_the_numbers_beside_the_lexicons() -> None:
    shown = terminal(backtest_terminal(backtest(CELLS, resamples=50)))
    lines = [line.split() for line in shown.splitlines()]
    assert widest(shown) <= 80
    assert ["all", "5", "4", "0.500", "0.800", "1.000", "0.667", "0.600", "0.500"] in lines
    assert ["Size", "2", "2", "0.500", "1.000", "1.000", "1.000", "0.500", "0.500"] in lines
    assert ["0.667", "(overall,", "lexicon)", "0.600", "0.750", "0.600", "0.500"] in lines
    squeezed = " ".join(shown.split())
    assert "Backtest, on filled cells" in squeezed
    assert "5 filled cells of 3 products hidden and restored; the value of 4 stands in the text." in squeezed
    assert "for a promise about those, review a random sample" in squeezed
    assert "95 % intervals by product: precision" in squeezed


def test_disagreements_stand_with_their_evidence() -> None:
    shown = " ".join(terminal(backtest_terminal(backtest(CELLS, resamples=0))).split())
    assert "The 2 most confident of 2 disagreements; some will be the catalogue's errors" in shown
    assert "1. 0.80 p2 Color: blue, the catalogue has Red nice BLUE shoe" in shown
    assert "2. – p2 Size: L, the catalogue has XL" in shown


def test_the_page_is_harmless_and_complete() -> None:
    made = backtest([hostile(i) for i in range(60)], resamples=20)
    read = Page(backtest_html(made))
    assert_harmless(read, scripts=0)
    assert len(read.marked) == 20
    assert set(read.marked) == {HOSTILE.replace("\x1b", "␛")}
    assert "On filled cells" in read.text
    assert "The 20 most confident of 30 disagreements; some will be the catalogue's errors" in read.text
    assert read.text.count("0.500") >= 2
    assert "\x1b" not in terminal(backtest_terminal(made))


def test_settings_are_told_for_people() -> None:
    thresholds = {"common": 0.3555381, "own": {"<Color>": 0.4, "Size": 0.123456}}
    settings = {"aim": "precision=0.9", "thresholds": thresholds, "products_learnt_from": 1234, "own": {}}
    made = backtest(CELLS, settings=settings, resamples=0)
    shown = " ".join(terminal(backtest_terminal(made)).split())
    said = "common 0.356, own (<Color> 0.4, Size 0.123)"
    assert f"aim: precision=0.9 thresholds: {said} products learnt from: 1234 own: none" in shown
    assert f"thresholds{said}" in Page(backtest_html(made)).text


def test_nothing_to_show_renders() -> None:
    assert "0 filled cells" in Page(backtest_html(backtest([]))).text
    shown = terminal(backtest_terminal(backtest([])))
    assert "Intervals need at least two products." in shown


def test_a_value_inferred_has_no_snippet() -> None:
    cell = MaskedCell(ask("p", "a", "x", "y", 0.5), ask("p", "a", "x"), False, Evidence("inferred"))
    read = Page(backtest_html(backtest([cell])))
    assert read.marked == []
    assert "not in the text" in read.text
