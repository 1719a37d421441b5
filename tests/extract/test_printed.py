"""The box of a value that was read from a picture."""

from __future__ import annotations

from attrex.core import Answer, Attribute, Candidate, Evidence, Printed, Product, Source, Span
from attrex.extract import Pipeline, Request
from attrex.extract.printed import with_boxes
from attrex.models.lexicon import build_lexicon
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver
from attrex.schema import Schema

LEVEL = ((100.0, 10.0), (300.0, 10.0), (300.0, 30.0), (100.0, 30.0))
UPSIDE_DOWN = ((300.0, 30.0), (100.0, 30.0), (100.0, 10.0), (300.0, 10.0))
UPWARDS = ((50.0, 200.0), (50.0, 0.0), (70.0, 0.0), (70.0, 200.0))


def box(corners: tuple[tuple[float, float], ...], start: int, end: int) -> Evidence:
    line = Printed(5, 15, "a.png", corners, 0.8)  # type: ignore[arg-type]
    answer = Answer((Candidate("x", 0.9, Evidence("span", Span("ocr", start, end))),), 0.1)
    return with_boxes(answer, {"ocr": [line]}).candidates[0].evidence


def test_it_is_the_value_s_share_of_its_line_however_that_runs() -> None:
    assert box(LEVEL, 5, 15).box == (100, 10, 300, 30)
    assert box(LEVEL, 5, 10).box == (100, 10, 200, 30)
    assert box(UPSIDE_DOWN, 5, 10).box == (200, 10, 300, 30)
    assert box(UPWARDS, 10, 15).box == (50, 0, 70, 100)
    assert (box(LEVEL, 5, 15).picture, box(LEVEL, 5, 15).confidence) == ("a.png", 0.8)


def test_over_two_lines_it_is_around_both_and_as_sure_as_the_less_sure() -> None:
    lines = [
        Printed(0, 4, "a.png", LEVEL, 0.9),
        Printed(5, 9, "a.png", ((100.0, 40.0), (300.0, 40.0), (300.0, 60.0), (100.0, 60.0)), 0.7),
        Printed(10, 14, "b.png", LEVEL, 0.2),
    ]
    answer = Answer((Candidate("x", 0.9, Evidence("span", Span("ocr", 2, 12))),), 0.1)
    made = with_boxes(answer, {"ocr": lines}).candidates[0].evidence
    assert (made.box, made.picture, made.confidence) == ((100, 10, 300, 60), "a.png", 0.7)


def test_what_stands_elsewhere_has_none() -> None:
    for evidence in (
        Evidence("inferred"),
        Evidence("span", Span("title", 0, 1)),
        Evidence("span", Span("ocr", 0, 3)),
    ):
        answer = Answer((Candidate("x", 0.9, evidence),), 0.1)
        assert with_boxes(answer, {"ocr": [Printed(5, 15, "a.png", LEVEL, 0.8)]}) == answer


def test_an_extraction_has_it() -> None:
    size = Attribute("Size", values=("250 ml",))
    source = Source("ocr", "Cream\n250 ml", (Printed(6, 12, "a.png", LEVEL, 0.8),))
    pipeline = Pipeline(
        build_lexicon(), Schema([size]), Resolver(Policy(), Normaliser()), stage="", version=""
    )
    (result,) = pipeline.run([Request(Product("1", sources=(source,)), (size,))])
    (found,) = result.extractions[0].values[0].evidence
    assert found == Evidence("span", Span("ocr", 6, 12), "a.png", (100, 10, 300, 30), "Cream\n250 ml", 6,
                             confidence=0.8)  # fmt: skip
