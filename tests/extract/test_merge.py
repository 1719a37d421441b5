import pytest

from attrex.core import Answer, Candidate, Evidence, Problem, Product, Source, Span
from attrex.extract.merge import KEPT, Merged
from attrex.extract.snippet import AROUND, show
from attrex.text.windows import Window

TEXT = "Blue lamp and a red shade of warm steel"
PRODUCT = Product("p", sources=(Source("title", TEXT),))
WHOLE = Window(PRODUCT, 0, {}, frozenset(), frozenset())


def window(start: int, end: int) -> Window:
    part = Product("p", sources=(Source("title", TEXT[start:end]),))
    left = frozenset({"title"}) if start else frozenset()
    right = frozenset({"title"}) if end < len(TEXT) else frozenset()
    return Window(part, 0, {"title": start}, left, right)


def found(text: str, score: float, start: int, source: str = "title") -> Candidate:
    return Candidate(text, score, Evidence("span", Span(source, start, start + len(text)), alignment="fuzzy"))


def merge(*parts: tuple[Answer, Window]):  # type: ignore[no-untyped-def]
    merged = Merged()
    for answer, part in parts:
        merged.add(answer, part)
    return merged.result({"title": TEXT})


def test_spans_move_back_to_the_original_text() -> None:
    answer, read = merge((Answer((found("red", 0.8, 6),), 0.2), window(10, 25)))
    assert read == "all"
    (candidate,) = answer.candidates
    span = candidate.evidence.span
    assert span == Span("title", 16, 19)
    assert TEXT[span.start : span.end] == candidate.text == "red"
    assert candidate.evidence.alignment == "fuzzy"


def test_the_same_place_seen_twice_is_one_candidate_with_the_higher_score() -> None:
    answer, _ = merge(
        (Answer((found("red", 0.5, 16),), 0.5), window(0, 30)),
        (Answer((found("red", 0.8, 6),), 0.2), window(10, 39)),
    )
    assert [(c.text, c.score) for c in answer.candidates] == [("red", 0.8)]
    assert answer.none_score == 0.2


def test_a_span_at_a_cut_edge_is_dropped_and_one_at_the_text_s_own_end_is_kept() -> None:
    cut_right = merge((Answer((found("red", 0.8, 6),), 0.2), window(10, 19)))[0]
    assert cut_right.candidates == ()
    cut_left = merge((Answer((found("red", 0.8, 0),), 0.2), window(16, 30)))[0]
    assert cut_left.candidates == ()
    own_end = merge((Answer((found("steel", 0.8, 4),), 0.2), window(30, 39)))[0]
    assert [c.text for c in own_end.candidates] == ["steel"]
    own_start = merge((Answer((found("Blue", 0.8, 0),), 0.2), window(0, 9)))[0]
    assert [c.text for c in own_start.candidates] == ["Blue"]


def test_none_is_decided_once_a_product() -> None:
    answer, _ = merge(
        (Answer((), 0.99), window(0, 15)),
        (Answer((found("red", 0.8, 6),), 0.2), window(10, 30)),
        (Answer((), 0.99), window(25, 39)),
    )
    assert answer.none_score == 0.2
    assert [c.text for c in answer.candidates] == ["red"]


def test_the_attribute_applies_if_any_window_says_so() -> None:
    answer, _ = merge((Answer((), 0.9, 0.1), window(0, 15)), (Answer((), 0.9, 0.8), window(10, 39)))
    assert answer.applicable == 0.8


def test_windows_that_fail_make_the_input_read_in_part_or_not_at_all() -> None:
    failed = Answer(problem=Problem("failed", "too hot"))
    answer, read = merge((failed, window(0, 15)), (Answer((), 0.9), window(10, 39)))
    assert (read, answer.problem, answer.none_score) == ("part", None, 0.9)
    answer, read = merge((failed, window(0, 15)), (failed, window(10, 39)))
    assert (read, answer.problem) == ("none", failed.problem)


def test_candidates_that_stand_nowhere_are_one_per_text() -> None:
    inferred = Candidate("Summer", 0.6, Evidence("inferred"))
    answer, _ = merge((Answer((inferred,), 0.4), window(0, 15)), (Answer((inferred,), 0.4), window(10, 39)))
    assert [c.evidence.kind for c in answer.candidates] == ["inferred"]


def test_the_best_come_first_and_the_tail_is_left() -> None:
    many = tuple(found(TEXT[i : i + 1], i / 100, i) for i in range(len(TEXT)) if TEXT[i] != " ")
    answer, _ = merge((Answer(many, 0.2), WHOLE))
    scores = [c.score for c in answer.candidates]
    assert len(scores) == KEPT
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("at", [0, 30, 150, 296])
def test_a_snippet_holds_its_value_and_whole_words(at: int) -> None:
    words = [f"w{i:03d}" for i in range(60)]
    text = " ".join(words)
    start = at // 5 * 5
    evidence = show(Span("title", start, start + 4), text, Evidence("span"))
    assert evidence.snippet is not None
    assert evidence.snippet_start is not None
    assert evidence.snippet[evidence.snippet_start :][:4] == text[start : start + 4]
    assert set(evidence.snippet.split()) <= set(words)
    assert len(evidence.snippet) <= 4 + 2 * AROUND


def test_a_snippet_of_a_text_without_spaces_is_cut_all_the_same() -> None:
    evidence = show(Span("title", 500, 510), "x" * 1000, Evidence("span"))
    assert evidence.snippet == "x" * (10 + 2 * AROUND)
    assert evidence.snippet_start == AROUND
