"""One answer per ask from the answers of a product's windows."""

from __future__ import annotations

from collections.abc import Mapping

from attrex.core import Answer, Candidate, Evidence, InputRead, Problem, Span
from attrex.extract.snippet import show
from attrex.text.windows import Window

KEPT = 16
"""Candidates that go on to resolving; the rest of a long product's are noise."""

_Place = tuple[str, int, int] | str
_Found = tuple[float, str, Span | None, Evidence]


class Merged:
    """Gathers one ask's answers, window by window.

    Candidates at the same characters are one, with the higher score; a span that touches an edge
    where its window was cut may be half a value and is dropped, for the neighbouring window holds the
    whole. "None" is decided once a product: its score is the least of all windows'.
    """

    __slots__ = ("_answered", "_applicable", "_asked", "_found", "_none", "_problem")

    def __init__(self) -> None:
        self._found: dict[_Place, _Found] = {}
        self._none: float | None = None
        self._applicable: float | None = None
        self._problem: Problem | None = None
        self._asked = self._answered = 0

    def add(self, answer: Answer, window: Window) -> None:
        """Takes in one window's answer; spans are moved to the original text's characters."""
        self._asked += 1
        if answer.problem is not None:
            self._problem = self._problem or answer.problem
            return
        self._answered += 1
        if answer.none_score is not None and (self._none is None or answer.none_score < self._none):
            self._none = answer.none_score
        if answer.applicable is not None and (
            self._applicable is None or answer.applicable > self._applicable
        ):
            self._applicable = answer.applicable
        for candidate in answer.candidates:
            span = candidate.evidence.span
            place: _Place
            if span is None:
                place = candidate.text
            else:
                if window.offsets:
                    if _touches_cut(span, window):
                        continue
                    offset = window.offsets.get(span.source, 0)
                    span = span.shifted(offset) if offset else span
                place = (span.source, span.start, span.end)
            known = self._found.get(place)
            if known is None or candidate.score > known[0]:
                self._found[place] = (candidate.score, candidate.text, span, candidate.evidence)

    def result(self, texts: Mapping[str, str]) -> tuple[Answer, InputRead]:
        """The product's answer, best candidate first and each with its snippet, and how much was read.
        ``texts`` are the whole sources by name."""
        if not self._answered:
            return Answer((), None, None, self._problem), "none"
        found = list(self._found.values())
        if len(found) > 1:
            found.sort(key=_falling)
        candidates = tuple(
            [
                Candidate(text, score, evidence if span is None else show(span, texts[span.source], evidence))
                for score, text, span, evidence in found[:KEPT]
            ]
        )
        read: InputRead = "all" if self._answered == self._asked else "part"
        return Answer(candidates, self._none, self._applicable), read


def _touches_cut(span: Span, window: Window) -> bool:
    if span.start == 0 and span.source in window.cut_left:
        return True
    if span.source not in window.cut_right:
        return False
    text = window.product.text(span.source)
    return text is not None and span.end >= len(text)


def _falling(found: _Found) -> tuple[float, str, int, str]:
    """Best first; equals in the order of the text, so that results never hang on chance."""
    score, text, span, _ = found
    return (-score, "", -1, text) if span is None else (-score, span.source, span.start, text)
