from __future__ import annotations

import itertools

from attrex.plan.stopwatch import Stopwatch
from tests.plan.scripted import A, B, Costing, product


def test_each_step_has_its_own_time_and_nothing_else_changes() -> None:
    ticks = itertools.accumulate([0, 5, 0, 3, 0, 2, 0, 4])
    watch = Stopwatch(Costing(), clock=lambda: next(ticks))
    prepared = watch.prepare([product(1), product(2)])
    assert [p.name for p in prepared] == ["w1 w1 w1 w1", "w2 w2 w2 w2"]
    assert watch.describe([A, B]) == ["A", "B"]
    assert len(watch.answer(prepared, ["A", "B"], [(0, 0), (1, 1), (1, 0)])) == 3
    assert watch.seconds == {"prepare": 5, "describe": 3, "answer": 2}
    watch.prepare([])
    assert watch.seconds["prepare"] == 9
    assert (watch.traits, watch.tokeniser) == (Costing.traits, Costing.tokeniser)
    watch.reset()
    assert sum(watch.seconds.values()) == 0
