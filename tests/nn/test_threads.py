"""How many threads operations use, and how many operations run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from attrex.nn.threads import one_thread, side_by_side


@pytest.fixture(autouse=True)
def _two() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_one_thread_for_the_time_of_the_block() -> None:
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_workers_run_at_once_each_with_a_thread_of_its_own() -> None:
    meeting = threading.Barrier(2, timeout=60)

    def work() -> int:
        meeting.wait()  # passes only where the other is at work too
        with one_thread():
            torch.randn(4, 4).sum()
        return torch.get_num_threads()

    with side_by_side("worker") as (pool, workers):
        assert workers == 2
        made = [pool.submit(work) for _ in range(2)]
        assert [future.result() for future in made] == [1, 1]
    assert torch.get_num_threads() == 2
