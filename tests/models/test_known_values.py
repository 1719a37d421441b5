"""What is known of an attribute's values, and how a tagger's and a value head's opinions become one."""

from __future__ import annotations

import json

import pytest

from attrex.core import Candidate, Evidence, Product, Source, Span
from attrex.models import known_values
from attrex.models.known_values import KNOWN, Known, KnownValues, with_known
from attrex.models.tagging import tagged_windows
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import WORDS, Vocabulary
from tests.conformance.ten import SCHEMA, pool

TEXT = "chinos for men"
TAGGED = (Candidate("chinos", 0.8, Evidence("span", Span("title", 0, 6))),)


def reading() -> Reading:
    product = Product("1", None, (Source("title", TEXT),))
    return read([product], Vocabulary.learn([TEXT], cut=WORDS))[0]


def merged(unseen: float, *heads: float) -> tuple[dict[str, float], float]:
    known = Known(("Trousers", "Shirts"), unseen)
    candidates, none = with_known(TAGGED, 0.2, known, heads, reading())
    return {c.text: round(c.score, 4) for c in candidates}, round(none, 4)


def test_a_word_that_never_was_a_value_leaves_the_answer_to_a_head_that_is_sure() -> None:
    scores, none = merged(0.05, 0.05, 0.9, 0.05)
    worth = 0.05 / (0.05 + 0.95 * 0.9)
    left = 1 - 0.8 * worth
    assert scores == {
        "Trousers": round(left * 0.9, 4),
        "Shirts": round(left * 0.05, 4),
        "chinos": round(0.8 * worth, 4),
    }
    assert none == round(left * 0.05, 4)


def test_it_stays_the_answer_where_such_values_are_common_and_the_head_is_not_sure() -> None:
    scores, _ = merged(0.6, 0.5, 0.3, 0.2)
    assert max(scores, key=scores.__getitem__) == "chinos"
    assert scores["chinos"] == round(0.8 * 0.6 / (0.6 + 0.4 * 0.3), 4)


def test_several_such_words_leave_no_more_than_there_is() -> None:
    both = (*TAGGED, Candidate("men", 0.9, Evidence("span", Span("title", 11, 14))))
    candidates, none = with_known(both, 0.0, Known(("Trousers",), 0.0), [0.0, 1.0], reading())
    assert [(c.text, c.score) for c in candidates] == [("Trousers", 1.0)]
    assert none == 0.0


@pytest.mark.parametrize(("unseen", "heads"), [(1.0, (0.1, 0.9, 0.0)), (0.0, (1.0, 0.0, 0.0))])
def test_it_loses_nothing_where_no_known_value_may_be(unseen: float, heads: tuple[float, ...]) -> None:
    assert merged(unseen, *heads)[0]["chinos"] == 0.8


def test_a_known_value_in_another_writing_loses_nothing() -> None:
    known = Known(("Chino",), 0.0)
    candidates, none = with_known(TAGGED, 0.2, known, [0.5, 0.5], reading())
    assert [(c.text, round(c.score, 4)) for c in candidates] == [("chinos", 0.9)]
    assert none == pytest.approx(0.1)


def test_another_value_is_as_likely_as_those_that_were_seen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    unseen = known_values._unseen
    assert unseen([]) == unseen([1, 1]) == 1.0
    assert unseen([6, 2, 1, 1]) == 0.2
    monkeypatch.setattr(known_values, "MOST", 1)
    assert unseen([6, 2, 1, 1]) == 0.4  # of the commonest alone is known


def test_it_is_kept_in_the_model_s_folder() -> None:
    windows = tagged_windows(pool(), Vocabulary.learn([TEXT], cut=WORDS), 20)
    table = KnownValues().begin(list(SCHEMA.every), windows)
    assert [0 < each.unseen <= 1 for each in table.known] == [True] * 3
    assert set(json.loads(table.files()[KNOWN])) == {"values", "unseen"}
    assert KnownValues().remake(table.files()).known == table.known


def test_a_folder_that_knows_of_no_others_is_read_as_it_was() -> None:
    files = {"attributes.json": json.dumps(["Colour"]), KNOWN: json.dumps([["red", "blue"]])}
    assert KnownValues().remake(files).known == (Known(("red", "blue"), 1.0),)
