from __future__ import annotations

from dataclasses import replace

from attrex.api import fit
from attrex.api.worth import doubts
from attrex.core import Product, Source, Stated, Status
from attrex.evaluation import report
from attrex.resolve import Aim
from tests.api.shop import COLOURS, shop
from tests.evaluation.asks import ask

USELESS = (
    "this model is hardly of any use here, and fill will leave nearly all cells empty. Fix: check the "
    "columns with --dry-run, give more filled cells, or another recipe"
)


def riddles(rows: int = 400) -> list[Product]:
    """Each title names all colours, and which one is stated nobody can tell."""
    text = " ".join(COLOURS)
    return [
        replace(
            product,
            sources=(Source("title", f"{text} {product.id}"),),
            stated={"Colour": (Stated(f"shade {at}" if at % 40 else COLOURS[at % 4]),)},
        )
        for at, product in enumerate(shop(rows))
    ]


def test_a_fit_that_finds_hardly_anything_says_so_and_writes_hardly_anything() -> None:
    extractor = fit(riddles(), recipe="lexicon", gate="none")
    assert extractor.report is not None
    assert extractor.report.scores is not None
    f1, cells = extractor.report.scores.micro.scores.f1, extractor.report.scores.asks
    assert f"F1 is {f1:.3f} on the {cells} known cells kept apart: {USELESS}" in extractor.report.notes
    assert USELESS in extractor.card
    answers = extractor.fill([replace(product, stated={}) for product in riddles(40)])
    assert {extraction.status for (extraction,) in answers} <= {Status.ABSTAINED, Status.NOT_STATED}


def test_a_fit_that_finds_something_says_nothing_of_it() -> None:
    extractor = fit(shop(), recipe="lexicon")
    assert extractor.report is not None
    assert not [note for note in extractor.report.notes if "F1 is" in note]


def test_a_precision_that_nothing_reaches_is_said() -> None:
    missed = [ask(f"p{at}", "Colour", "red") for at in range(12)]
    (said,) = doubts(report(missed, resamples=0), Aim(0.99))
    assert said == (
        "nothing proposed for the 12 known cells kept apart is sure enough for a precision of 0.99, so that "
        "fill will leave nearly all cells empty. Fix: ask for a lower precision, give more filled cells, or "
        "another recipe"
    )
    nothing_there = [ask(f"p{at}", "Colour") for at in range(12)]
    assert doubts(report(nothing_there, resamples=0), Aim()) == []


def test_a_fit_on_so_little_that_nothing_was_kept_apart_says_so() -> None:
    few = fit(shop(6), recipe="lexicon")
    assert few.report is not None
    assert few.report.notes[-1] == (
        "no known cell was kept apart to try the model on, so that probabilities are its own and thresholds "
        "are not learnt. Fix: give more rows"
    )
