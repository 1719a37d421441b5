"""How one ask ended, against its gold."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, get_args

from attrex.errors import ConfigError
from attrex.evaluation.judged import Judged
from attrex.normalise.folding import joined, tokens
from attrex.text.folding import fold_text

Matching = Literal["exact", "folded", "loose"]
"""When two values are the same: "exact", equal but for white space, as the ExtractGPT benchmarks
count; "folded", equal after folding (letter case, accents, dashes, quotes), as distant labels are made;
"loose", the same but for their writing: punctuation, spaces and a plural s do not count either
("Built-In", "built in"; "50ml", "50 ml")."""

_MATCHINGS: tuple[str, ...] = get_args(Matching)


class Outcome(StrEnum):
    """The five ends of an ask with at most one predicted value."""

    VC = "VC"
    """A value was given, and it is one of the gold values."""
    VW = "VW"
    """A value was given, another is stated."""
    VN = "VN"
    """None was given, a value is stated."""
    NV = "NV"
    """A value was given, none is stated."""
    NN = "NN"
    """None was given, none is stated."""


def comparable(value: str, matching: Matching) -> str:
    """The form in which two values are compared for equality. Raises ``ConfigError`` for another matching."""
    if matching == "exact":
        return " ".join(value.split())
    if matching not in _MATCHINGS:
        raise ConfigError(f'matching: expected one of {", ".join(_MATCHINGS)}, got "{matching}"')
    if matching == "loose" and (words := tokens(value)):
        return joined(words)
    return " ".join(fold_text(value).split())


def value_set(values: Iterable[str], matching: Matching) -> frozenset[str]:
    """The distinct values; those that come to nothing are left out."""
    return frozenset(filter(None, (comparable(value, matching) for value in values)))


def value_outcome(judged: Judged, matching: Matching) -> Outcome:
    """The ask's end by value. Of several predicted values the first one counts."""
    gold = value_set(judged.gold, matching)
    given = next(filter(None, (comparable(v, matching) for v in judged.predicted)), None)
    return _outcome(given in gold, given is not None, bool(gold))


def span_outcome(judged: Judged) -> Outcome | None:
    """The ask's end by exact ``[start, end)`` and source; of several predicted spans the first counts.

    A value predicted without a span counts as none given. None where a value is stated of which
    nobody has said where it stands: such an ask cannot be judged by span.
    """
    if judged.gold and not judged.gold_spans:
        return None
    given = bool(judged.predicted_spans)
    correct = given and judged.predicted_spans[0] in judged.gold_spans
    return _outcome(correct, given, bool(judged.gold_spans))


def set_counts(judged: Judged, matching: Matching) -> tuple[int, int, int]:
    """All predicted against all gold values: true positives, false positives, false negatives."""
    gold, given = value_set(judged.gold, matching), value_set(judged.predicted, matching)
    return len(gold & given), len(given - gold), len(gold - given)


def _outcome(correct: bool, given: bool, stated: bool) -> Outcome:
    if given:
        return Outcome.VC if correct else Outcome.VW if stated else Outcome.NV
    return Outcome.VN if stated else Outcome.NN
