"""Batches of long texts, which are learnt from in parts."""

from __future__ import annotations

from itertools import chain, pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attrex.supervision.pool import Pool
from attrex.training import Settings, fit
from attrex.training.sampler import parts
from tests.training.line import Line, pool


@given(st.lists(st.integers(0, 500), min_size=1, max_size=40), st.integers(1, 2000))
def test_a_part_holds_so_many_tokens_padded(lengths: list[int], most: int) -> None:
    made = list(parts(lengths, most))
    assert [at for part in made for at in range(len(lengths))[part]] == list(range(len(lengths)))
    sizes = [lengths[part] for part in made]
    assert all(len(part) == 1 or max(part) * len(part) <= most for part in sizes)
    for part, following in pairwise(sizes):  # as few as the order allows
        assert max(*part, following[0]) * (len(part) + 1) > most


class Sure(Line):
    """Without chance, of which parts draw more often."""

    def begin(self, pool: Pool) -> None:
        super().begin(pool)
        self.network.dropout.p = 0.0


def test_what_is_learnt_of_them_is_the_same() -> None:
    whole, parted = Sure(), Sure()
    given = {"epochs": 6, "batch": 4, "rates": {"default": 1e-2}, "averaging": 0.8}
    reports = [
        fit(whole, pool(), None, Settings(**given)),
        fit(parted, pool(), None, Settings(**given, max_tokens=3)),
    ]
    assert len(parted.seen) > len(whole.seen)
    assert list(chain(*parted.seen)) == list(chain(*whole.seen))
    ours, theirs = (dict(model.network.state_dict()) for model in (parted, whole))
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, rtol=1e-4, atol=1e-6)
    assert reports[0].loss == pytest.approx(reports[1].loss, rel=1e-4)
