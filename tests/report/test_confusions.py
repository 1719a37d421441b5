from __future__ import annotations

import re

from attrex.evaluation import confusion, report
from attrex.report import confusion_html, confusion_terminal, report_html
from tests.evaluation.asks import ask
from tests.evaluation.test_confusion import NECKS
from tests.report.reading import Page, assert_harmless, terminal, widest

HOSTILE = "<script>x</script>[bold]\x1b[2J"


def test_the_terminal_has_the_matrix_and_the_commonest_mistakes() -> None:
    shown = terminal(confusion_terminal(confusion(NECKS, "Neck", matching="folded")))
    lines = [line.split() for line in shown.splitlines()]
    assert ["2", "Crew", "1", "2", "·", "·"] in lines
    assert ["4", "no", "value", "·", "1", "·", "·"] in lines
    assert "Neck: what is taken for what, 8 asks" in shown
    assert "Most often: Scoop as Crew (1), Scoop as Cowl (1)" in " ".join(shown.split())


def test_nine_long_values_fit_80_columns() -> None:
    asks = [
        ask(str(i), "A", f"a rather long value no. {i % 12}", f"a rather long value no. {i % 7}")
        for i in range(999)
    ]
    assert widest(terminal(confusion_terminal(confusion(asks, "A", most=9)), colour=False)) <= 80


def test_a_row_s_cells_are_as_dark_as_their_share() -> None:
    made = confusion_html(confusion(NECKS, "Neck", matching="folded"))
    cells = re.findall(
        r'class="cell (\w+)" x="\d+" y="\d+" width="29" height="29" fill-opacity="([\d.]+)"', made
    )
    assert len(cells) == 16
    assert cells[4:6] == [("wrong", "0.333"), ("right", "0.667")]
    assert "<title>Crew stated, Scoop given: 1 (33%)</title>" in made


def test_a_page_holds_it_harmlessly() -> None:
    asks = [ask("1", HOSTILE, HOSTILE, "b"), ask("2", HOSTILE, "b", HOSTILE)]
    made = confusion(asks, HOSTILE)
    assert_harmless(Page(report_html(report(asks, resamples=0), confusions=[made])), scripts=0)
    assert "\x1b" not in terminal(confusion_terminal(made), colour=False)
    assert "No mistake." in terminal(confusion_terminal(confusion([ask("1", "A", "b", "b")], "A")))
