from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from attrex.training.sampler import LengthGrouped

lengths = st.lists(st.integers(0, 500), max_size=200)
sizes = st.integers(1, 40)


def batches(of: list[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    sampler = LengthGrouped(of, size, seed)
    sampler.set_epoch(epoch)
    made = list(sampler)
    assert len(made) == len(sampler)
    return made


@given(lengths, sizes, st.integers(0, 99), st.integers(0, 9))
def test_each_example_comes_once_an_epoch(of: list[int], size: int, seed: int, epoch: int) -> None:
    made = batches(of, size, seed, epoch)
    assert sorted(at for batch in made for at in batch) == list(range(len(of)))
    assert all(1 <= len(batch) <= size for batch in made)
    assert sum(len(batch) < size for batch in made) <= 1


@given(lengths, sizes, st.integers(0, 99), st.integers(0, 9))
def test_the_order_depends_on_seed_and_epoch_alone(of: list[int], size: int, seed: int, epoch: int) -> None:
    made = batches(of, size, seed, epoch)
    assert made == batches(of, size, seed, epoch)
    # Whatever was drawn before.
    sampler = LengthGrouped(of, size, seed)
    list(sampler)
    sampler.set_epoch(epoch)
    assert list(sampler) == made


def test_seeds_and_epochs_draw_otherwise() -> None:
    of = list(range(100))
    drawn = [batches(of, 10, seed, epoch) for seed in range(2) for epoch in range(2)]
    assert all(drawn.count(each) == 1 for each in drawn)


def test_batches_are_of_like_length() -> None:
    of = [(7 * at) % 101 for at in range(2000)]
    made = batches(of, 16, 0, 0)
    padded = sum(len(batch) * max(of[at] for at in batch) for batch in made)
    assert padded < 1.1 * sum(of)
    # and still not in order of length
    longest = [max(of[at] for at in batch) for batch in made]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


@given(lengths, sizes, st.integers(2, 5))
def test_processes_share_every_batch(of: list[int], size: int, many: int) -> None:
    samplers = [LengthGrouped(of, size, 1, processes=many, rank=rank) for rank in range(many)]
    whole = batches(of, size, 1, 0)
    assert {len(each) for each in samplers} == {len(whole)}
    for batch, *shares in zip(whole, *samplers, strict=True):
        assert len({len(share) for share in shares}) == 1
        dealt = [at for share in shares for at in share]
        assert set(dealt) == set(batch)
        assert len(dealt) - len(batch) < many
