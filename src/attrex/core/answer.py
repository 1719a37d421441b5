"""What a model says to one ask (one product x one attribute)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attrex.core.region import Region
from attrex.core.span import Span

EvidenceKind = Literal["span", "region", "inferred"]
Alignment = Literal["exact", "normalised", "fuzzy"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a value stands: characters of a source, a box in a picture, or nowhere.

    ``box`` is (left, top, right, bottom) in pixels of the upright ``picture``. ``snippet`` is the text
    around the span, ``snippet_start`` the span's start within it, so that a reader needs nothing else. A span
    that was read from a picture has both, with the ``confidence`` of the reading. A ``region`` is what a
    model says of a picture; of that, the pipeline makes ``picture`` and ``box``.
    """

    kind: EvidenceKind
    span: Span | None = None
    picture: str | None = None
    box: tuple[float, float, float, float] | None = None
    snippet: str | None = None
    snippet_start: int | None = None
    alignment: Alignment = "exact"
    confidence: float | None = None
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposed value. ``score`` lies in [0, 1] and grows with the model's own belief."""

    text: str
    score: float
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a model could not answer: ``kind`` for machines, ``message`` for people."""

    kind: Literal["unknown_attribute", "no_input", "failed"]
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Candidates (best first), the score of "none" on the same scale, and what went wrong, if anything.

    ``applicable`` is the probability that the attribute applies at all, where the model judges that.
    """

    candidates: tuple[Candidate, ...] = ()
    none_score: float | None = None
    applicable: float | None = None
    problem: Problem | None = None
