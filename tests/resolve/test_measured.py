"""What follows a bare number decides what it measures."""

import pytest

from attrex.core import Answer, Attribute, Candidate, Evidence, Provenance, Span, Status
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver, Thresholds
from attrex.resolve.measured import measured
from attrex.schema.units import find_unit

PROVENANCE = Provenance("m", "s", "n", "i", "model", False)
HOURS = Attribute("Battery Life", unit="h")
WIDTH = Attribute("Width", unit="cm")


def candidate(value: str, text: str, score: float = 0.9) -> Candidate:
    at = text.index(value)
    span = Span("title", 100 + at, 100 + at + len(value))  # the snippet is a part of the title
    return Candidate(value, score, Evidence("span", span, snippet=text, snippet_start=at))


def resolve(attribute: Attribute, *candidates: Candidate):  # type: ignore[no-untyped-def]
    resolver = Resolver(Policy(thresholds=Thresholds("f1", 0.5)), Normaliser())
    return resolver.resolve("p", attribute, Answer(candidates, 0.05), "all", PROVENANCE)


@pytest.mark.parametrize(
    "text",
    ["M-40x, Matte Black, 26 g", "26g, black", "26-g bud", "26 mm", "pack of 26 pcs", '26" case', "26%"],
)
def test_a_number_with_another_dimension_s_unit_is_no_value(text: str) -> None:
    made = resolve(HOURS, candidate("26", text))
    assert (made.status, made.values, made.alternatives) == (Status.NOT_STATED, (), ())
    assert made.probability == pytest.approx(0.95)  # what the proposal had is now "none"'s


@pytest.mark.parametrize(
    "text",
    ["26 h", "26 hours", "up to 26", "26 grey", "26 in black", '"26" edition', "26's", "26 G", "26 x 3 g"],
)
def test_a_number_with_its_own_unit_or_none_stays(text: str) -> None:
    made = resolve(HOURS, candidate("26", text))
    assert [(v.text, v.canonical) for v in made.values] == [("26", "26 h")]


def test_another_proposal_stands_where_one_is_dropped() -> None:
    made = resolve(HOURS, candidate("26", "26 g, lasts 30 h"), candidate("30", "26 g, lasts 30 h", 0.7))
    assert [(v.text, v.canonical) for v in made.values] == [("30", "30 h")]


@pytest.mark.parametrize(("text", "value"), [("about 26 mm wide", "26 mm"), ("26-inch", "26-inch")])
def test_a_compatible_unit_is_taken_in(text: str, value: str) -> None:
    (found,) = resolve(WIDTH, candidate("26", text)).values
    assert found.text == value
    assert found.canonical == {"26 mm": "2.6 cm", "26-inch": "66.04 cm"}[value]
    (evidence,) = found.evidence
    assert evidence.snippet is not None
    assert evidence.span == Span("title", 100 + text.index("26"), 100 + text.index("26") + len(value))
    assert evidence.snippet[evidence.snippet_start or 0 :].startswith(value)


def test_calibration_and_filling_see_the_same_proposals() -> None:
    resolver = Resolver(Policy(), Normaliser())
    assert resolver.proposals(HOURS, Answer((candidate("26", "26 g"),), 0.1)) == ()


def test_only_bare_numbers_of_an_attribute_with_a_known_unit_are_looked_at() -> None:
    unit = find_unit("h")
    assert unit is not None
    for text in ("26 g", "blue"):
        answer = Answer((candidate(text, f"{text} g"),), 0.1)
        assert measured(answer, unit) is answer
    bare = Answer((Candidate("26", 0.9, Evidence("inferred")),), 0.1)
    assert measured(bare, unit) is bare
    assert [v.text for v in resolve(Attribute("Number"), candidate("26", "26 g")).values] == ["26"]
    cups = Attribute("Capacity", unit="cups")
    assert [v.canonical for v in resolve(cups, candidate("26", "26 g")).values] == ["26"]


def test_scores_of_dropped_proposals_never_exceed_one() -> None:
    unit = find_unit("h")
    assert unit is not None
    answer = Answer((candidate("26", "26 g"), candidate("26", "a 26 mm", 0.8)), 0.3)
    assert measured(answer, unit) == Answer((), 1.0)
    assert measured(Answer(answer.candidates), unit).none_score is None
