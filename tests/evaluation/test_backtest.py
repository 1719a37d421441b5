import json
from dataclasses import replace

import pytest

from attrex.core import Evidence, Span
from attrex.evaluation import MaskedCell, backtest
from attrex.evaluation.backtest import AtPrecision
from tests.evaluation.asks import ask

WHERE = Evidence("span", Span("title", 5, 9), snippet="nice BLUE shoe", snippet_start=5)


def cell(
    product: str,
    attribute: str,
    gold: str,
    model: tuple[str, float | None],
    lexicon: tuple[str, float | None],
    in_text: bool,
) -> MaskedCell:
    return MaskedCell(
        ask(product, attribute, gold, *model), ask(product, attribute, gold, *lexicon), in_text, WHERE
    )


CELLS = [
    cell("p1", "Color", "Blue", ("BLUE", 0.9), ("blue", 0.8), True),  # both right, loosely
    cell("p2", "Color", "Red", ("blue", 0.8), ("", None), True),  # the model disagrees
    cell("p3", "Color", "Red", ("", 0.7), ("pink", 0.5), False),  # the lexicon disagrees
    cell("p1", "Size", "M", ("M", 0.6), ("", None), True),
    cell("p2", "Size", "XL", ("L", None), ("XL", 0.4), True),  # disagrees, without a probability
]


def test_precision_and_coverage_by_hand() -> None:
    made = backtest(CELLS, resamples=50)
    model, lexicon = made.overall.model, made.overall.lexicon
    assert (model.cells, model.in_text, model.answered, model.correct) == (5, 4, 4, 2)
    assert (model.precision, model.coverage, model.coverage_in_text) == (0.5, 0.8, 1.0)
    assert (model.restored, model.restored_in_text) == (0.4, 0.5)
    assert (model.precision_in_text, lexicon.precision_in_text) == (0.5, 1.0)
    assert (lexicon.precision, lexicon.coverage, lexicon.coverage_in_text) == (2 / 3, 0.6, 0.5)
    assert (made.per_attribute["Color"].model.precision, made.per_attribute["Size"].lexicon.coverage) == (
        0.5,
        0.5,
    )
    assert list(made.per_attribute) == ["Color", "Size"]
    assert set(model.intervals) == {"precision", "coverage", "coverage_in_text"}


def test_exact_matching_is_stricter() -> None:
    assert backtest(CELLS, matching="exact", resamples=0).overall.model.correct == 1


def test_coverage_at_equal_precision() -> None:
    """Kept in order of probability the model is right, wrong, right, wrong: P 1, 1/2, 2/3, 1/2.
    The lexicon: right, wrong, right: P 1, 1/2, 2/3."""
    made = {round(one.precision, 3): one for one in backtest(CELLS, resamples=0).at_precision}
    assert set(made) == {0.5, 0.667, 0.9, 0.95}
    assert made[0.667] == AtPrecision(2 / 3, 0.6, 0.6, 0.75, 0.5)
    assert made[0.9] == AtPrecision(0.9, 0.2, 0.2, 0.25, 0.25)


def test_what_was_proposed_tells_what_other_precisions_would_cover() -> None:
    """Given: one right. Proposed besides: one right at 0.4, one wrong at 0.2."""
    given = cell("p1", "Color", "Blue", ("blue", 0.9), ("", None), True)
    shy, wrong = (cell(p, "Color", "Red", ("", 0.8), ("", None), True) for p in ("p2", "p3"))
    cells = [
        given,
        replace(shy, proposed=(ask("p2", "Color", "Red", "red", 0.4), shy.lexicon)),
        replace(wrong, proposed=(ask("p3", "Color", "Red", "pink", 0.2), wrong.lexicon)),
    ]
    made = backtest(cells, resamples=0)
    assert made.overall.model.answered == 1
    (at,) = (one for one in made.at_precision if one.precision == 0.9)
    assert (at.model, at.model_in_text) == (2 / 3, 2 / 3)
    assert (made.curves[0][-1].precision, made.curves[0][-1].coverage) == (2 / 3, 1.0)


def test_the_most_confident_disagreements_come_first() -> None:
    made = backtest(CELLS, disagreements=1, resamples=0)
    assert made.disagreements_in_all == 2
    (one,) = made.disagreements
    assert (one.product_id, one.catalogue, one.given, one.probability) == ("p2", ("Red",), ("blue",), 0.8)
    assert one.to_json() == {
        "product_id": "p2",
        "attribute": "Color",
        "catalogue": ["Red"],
        "given": ["blue"],
        "probability": 0.8,
        "catalogue_in_text": True,
        "evidence_kind": "span",
        "source": "title",
        "start": 5,
        "end": 9,
        "snippet": "nice BLUE shoe",
        "snippet_start": 5,
    }


def test_json_says_what_it_holds_for() -> None:
    made = json.loads(json.dumps(backtest(CELLS, settings={"aim": "f1"}).to_json(), allow_nan=False))
    assert (made["on"], made["matching"], made["settings"]) == ("filled cells", "loose", {"aim": "f1"})
    assert (made["precision"], made["lexicon"]["coverage"]) == (0.5, 0.6)
    assert made["per_attribute"]["Size"]["lexicon"]["precision"] == 1.0
    assert len(made["disagreements"]) == 2


def test_no_cells() -> None:
    made = backtest([])
    assert (made.overall.model.precision, made.overall.model.coverage) == (None, None)
    json.dumps(made.to_json(), allow_nan=False)


def test_nothing_answered() -> None:
    made = backtest([cell("p1", "a", "x", ("", 0.9), ("", None), False)])
    assert made.overall.model.precision is None
    assert made.overall.model.coverage == 0.0
    assert made.overall.model.coverage_in_text is None
    assert made.at_precision[0] == AtPrecision(0.9, 0.0, 0.0, 0.0, 0.0)


def test_intervals_are_by_product() -> None:
    cells = [
        cell(f"p{p}", f"a{a}", "x", ("x" if p % 2 else "y", 0.5), ("", None), True)
        for p in range(100)
        for a in range(5)
    ]
    low, high = backtest(cells, resamples=2000).overall.model.intervals["precision"]
    assert high - low == pytest.approx(2 * 1.96 * 0.05, abs=0.02)
