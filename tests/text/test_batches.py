"""Batches of like length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from attrex.text.batches import by_length


@given(st.lists(st.integers(0, 50)), st.integers(1, 100))
def test_everyone_is_in_one_batch_and_the_budget_holds(lengths: list[int], budget: int) -> None:
    batches = list(by_length(lengths, budget))
    assert sorted(at for batch in batches for at in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[at] for at in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
    flat = [lengths[at] for batch in batches for at in batch]
    assert flat == sorted(flat, reverse=True)
