"""How many threads an operation may use, and how many operations run at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """For many small operations one after another: a second thread only waits at their ends (on two busy
    cores the CRF took six times as long with both)."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def workers() -> int:
    """How many batches a model that can works on side by side: as many as torch has threads."""
    return torch.get_num_threads()


@contextmanager
def side_by_side(name: str) -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """As many workers as torch has threads, and their number; each computes with a thread of its own.

    Two batches side by side keep two cores busy all along; one batch over two cores does so only within its
    large products, and the Python between them runs on one.
    """
    many = workers()
    try:
        with ThreadPoolExecutor(many, name, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool, many
    finally:
        torch.set_num_threads(many)
