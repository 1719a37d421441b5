import time

import pytest

from attrex.core import Answer, Attribute, Candidate, Evidence, Problem, Provenance, Span, Status
from attrex.normalise import Normaliser
from attrex.resolve import Calibration, Line, Policy, Resolver, Thresholds

PROVENANCE = Provenance("m", "s", "n", "i", "model", False)
COLOUR = Attribute("Colour")
FEATURES = Attribute("Features", many=True)


def candidate(text: str, score: float, source: str = "title", start: int = 0) -> Candidate:
    return Candidate(text, score, Evidence("span", Span(source, start, start + len(text))))


def resolver(threshold: float = 0.5) -> Resolver:
    return Resolver(Policy(thresholds=Thresholds("f1", threshold)), Normaliser())


def resolve(attribute: Attribute, answer: Answer, read: str = "all", threshold: float = 0.5):  # type: ignore[no-untyped-def]
    return resolver(threshold).resolve("p1", attribute, answer, read, PROVENANCE)  # type: ignore[arg-type]


def test_the_best_value_is_found_and_the_rest_are_alternatives() -> None:
    made = resolve(COLOUR, Answer((candidate("Red", 0.3, start=9), candidate("Blue", 0.8)), 0.1))
    assert made.status is Status.FOUND
    assert [v.text for v in made.values] == ["Blue"]
    assert made.values[0].canonical == "Blue"
    assert made.probability == made.values[0].probability == pytest.approx(0.8)
    assert [v.text for v in made.alternatives] == ["Red"]
    assert (made.product_id, made.attribute, made.input_read) == ("p1", "Colour", "all")
    assert made.provenance is PROVENANCE


def test_places_of_one_canonical_value_are_gathered() -> None:
    answer = Answer((candidate("blue", 0.6, "bullets", 5), candidate("Blue", 0.9)), 0.1)
    (value,) = resolve(COLOUR, answer).values
    assert value.text == "Blue"
    assert [e.span for e in value.evidence] == [Span("title", 0, 4), Span("bullets", 5, 9)]


def test_not_stated_carries_the_probability_of_none() -> None:
    made = resolve(COLOUR, Answer((candidate("Red", 0.2),), 0.7))
    assert (made.status, made.values) == (Status.NOT_STATED, ())
    assert made.probability == pytest.approx(0.7)
    assert [v.text for v in made.alternatives] == ["Red"]
    empty = resolve(COLOUR, Answer((), 0.9))
    assert (empty.status, empty.alternatives) == (Status.NOT_STATED, ())


def test_a_proposal_likelier_than_none_but_below_the_threshold_is_abstained() -> None:
    made = resolve(COLOUR, Answer((candidate("Red", 0.6),), 0.3), threshold=0.9)
    assert (made.status, made.values, made.probability) == (Status.ABSTAINED, (), None)
    assert [v.text for v in made.alternatives] == ["Red"]


def test_not_applicable_is_what_the_model_judges() -> None:
    made = resolve(COLOUR, Answer((candidate("Red", 0.9),), 0.1, applicable=0.2))
    assert (made.status, made.values) == (Status.NOT_APPLICABLE, ())
    assert made.probability == pytest.approx(0.8)
    assert resolve(COLOUR, Answer((candidate("Red", 0.9),), 0.1, applicable=0.7)).status is Status.FOUND


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("failed", Status.UNREADABLE),
        ("no_input", Status.UNREADABLE),
        ("unknown_attribute", Status.ABSTAINED),
    ],
)
def test_a_problem_has_no_value(kind: str, status: Status) -> None:
    made = resolve(COLOUR, Answer((), 0.5, problem=Problem(kind, "why")))  # type: ignore[arg-type]
    assert (made.status, made.values, made.probability) == (status, (), None)


def test_input_that_was_not_or_only_partly_read_is_unreadable_unless_something_is_found() -> None:
    assert resolve(COLOUR, Answer((), 0.9), read="none").status is Status.UNREADABLE
    assert resolve(COLOUR, Answer((), 0.9), read="part").status is Status.UNREADABLE
    assert resolve(COLOUR, Answer((candidate("Red", 0.9),), 0.1), read="part").status is Status.FOUND


def test_sources_that_disagree_are_a_conflict() -> None:
    made = resolve(COLOUR, Answer((candidate("Red", 0.9), candidate("Blue", 0.7, "bullets")), 0.1))
    assert (made.status, made.values, made.probability) == (Status.CONFLICT, (), None)
    assert [v.text for v in made.alternatives] == ["Red", "Blue"]


@pytest.mark.parametrize(
    "rival",
    [
        candidate("Blue", 0.7, start=20),  # the same source: two proposals, no disagreement
        candidate("Blue", 0.3, "bullets"),  # not well supported
        candidate("Dark red", 0.7, "bullets"),  # compatible
        Candidate("Blue", 0.7, Evidence("inferred")),  # stands nowhere
    ],
)
def test_no_conflict(rival: Candidate) -> None:
    made = resolve(COLOUR, Answer((candidate("Red", 0.9), rival), 0.1), threshold=0.25)
    assert made.status is Status.FOUND
    assert [v.text for v in made.values] == ["Red"]


def test_a_rival_less_than_half_as_probable_makes_no_conflict() -> None:
    made = resolve(
        COLOUR, Answer((candidate("Red", 0.9), candidate("Blue", 0.4, "bullets")), 0.1), threshold=0.2
    )
    assert made.status is Status.FOUND


def test_many_values_are_all_found_but_a_part_of_a_place_is_not_a_second_value() -> None:
    answer = Answer(
        (
            candidate("water resistant", 0.9),
            candidate("water", 0.8),
            candidate("light", 0.7, start=20),
            candidate("warm", 0.2, start=30),
        ),
        0.1,
    )
    made = resolve(FEATURES, answer)
    assert made.status is Status.FOUND
    assert [v.text for v in made.values] == ["water resistant", "light"]
    assert [v.text for v in made.alternatives] == ["water", "warm"]


def test_calibration_and_own_thresholds_are_applied() -> None:
    policy = Policy(
        Calibration(Line(), {"Colour": Line(1.0, 2.0)}, Line(1.0, -1.0), fitted=True),
        Thresholds("f1", 0.5, {"Size": 0.95}),
    )
    decide = Resolver(policy, Normaliser())
    assert decide.calibrated
    made = decide.resolve("p", COLOUR, Answer((candidate("Red", 0.3),), 0.7), "all", PROVENANCE)
    assert made.status is Status.FOUND
    assert made.probability == pytest.approx(Line(1.0, 2.0).probability(0.3))
    size = decide.resolve("p", Attribute("Size"), Answer((candidate("M", 0.9),), 0.1), "all", PROVENANCE)
    assert size.status is Status.ABSTAINED
    none = decide.resolve("p", Attribute("Size"), Answer((), 0.9), "all", PROVENANCE)
    assert none.probability == pytest.approx(Line(1.0, -1.0).probability(0.9))


def test_knots_are_applied_after_the_lines() -> None:
    policy = Policy(Calibration(knots=((0.4, 0.1), (0.6, 0.9)), fitted=True))
    made = Resolver(policy, Normaliser()).resolve(
        "p", COLOUR, Answer((candidate("Red", 0.6),), 0.1), "all", PROVENANCE
    )
    assert made.probability == pytest.approx(0.9)


def test_probabilities_equal_those_of_the_calibration() -> None:
    calibration = Calibration(Line(0.7, 0.3), {"Colour": Line(1.3, -0.2)}, fitted=True)
    decide = Resolver(Policy(calibration, Thresholds("f1", 0.0)), Normaliser())
    for score in (0.0, 0.01, 0.4, 0.77, 1.0):
        (value,) = decide.proposals(COLOUR, Answer((candidate("Red", score),), 0.5))
        assert value.probability == pytest.approx(calibration.probability("Colour", score))


def test_proposals_are_the_best_one_or_all_apart() -> None:
    answer = Answer((candidate("a b", 0.2), candidate("a", 0.9), candidate("c", 0.1, start=9)), 0.5)
    assert [v.text for v in resolver().proposals(COLOUR, answer)] == ["a"]
    assert [v.text for v in resolver().proposals(FEATURES, answer)] == ["a", "c"]
    assert resolver().proposals(COLOUR, Answer((), 0.5)) == ()


def test_a_missing_none_score_is_what_the_best_proposal_leaves() -> None:
    made = resolve(COLOUR, Answer((candidate("Red", 0.2),), None))
    assert made.status is Status.NOT_STATED
    assert made.probability == pytest.approx(0.8)


def test_twenty_thousand_asks_a_second() -> None:
    decide = resolver()
    answers = [
        Answer((candidate("Red", 0.9), candidate("Blue", 0.2, start=9)), 0.1),
        Answer((candidate("Red", 0.2),), 0.8),
    ] * 5000
    start = time.perf_counter()
    for answer in answers:
        decide.resolve("p", COLOUR, answer, "all", PROVENANCE)
    assert len(answers) / (time.perf_counter() - start) > 20_000
