from __future__ import annotations

from typing import Any

import pytest

from attrex.errors import ConfigError
from attrex.web.pace import Limits, Pace


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_without_limits_nothing_waits() -> None:
    pace = Pace(Limits(), Clock())
    pace.spend(10**9)
    assert [pace.delay() for _ in range(5)] == [0.0] * 5


def test_requests_are_spread_over_the_minute() -> None:
    clock = Clock()
    pace = Pace(Limits(requests_per_minute=30), clock)
    assert pace.delay() == 0
    assert pace.delay() == 2
    clock.at = 1.5
    assert pace.delay() == 0.5
    clock.at = 2
    assert pace.delay() == 0
    assert pace.delay() == 2


def test_a_minute_s_tokens_may_go_at_once_and_then_the_others_wait() -> None:
    clock = Clock()
    pace = Pace(Limits(tokens_per_minute=600), clock)
    pace.spend(600)
    assert pace.delay() == 0
    pace.spend(100)
    assert pace.delay() == 10
    clock.at = 10
    assert pace.delay() == 0


def test_who_is_asked_to_wait_waits() -> None:
    clock = Clock()
    pace = Pace(Limits(), clock)
    pace.close(7)
    pace.close(3)
    assert pace.delay() == 7
    clock.at = 7
    assert pace.delay() == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"concurrency": 0}, r"limits\.concurrency: expected a whole number from 1 on, got 0"),
        ({"tries": 2.5}, r"limits\.tries: expected a whole number from 1 on, got 2\.5"),
        ({"seconds": "ten"}, r"limits\.seconds: expected a number from 0\.001 on, got 'ten'"),
        ({"wait": float("inf")}, r"limits\.wait: expected a number from 0 on, got inf"),
        ({"requests_per_minute": 0}, r"limits\.requests_per_minute: expected a number from 0\.001 on, got 0"),
        ({"tempo": 1}, r"limits\.tempo: no such setting; there are concurrency, seconds, tries, wait"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Limits.of(given)
